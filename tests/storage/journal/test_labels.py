import pytest

from storage.core.errors import NotFound, StaleEdit
from storage.journal.image_edits import CLASS_REMOVED
from storage.queries.image_rows import NO_PICTURE
from storage.records import ClassRecord, Filter
from tests.sentences import raises_sentence
from tests.storage.conftest import Add
from workbench.stores import Stores


@pytest.fixture
def full(stores: Stores) -> ClassRecord:
    return stores.classes.add("Full", "#0072B2", "ann")


def revisions(stores: Stores, image_ids: list[int]) -> dict[int, int]:
    return {image.id: image.revision for image in stores.catalogue.several(image_ids)}


def test_many_pictures_are_labelled_as_one_event(stores: Stores, add: Add, full: ClassRecord) -> None:
    image_ids = add("a.jpg", "b.jpg", "c.jpg")
    changed, event_id = stores.edits.label(image_ids, full, "ann")
    assert (changed, stores.journal.event(event_id).pictures) == (3, 3)
    assert stores.edits.label(image_ids, full, "ann") == (0, None)
    assert stores.edits.label(image_ids[:1], None, "ann")[0] == 1
    assert stores.pages.all_ids(Filter(status="labelled")) == image_ids[1:]


def test_a_picture_that_is_not_there_changes_nothing(stores: Stores, add: Add, full: ClassRecord) -> None:
    image_ids = add("a.jpg")
    archived = add("b.jpg")
    stores.edits.archive(archived, "ann")
    for missing in (999, 2**70, -1, *archived):
        for change in (
            lambda ids: stores.edits.label(ids, full, "ann"),
            lambda ids: stores.edits.archive(ids, "ann"),
            stores.catalogue.require,
        ):
            with raises_sentence(NotFound, NO_PICTURE.format(id=missing)):
                change([*image_ids, missing])
    assert stores.pages.all_ids(Filter(status="unlabelled")) == image_ids


def test_a_class_that_was_removed_meanwhile_is_given_to_no_picture(
    stores: Stores, add: Add, full: ClassRecord
) -> None:
    image_ids = add("a.jpg")
    stores.classes.remove(full.id, "ben")
    with raises_sentence(NotFound, CLASS_REMOVED.format(name="Full")):
        stores.edits.label(image_ids, full, "ann")
    image_ids += add("b.jpg", label=full)
    assert stores.pages.all_ids(Filter(status="unlabelled")) == image_ids


def test_an_edit_of_what_was_changed_since_is_refused_whole(
    stores: Stores, add: Add, full: ClassRecord
) -> None:
    image_ids = add("a.jpg", "b.jpg")
    seen = revisions(stores, image_ids)
    stores.edits.label(image_ids[:1], full, "ben")
    with pytest.raises(StaleEdit):
        stores.edits.label(image_ids, None, "ann", seen)
    assert stores.pages.all_ids(Filter(label="Full")) == image_ids[:1]
    changed, _ = stores.edits.label(image_ids, None, "ann", revisions(stores, image_ids))
    assert changed == 1


def test_undo_also_makes_an_edit_stale(stores: Stores, add: Add, full: ClassRecord) -> None:
    image_ids = add("a.jpg")
    stores.edits.label(image_ids, full, "ann")
    seen = revisions(stores, image_ids)
    stores.journal.undo("ann")
    with pytest.raises(StaleEdit):
        stores.edits.label(image_ids, full, "ann", seen)


def test_an_archived_picture_leaves_every_list_and_comes_back_with_its_file(
    stores: Stores, add: Add, full: ClassRecord
) -> None:
    image_ids = add("a.jpg", label=full)
    sha256 = stores.catalogue.get(image_ids[0]).sha256
    stores.edits.archive(image_ids, "ann")
    assert stores.catalogue.summary(stores.classes.all()).images == 0
    assert stores.catalogue.known([sha256]) == {}
    assert stores.catalogue.several(image_ids) == []
    with pytest.raises(NotFound):
        stores.catalogue.get(image_ids[0])
    assert add("a.jpg") == image_ids
    assert add("a.jpg") == []
    assert stores.catalogue.known([sha256]) == {sha256: image_ids[0]}


def test_the_summary_counts_what_is_there(stores: Stores, add: Add, full: ClassRecord) -> None:
    add("a.jpg", "b.jpg", label=full)
    add("c.jpg", synthetic=True)
    summary = stores.catalogue.summary(stores.classes.all())
    assert (summary.images, summary.labelled, summary.unlabelled, summary.synthetic) == (3, 2, 1, 1)
    assert summary.counts == {"Full": 2}
    assert summary.colours == {"Full": "#0072B2"}
