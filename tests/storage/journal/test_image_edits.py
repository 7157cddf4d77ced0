import sqlite3
from collections.abc import Callable

import pytest

from storage.core.errors import Conflict, DomainError, NotFound, StaleEdit
from storage.journal.changes import CHANGED_BY, STAYS
from storage.journal.image_edits import (
    BLANK_TAG,
    CLASS_REMOVED,
    CONTROL_CHARACTERS,
    LONGEST_NOTE,
    LONGEST_TAG,
    MOST_TAGS,
    NOTHING_TO_REVIEW,
    OWN_LABEL,
    TOO_LONG,
)
from storage.queries.image_rows import NOT_IN_BIN
from storage.records import ClassRecord, FieldChange, Filter, ImageRecord, NewImage, SnapshotItem
from storage.training.snapshots import SplitDraft
from tests.sentences import raises_sentence
from tests.storage.conftest import Add
from workbench.stores import Stores


@pytest.fixture
def full(stores: Stores) -> ClassRecord:
    return stores.classes.add("Full", "#0072B2", "zoe")


@pytest.fixture
def half(stores: Stores) -> ClassRecord:
    return stores.classes.add("Half", "#E69F00", "zoe")


def seen(stores: Stores, *image_ids: int) -> dict[int, int]:
    return {image.id: image.revision for image in stores.catalogue.several(image_ids)}


def reviewed(image: ImageRecord) -> tuple[str | None, str, str, str, str | None]:
    return image.label, image.labelled_by, image.review, image.reviewed_by, image.review_label


def test_a_second_opinion_agrees_or_disagrees_and_one_label_settles_it(
    stores: Stores, add: Add, full: ClassRecord, half: ClassRecord
) -> None:
    first, second, third = add(*"abc")
    stores.edits.label([first, second, third], full, "ann")
    assert stores.edits.review(seen(stores, first), full, "ben")[0] == 1
    assert stores.edits.review(seen(stores, second, third), half, "ben")[0] == 2
    assert reviewed(stores.catalogue.get(first)) == ("Full", "ann", "agreed", "ben", None)
    assert reviewed(stores.catalogue.get(second)) == ("Full", "ann", "disagreed", "ben", "Half")
    assert stores.pages.all_ids(Filter(status="disagreed")) == [second, third]
    assert stores.edits.label([second], full, "cleo")[0] == 1
    assert stores.edits.label([third], half, "cleo")[0] == 1
    assert reviewed(stores.catalogue.get(second)) == ("Full", "ann", "agreed", "cleo", None)
    assert reviewed(stores.catalogue.get(third)) == ("Half", "cleo", "agreed", "cleo", None)
    stores.journal.undo("cleo")
    assert reviewed(stores.catalogue.get(third)) == ("Full", "ann", "disagreed", "ben", "Half")
    stores.edits.label([third], None, "cleo")
    assert reviewed(stores.catalogue.get(third)) == (None, "", "", "", None)


def test_a_new_label_takes_a_second_opinion_away(
    stores: Stores, add: Add, full: ClassRecord, half: ClassRecord
) -> None:
    [image_id] = add("a", label=full)
    stores.edits.review(seen(stores, image_id), full, "ben")
    stores.edits.label([image_id], half, "ann")
    assert reviewed(stores.catalogue.get(image_id)) == ("Half", "ann", "", "", None)


def test_nobody_reviews_their_own_label_nor_what_has_none(
    stores: Stores, add: Add, full: ClassRecord
) -> None:
    labelled, bare = add(*"ab")
    stores.edits.label([labelled], full, "ann")
    with raises_sentence(Conflict, OWN_LABEL):
        stores.edits.review(seen(stores, labelled), full, "ann")
    with raises_sentence(Conflict, NOTHING_TO_REVIEW):
        stores.edits.review(seen(stores, bare, labelled), full, "ben")
    old = seen(stores, labelled)
    stores.edits.tag([labelled], ["x"], [], "cleo")
    with pytest.raises(StaleEdit, match="cleo"):
        stores.edits.review(old, full, "ben")
    stores.classes.remove(full.id, "ann")
    with raises_sentence(NotFound, CLASS_REMOVED.format(name="Full")):
        stores.edits.review(seen(stores, labelled), full, "ben")
    assert stores.catalogue.get(labelled).review == ""


