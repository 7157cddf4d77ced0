from collections.abc import Callable

import pytest

from storage.core.errors import Conflict, NotFound, StaleEdit
from storage.journal.changes import CHANGED_BY, CLASS_IN_USE, CLASS_REMOVED, NAME_TAKEN, STAYS
from storage.journal.events import NOTHING_LEFT
from storage.records import ClassRecord
from tests.sentences import raises_sentence
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
    changes = {
        (change.entity_id, change.field): (change.before, change.after)
        for change in stores.journal.changes(event_id)
    }
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
    with raises_sentence(NotFound, NOTHING_LEFT.format(verb="undo")):
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
    in_use = CLASS_IN_USE.format(act="Undo", pictures="1 picture has", name="Full")
    with raises_sentence(Conflict, in_use):
        stores.journal.undo("ann")
    assert rows(stores) == before


@pytest.mark.parametrize(("old", "new"), [("Full", "full"), ("Füll", "FÜLL")])
def test_undo_never_makes_two_classes_of_one_name(stores: Stores, old: str, new: str) -> None:
    stores.classes.add(old, "#0072B2", "ann")
    stores.classes.remove(stores.classes.get(old).id, "ann")
    stores.classes.add(new, "#0072B2", "ann", kind="import")
    before = rows(stores)
    with raises_sentence(Conflict, NAME_TAKEN.format(act="Undo", summary=f"removed class {old}")):
        stores.journal.undo("ann")
    assert rows(stores) == before


def test_each_person_walks_back_and_forth_through_their_own_changes(
    stores: Stores, add: Add, full: ClassRecord, half: ClassRecord
) -> None:
    first, second = add("a.jpg", "b.jpg")
    _, labelled = stores.edits.label([first], full, "cleo")
    _, other = stores.edits.label([second], full, "ben")
    _, again = stores.edits.label([first], half, "cleo")
    assert [stores.journal.undo("cleo").id, stores.journal.undo("cleo").id] == [again, labelled]
    assert (label_of(stores, first), label_of(stores, second)) == (None, "Full")
    with raises_sentence(NotFound, NOTHING_LEFT.format(verb="undo")):
        stores.journal.undo("cleo")
    redoable = stores.journal.redoable("cleo")
    assert redoable is not None
    assert (redoable.id, redoable.undone) == (labelled, True)
    assert stores.journal.redoable("ben") is None
    assert [stores.journal.redo("cleo").id, stores.journal.redo("cleo").undone] == [labelled, False]
    assert label_of(stores, first) == "Half"
    with raises_sentence(NotFound, NOTHING_LEFT.format(verb="redo")):
        stores.journal.redo("cleo")
    assert stores.journal.undo("ben").id == other


def test_a_new_change_ends_what_can_be_redone(
    stores: Stores, add: Add, full: ClassRecord, half: ClassRecord
) -> None:
    [image_id] = add("a.jpg")
    stores.edits.label([image_id], full, "ben")
    stores.journal.undo("ben")
    stores.edits.label([image_id], half, "ben")
    assert stores.journal.redoable("ben") is None
    stores.journal.undo("ben")
    stores.journal.redo("ben")
    assert stores.journal.redoable("ben") is None
    assert label_of(stores, image_id) == "Half"


def test_what_somebody_else_changed_since_is_neither_undone_nor_redone(
    stores: Stores, add: Add, full: ClassRecord, half: ClassRecord
) -> None:
    images = add("a.jpg", "b.jpg")
    stores.edits.label(images, full, "ben")
    stores.edits.label(images[1:], half, "cleo")
    before = rows(stores)
    relabelled = CHANGED_BY.format(actor="cleo", summary="labelled 1 picture as Half")
    with raises_sentence(Conflict, STAYS.format(summary="labelled 2 pictures as Full", reason=relabelled)):
        stores.journal.undo("ben")
    assert rows(stores) == before
    stores.journal.undo("cleo")
    stores.edits.tag(images, ["x"], [], "cleo")
    stores.journal.undo("ben")
    stores.edits.label(images[:1], half, "cleo")
    undone = "undid: labelled 2 pictures as Full"
    with raises_sentence(Conflict, STAYS.format(summary=undone, reason=relabelled)):
        stores.journal.redo("ben")


