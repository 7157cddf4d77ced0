from collections.abc import Callable

import pytest

from storage.errors import Conflict, NotFound
from storage.records import ClassRecord
from tests.storage.conftest import Add
from workbench.stores import Stores

TABLES = {
    "images": "SELECT id, class_id, archived FROM images ORDER BY id",
    "classes": "SELECT id, name, colour, position FROM classes WHERE removed = 0 ORDER BY id",
}


def rows(stores: Stores) -> dict[str, list[tuple]]:
    return {table: [tuple(row) for row in stores.database.rows(sql)] for table, sql in TABLES.items()}


def label_of(stores: Stores, image_id: int) -> str | None:
    return stores.catalogue.get(image_id).label


@pytest.fixture
def full(stores: Stores) -> ClassRecord:
    return stores.classes.add("Full", "#0072B2", "ann")


@pytest.fixture
def half(stores: Stores) -> ClassRecord:
    return stores.classes.add("Half", "#E69F00", "ann")


def test_an_event_says_who_when_before_and_after(stores: Stores, add: Add, full: ClassRecord) -> None:
    image_id = add("a.jpg")[0]
    _, event_id = stores.edits.label([image_id], full, "ben")
    event = stores.journal.event(event_id)
    assert (event.actor, event.kind, event.undone, event.pictures) == ("ben", "label", False, 1)
    assert event.created_at.startswith("20")
    changes = {(each.entity_id, each.field): (each.before, each.after) for each in stores.journal.changes(event_id)}
    assert changes == {(image_id, "class_id"): (None, full.id), (image_id, "labelled_by"): ("", "ben")}


def test_undo_walks_back_through_every_kind_of_change_to_the_exact_rows(
    stores: Stores, reopened: Callable[[], Stores], add: Add
) -> None:
    images = add("a.jpg", "b.jpg", "c.jpg")
    states = [rows(stores)]
    steps = [
        lambda: stores.classes.add("Full", "#0072B2", "ann"),
        lambda: stores.classes.add("Half", "#E69F00", "ann"),
        lambda: stores.edits.label(images[:2], stores.classes.get("Full"), "ann"),
        lambda: stores.edits.label(images[2:], stores.classes.get("Half"), "ann"),
        lambda: stores.classes.rename(stores.classes.get("Half").id, "Half full", "ann"),
        lambda: stores.classes.recolour(stores.classes.get("Full").id, "#000000", "ann"),
        lambda: stores.edits.archive(images[:1], "ann"),
        lambda: stores.classes.remove(
            stores.classes.get("Full").id, "ann", into=stores.classes.get("Half full").id
        ),
        lambda: stores.edits.label(images[1:2], None, "ann"),
        lambda: stores.classes.remove(stores.classes.get("Half full").id, "ann"),
    ]
    for step in steps:
        step()
        states.append(rows(stores))
        assert states[-1] != states[-2]
    later = reopened()
    for expected in reversed(states[:-1]):
        later.journal.undo("ann")
        assert rows(later) == expected
    with pytest.raises(NotFound, match="nothing left to undo"):
        later.journal.undo("ann")


def test_undo_gives_the_event_and_is_written_down(
    stores: Stores, reopened: Callable[[], Stores], add: Add, full: ClassRecord
) -> None:
    _, event_id = stores.edits.label(add("a.jpg"), full, "ann")
    undone = reopened().journal.undo("ann")
    assert (undone.id, undone.undone) == (event_id, True)
    newest = stores.journal.recent(1)[0]
    assert (newest.kind, newest.actor) == ("undo", "ann")
    assert undone.summary in newest.summary


def test_a_change_after_an_undo_is_the_next_to_be_undone(
    stores: Stores, add: Add, full: ClassRecord, half: ClassRecord
) -> None:
    image_id = add("a.jpg")[0]
    for label in (full, half):
        stores.edits.label([image_id], label, "ann")
    stores.journal.undo("ann")
    stores.edits.label([image_id], None, "ann")
    stores.journal.undo("ann")
    assert label_of(stores, image_id) == "Full"
    stores.journal.undo("ann")
    assert label_of(stores, image_id) is None


def test_an_import_is_not_undone(stores: Stores, add: Add) -> None:
    stores.classes.add("Full", "#0072B2", "ann", kind="import")
    add("a.jpg", label=stores.classes.get("Full"))
    with pytest.raises(NotFound):
        stores.journal.undo("ann")
    assert stores.classes.get("Full").count == 1


def test_a_class_that_an_import_filled_stays(stores: Stores, add: Add, full: ClassRecord) -> None:
    add("a.jpg", label=full)
    before = rows(stores)
    with pytest.raises(Conflict, match="1 picture has the class “Full” now\\. Remove the class by hand"):
        stores.journal.undo("ann")
    assert rows(stores) == before


@pytest.mark.parametrize(("old", "new"), [("Full", "full"), ("Füll", "FÜLL")])
def test_undo_never_makes_two_classes_of_one_name(stores: Stores, old: str, new: str) -> None:
    stores.classes.add(old, "#0072B2", "ann")
    stores.classes.remove(stores.classes.get(old).id, "ann")
    stores.classes.add(new, "#0072B2", "ann", kind="import")
    before = rows(stores)
    with pytest.raises(Conflict, match="another class has taken the name"):
        stores.journal.undo("ann")
    assert rows(stores) == before