def test_removing_the_class_of_a_second_opinion_takes_it_away_and_merging_settles_it(
    stores: Stores, add: Add, full: ClassRecord, half: ClassRecord
) -> None:
    [image_id] = add("a", label=full)
    stores.edits.review(seen(stores, image_id), half, "ben")
    stores.classes.remove(half.id, "ann")
    assert reviewed(stores.catalogue.get(image_id)) == ("Full", "", "", "", None)
    stores.journal.undo("ann")
    assert reviewed(stores.catalogue.get(image_id)) == ("Full", "", "disagreed", "ben", "Half")
    assert stores.classes.remove(half.id, "ann", into=full.id) == 0
    assert reviewed(stores.catalogue.get(image_id)) == ("Full", "", "agreed", "ben", None)


def test_the_bin_gives_back_until_it_is_emptied(stores: Stores, add: Add, full: ClassRecord) -> None:
    ids = add(*"abc", label=full)
    assert stores.edits.archive(ids, "ann")[0] == 3
    assert [item.id for item in stores.pages.page(Filter(status="bin")).items] == ids[::-1]
    assert stores.edits.restore(ids[:1], "ben")[0] == 1
    with raises_sentence(NotFound, NOT_IN_BIN.format(id=1)):
        stores.edits.restore(ids[:2], "ben")
    shas = stores.edits.empty_bin("ben")
    assert (len(shas), stores.edits.empty_bin("ben")) == (2, [])
    assert stores.pages.count(Filter(status="bin")) == 0
    restored = CHANGED_BY.format(actor="ben", summary="brought 1 picture back from the bin")
    with raises_sentence(Conflict, STAYS.format(summary="removed 3 pictures", reason=restored)):
        stores.journal.undo("ann")
    stores.edits.archive(add("d"), "cleo")
    stores.edits.empty_bin("ben")
    emptied = CHANGED_BY.format(actor="ben", summary="emptied the bin of 1 picture")
    with raises_sentence(Conflict, STAYS.format(summary="removed 1 picture", reason=emptied)):
        stores.journal.undo("cleo")
    undoable = stores.journal.undoable("ben")
    assert undoable is not None
    assert undoable.kind == "restore"
    assert add(*"abc", label=full) == ids[1:]
    assert stores.pages.all_ids(Filter()) == ids


def test_a_picture_that_comes_in_again_has_that_in_its_history(
    stores: Stores, add: Add, full: ClassRecord
) -> None:
    [image_id] = add("a.jpg")
    stores.edits.label([image_id], full, "ann")
    stores.edits.archive([image_id], "ann")
    sha256 = f"{stores.database.value('SELECT sha256 FROM images')}"
    again = NewImage(sha256, "b.jpg", 640, 480, 1234, "JPEG", "0" * 16, None, flags=2, pin="train")
    assert stores.catalogue.add([again], "ben") == [image_id]
    image = stores.catalogue.get(image_id)
    assert (image.filename, image.flags, image.pin, image.split) == ("b.jpg", ("blurred",), "train", "train")
    assert stores.pages.all_ids(Filter(search="B.J")) == [image_id]
    newest = stores.journal.history(image_id)[0]
    assert (newest.event.kind, newest.event.actor, newest.event.pictures) == ("import", "ben", 1)
    assert FieldChange("place", "in the bin", "in the catalogue") in newest.changes
    assert FieldChange("class", "Full", "none") in newest.changes
    with pytest.raises(NotFound):
        stores.journal.undo("ben")
    imported_again = CHANGED_BY.format(actor="ben", summary="brought b.jpg back")
    with raises_sentence(Conflict, STAYS.format(summary="removed 1 picture", reason=imported_again)):
        stores.journal.undo("ann")