@pytest.mark.parametrize("verb", ["undo", "redo"])
def test_only_what_was_shown_is_undone_or_redone(
    stores: Stores, add: Add, full: ClassRecord, half: ClassRecord, verb: str
) -> None:
    images = add("a.jpg", "b.jpg")
    _, first = stores.edits.label(images[:1], full, "ben")
    _, second = stores.edits.label(images[1:], half, "ben")
    shown, next_one = (first, second)
    if verb == "redo":
        stores.journal.undo("ben")
        stores.journal.undo("ben")
        shown, next_one = (second, first)
    walk = getattr(stores.journal, verb)
    with pytest.raises(StaleEdit):
        walk("ben", shown)
    assert walk("ben", next_one).id == next_one


def test_an_undo_that_needs_a_class_that_is_gone_is_refused(
    stores: Stores, add: Add, full: ClassRecord, half: ClassRecord
) -> None:
    [image_id] = add("a.jpg")
    for to in (full, half):
        stores.edits.label([image_id], to, "ben")
    stores.classes.remove(full.id, "cleo")
    with raises_sentence(Conflict, CLASS_REMOVED.format(act="Undo", name="Full")):
        stores.journal.undo("ben")
    stores.journal.undo("cleo")
    stores.journal.undo("ben")
    assert label_of(stores, image_id) == "Full"


def test_the_history_of_a_picture_says_everything_in_words(
    stores: Stores, add: Add, full: ClassRecord, half: ClassRecord
) -> None:
    first, second = add("a.jpg", "b.jpg")
    stores.edits.label([first, second], full, "ann")
    stores.edits.tag([first], ["odd"], [], "ben")
    stores.edits.pin([first], "train", "ben")
    stores.edits.review({first: 3}, half, "ben")
    stores.edits.archive([first], "cleo")
    stores.journal.undo("cleo")
    stores.edits.label([second], half, "ann")
    history = [
        (entry.event.actor, entry.event.summary, [(c.field, c.before, c.after) for c in entry.changes])
        for entry in stores.journal.history(first)
    ]
    assert history == [
        ("cleo", "undid: removed 1 picture", [("place", "in the bin", "in the catalogue")]),
        ("cleo", "removed 1 picture", [("place", "in the catalogue", "in the bin")]),
        (
            "ben",
            "reviewed 1 picture as Half",
            [
                ("class in the second opinion", "none", "Half"),
                ("reviewed by", "none", "ben"),
                ("second opinion", "none", "disagreed"),
            ],
        ),
        ("ben", "moved 1 picture to training", [("split by hand", "automatic", "train")]),
        ("ben", "tagged 1 picture with odd", [("tags", "none", "odd")]),
        (
            "ann",
            "labelled 2 pictures as Full",
            [("class", "none", "Full"), ("labelled by", "none", "ann")],
        ),
        ("", "came in as a.jpg", []),
    ]
    with pytest.raises(NotFound, match="9"):
        stores.journal.history(9)


def test_activity_counts_what_stands_for_each_person_and_day(
    stores: Stores, add: Add, full: ClassRecord
) -> None:
    images = add("a.jpg", "b.jpg", "c.jpg")
    _, early = stores.edits.label(images[:2], full, "ben")
    with stores.database.write() as connection:
        connection.execute(
            "UPDATE events SET created_at = '2020-02-03T04:05:06.000+00:00' WHERE id = ?", (early,)
        )
    stores.edits.label(images, full, "ben")
    stores.edits.archive(images[:1], "ben")
    stores.edits.tag(images[1:], ["x"], [], "ben")
    stores.journal.undo("ben")
    days = [day for day in stores.journal.activity() if day.actor == "ben"]
    assert [(day.events, day.pictures, day.labelled) for day in days] == [(2, 2, 1), (1, 2, 2)]
    assert days[1].day == "2020-02-03"
    assert [day.day for day in stores.journal.activity(days=1)] == [days[0].day] * 2