def test_a_split_by_hand_wins_over_the_snapshot(stores: Stores, add: Add, full: ClassRecord) -> None:
    pinned, free, left = ids = add(*"abc", label=full)

    def sides() -> list[tuple[str, str]]:
        return [(image.pin, image.split) for image in stores.catalogue.several(ids)]

    def freeze(*image_ids: int, seed: int = 1) -> None:
        items = tuple(
            SnapshotItem(image_id, f"{image_id:064x}", 0, "validation", image_id) for image_id in image_ids
        )
        stores.snapshots.freeze(SplitDraft(("Full", "Half"), items, 0.2, seed, 0))

    stores.edits.pin([pinned], "train", "ann")
    assert sides() == [("train", "train"), ("", ""), ("", "")]
    freeze(pinned, free, left)
    assert sides() == [("train", "train"), ("", "validation"), ("", "validation")]
    freeze(pinned, free)
    assert sides() == [("train", "train"), ("", "validation"), ("", "")]
    assert stores.pages.all_ids(Filter(status="validation")) == [free]
    stores.edits.pin([pinned], "", "ann")
    assert sides()[0] == ("", "validation")
    stores.journal.undo("ann")
    assert sides()[0] == ("train", "train")
    with pytest.raises(DomainError, match="elsewhere"):
        stores.edits.pin([free], "elsewhere", "ann")


def test_tags_are_tidied_and_counted(stores: Stores, add: Add) -> None:
    ids = add(*"ab")
    assert stores.edits.tag(ids, ["  Odd\tlight ", "glare"], [], "ann")[0] == 2
    assert stores.edits.tag(ids[:1], ["glare"], [], "ann") == (0, None)
    assert stores.catalogue.get(ids[0]).tags == ("glare", "odd light")
    assert stores.edits.tag(ids, ["x"], ["GLARE"], "ann")[0] == 2
    assert stores.pages.all_ids(Filter(tag="odd light")) == ids
    assert stores.pages.all_ids(Filter(tag="glare")) == []
    stores.edits.tag(ids[:1], [f"t{number}" for number in range(18)], [], "ann")
    with pytest.raises(DomainError, match=str(MOST_TAGS)):
        stores.edits.tag(ids, ["one more"], [], "ann")
    assert (len(stores.catalogue.get(ids[0]).tags), stores.catalogue.get(ids[1]).tags) == (
        20,
        ("odd light", "x"),
    )
    assert stores.journal.recent(1)[0].kind == "tag"


@pytest.mark.parametrize(
    ("tag", "sentence"),
    [
        ("", BLANK_TAG),
        ("  ", BLANK_TAG),
        ("x" * 41, TOO_LONG.format(what="A tag", longest=LONGEST_TAG, length=41)),
        *[(tag, CONTROL_CHARACTERS.format(what="A tag")) for tag in ("a\x00b", "\ud800", "a\x1bb")],
    ],
    ids=range(6),
)
def test_a_tag_that_cannot_be_one_is_refused(stores: Stores, add: Add, tag: str, sentence: str) -> None:
    ids = add("a")
    with raises_sentence(DomainError, sentence):
        stores.edits.tag(ids, ["fine", tag], [], "ann")
    assert stores.catalogue.get(ids[0]).tags == ()


def test_a_note_is_written_changed_and_removed(stores: Stores, add: Add) -> None:
    [image_id] = add("a")
    stores.edits.set_note(image_id, "  first line\r\nsecond \U0001f37e ", "ann", 0)
    assert stores.catalogue.get(image_id).notes == "first line\nsecond \U0001f37e"
    with pytest.raises(StaleEdit):
        stores.edits.set_note(image_id, "other", "ben", 0)
    for text, sentence in (
        ("x" * 2001, TOO_LONG.format(what="A note", longest=LONGEST_NOTE, length=2001)),
        ("a\x00b", CONTROL_CHARACTERS.format(what="A note")),
        ("\udfff", CONTROL_CHARACTERS.format(what="A note")),
    ):
        with raises_sentence(DomainError, sentence):
            stores.edits.set_note(image_id, text, "ben", 1)
    stores.edits.set_note(image_id, " ", "ben", 1)
    assert [event.summary for event in stores.journal.recent(2)] == [
        "removed the note of 1 picture",
        "wrote a note on 1 picture",
    ]
    stores.journal.undo("ben")
    assert stores.catalogue.get(image_id).notes.startswith("first line")


def test_a_dismissed_suspicion_stays_dismissed_while_the_picture_has_that_class(
    stores: Stores, add: Add, full: ClassRecord, half: ClassRecord
) -> None:
    image_id, bare = add("a", label=full) + add("b")

    def suspect(present: int, likely: int) -> list[str | None]:
        with stores.database.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO suspicions VALUES (?, ?, ?, 0.9)", (image_id, present, likely)
            )
        return [item.suspected for item in stores.pages.page(Filter(status="suspicious")).items]

    assert suspect(full.id, half.id) == ["Half"]
    assert stores.edits.dismiss([image_id, bare], "ann")[0] == 1
    assert suspect(full.id, half.id) == []
    assert stores.catalogue.get(image_id).suspected is None
    stores.edits.label([image_id], half, "ann")
    assert suspect(full.id, half.id) == []
    assert suspect(half.id, full.id) == ["Full"]
    stores.edits.label([image_id], full, "ann")
    assert suspect(full.id, half.id) == []


def test_a_suggestion_is_shown_while_its_class_is_there(stores: Stores, add: Add, full: ClassRecord) -> None:
    [image_id] = add("a")
    with stores.database.write() as connection:
        connection.execute("INSERT INTO suggestions VALUES (?, ?, 0.75)", (image_id, full.id))
    image = stores.catalogue.get(image_id)
    assert (image.suggestion, image.probability) == ("Full", 0.75)
    stores.classes.remove(full.id, "ann")
    image = stores.catalogue.get(image_id)
    assert (image.suggestion, image.probability) == (None, None)


def test_names_with_braces_come_as_they_are_into_the_summary(stores: Stores, add: Add) -> None:
    odd = stores.classes.add("{} {0} {x}", "#0072B2", "ann")
    stores.edits.label(add("a"), odd, "ann")
    assert stores.journal.recent(1)[0].summary == "labelled 1 picture as {} {0} {x}"


def test_a_failing_edit_leaves_nothing(stores: Stores, add: Add, full: ClassRecord) -> None:
    ids = add(*"ab")
    with stores.database.write() as connection:
        connection.execute(
            "CREATE TRIGGER refuse BEFORE UPDATE ON images WHEN new.id = 2 BEGIN SELECT raise(ABORT, 'no'); END"
        )
    before = stores.journal.recent()
    edits: list[Callable[[], object]] = [
        lambda: stores.edits.label(ids, full, "ann"),
        lambda: stores.edits.tag(ids, ["x"], [], "ann"),
        lambda: stores.edits.archive(ids, "ann"),
    ]
    for edit in edits:
        with pytest.raises(sqlite3.IntegrityError):
            edit()
    assert stores.journal.recent() == before
    assert [(image.revision, image.tags, image.label) for image in stores.catalogue.several(ids)] == [
        (0, (), None)
    ] * 2


def test_the_filter_and_the_order_pass_over_suspicions_whose_likely_class_is_removed(
    stores: Stores, add: Add, full: ClassRecord, half: ClassRecord
) -> None:
    doubted, other = add("a", "b", label=full)
    with stores.database.write() as connection:
        connection.execute("INSERT INTO suspicions VALUES (?, ?, ?, 0.9)", (other, full.id, half.id))

    def listed(**wanted: str) -> list[int]:
        return [image.id for image in stores.pages.page(Filter(**wanted)).items]

    assert listed(status="suspicious") == [other]
    assert listed(sort="suspicious") == [other, doubted]
    stores.classes.remove(half.id, "ann")
    assert stores.catalogue.get(other).suspected is None
    assert listed(status="suspicious") == []
    assert stores.pages.page(Filter(status="suspicious")).total == 0
    assert listed(sort="suspicious") == [doubted, other]
    assert stores.suggestions.suspicions(9) == []
    assert stores.suggestions.counts().suspicions == 0


def test_the_order_of_unsure_pictures_passes_over_suggestions_of_a_removed_class(
    stores: Stores, add: Add, full: ClassRecord, half: ClassRecord
) -> None:
    first, second = add("a", "b")
    with stores.database.write() as connection:
        connection.execute("INSERT INTO suggestions VALUES (?, ?, 0.5)", (second, full.id))

    def unsure() -> list[int]:
        return [image.id for image in stores.pages.page(Filter(sort="unsure")).items]

    assert unsure() == [second, first]
    stores.classes.remove(full.id, "ann")
    assert unsure() == [first, second]
