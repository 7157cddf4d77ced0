"""Any sequence of changes by two people equals its replay."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from storage.core.errors import Conflict, NotFound
from storage.records import ClassRecord, NewImage
from tests.storage import journal_model as rules
from tests.storage.journal_model import NEW, Refused, Replica
from workbench.core.settings import Settings
from workbench.stores import Stores, open_stores

PICTURES = (1, 2, 3)
NAMES = ("FULL", "Spare", "spare")
Do = Callable[[Stores], Any]
Op = tuple[str, str, list[int], int, int]
KINDS = (
    *(
        "label",
        "label",
        "label",
        "clear",
        "archive",
        "restore",
        "pin",
        "tag",
        "untag",
        "note",
        "review",
        "review",
    ),
    *(
        "dismiss",
        "merge",
        "remove",
        "rename",
        "add",
        "empty",
        "import",
        "undo",
        "undo",
        "undo",
        "redo",
        "redo",
    ),
)
OPS = st.tuples(
    st.sampled_from(KINDS),
    st.sampled_from(("ann", "ben")),
    st.lists(st.sampled_from(PICTURES), min_size=1, unique=True),
    st.integers(1, 3),
    st.integers(1, 3),
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pictures without a class and three classes, the last two of which nobody can undo."""
    folder = tmp_path_factory.mktemp("template") / "data"
    stores = open_stores(Settings(data=folder))
    for name in ("Full", "Half", "Other"):
        stores.classes.add(name, "#0072B2", "zoe")
    stores.catalogue.add([_image(key) for key in PICTURES])
    stores.database.close()
    return folder


# What chance seldom comes to: a class goes that an undo needs, a name is taken that it needs, a merge settles a review.
BACK_TO_A_CLASS_THAT_IS_GONE: list[Op] = [
    *(("label", "ann", [1], 1, 1), ("label", "ann", [1], 2, 1)),
    *(("remove", "ben", [1], 1, 1), ("undo", "ann", [1], 1, 1)),
]
BACK_TO_A_NAME_THAT_IS_TAKEN: list[Op] = [
    *(("rename", "ann", [2], 1, 1), ("rename", "ben", [1], 2, 1)),
    *(("undo", "ann", [1], 1, 1), ("undo", "ben", [1], 1, 1), ("undo", "ann", [1], 1, 1)),
]
A_MERGE_SETTLES_A_REVIEW: list[Op] = [
    *(("label", "ann", [1, 2], 1, 1), ("review", "ben", [1, 2], 2, 1), ("label", "ann", [2], 3, 1)),
    *(("merge", "ann", [1], 2, 1), ("undo", "ann", [1], 1, 1), ("remove", "ben", [1], 2, 1)),
]


@pytest.mark.slow
@example(ops=BACK_TO_A_CLASS_THAT_IS_GONE)
@example(ops=BACK_TO_A_NAME_THAT_IS_TAKEN)
@example(ops=A_MERGE_SETTLES_A_REVIEW)
@settings(max_examples=150, deadline=None)
@given(ops=st.lists(OPS, min_size=4, max_size=40))
def test_any_sequence_of_changes_by_two_people_equals_its_replay(template: Path, ops: list[Op]) -> None:
    with _copy(template) as stores:
        replica = _start(stores)
        begun = len(replica.events)
        start = {key: dict(values) for key, values in replica.state.items()}
        for op in ops:
            _step(stores, replica, op)
            assert _present(stores) == replica.state
        _compare_events(stores, replica, begun)
        assert _replayed(stores, start, begun) == replica.state
        _check_counts(stores)


@settings(max_examples=50, deadline=None)
@given(ops=st.lists(OPS, min_size=3, max_size=25))
def test_undoing_everything_gives_the_beginning_and_redoing_it_the_end(template: Path, ops: list[Op]) -> None:
    """One person alone is never in their own way, whatever they undo and redo on the way."""
    with _copy(template) as stores:
        replica = _start(stores)
        alone = [(kind, "ann", *rest) for kind, _, *rest in ops if kind not in {"empty", "import"}]
        before = _there(stores)
        for op in alone:
            _step(stores, replica, op)  # type: ignore[arg-type]
        while stores.journal.redoable("ann"):
            stores.journal.redo("ann")
        after = _there(stores)
        while stores.journal.undoable("ann"):
            stores.journal.undo("ann")
        assert _there(stores) == before
        while stores.journal.redoable("ann"):
            stores.journal.redo("ann")
        assert _there(stores) == after
        _check_counts(stores)


def _image(key: int, class_id: int | None = None) -> NewImage:
    return NewImage(f"{key:064x}", f"{key}.jpg", 640, 480, 1234, "JPEG", "0" * 16, class_id, flags=key)


@contextmanager
def _copy(template: Path) -> Iterator[Stores]:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(template, folder, dirs_exist_ok=True)
        stores = open_stores(Settings(data=Path(folder)))
        yield stores
        stores.database.close()


def _start(stores: Stores) -> Replica:
    replica = Replica({("image", key): dict(NEW) for key in PICTURES})
    for class_ in stores.classes.all():
        replica.state["class", class_.id] = {"name": class_.name, "removed": 0}
        replica.events.append(rules.Entry("class", "zoe", {}))
    return replica


def _step(stores: Stores, replica: Replica, op: Op) -> None:
    """The same change here and there; what one refuses the other must refuse too."""
    there, here = _pair(replica, op)
    before = len(replica.events)
    try:
        there()
    except Refused:
        with pytest.raises((Conflict, NotFound)):
            here(stores)
        assert len(replica.events) == before
    else:
        here(stores)


def _pair(replica: Replica, op: Op) -> tuple[Callable[[], None], Do]:
    kind, actor, ids, one, _two = op
    bin_only = kind == "restore"
    if kind not in {"empty", "import"}:
        ids = [key for key in ids if replica.images()[key]["archived"] == bin_only]
    if kind in {"undo", "redo"}:
        return (
            lambda: getattr(replica, kind)(actor),
            lambda stores: getattr(stores.journal, kind)(actor),
        )
    if kind in {"label", "clear", "review"}:
        return _labelling(replica, op, ids)
    if kind in {"merge", "remove", "rename", "add"}:
        return _classes(replica, op)
    if kind == "import":
        return (
            lambda: replica.do("import", actor, lambda new: rules.revive(new, ids[0], one)),
            lambda stores: stores.catalogue.add([_image(ids[0], one)], actor),
        )
    return _fields(replica, op, ids)


def _labelling(replica: Replica, op: Op, ids: list[int]) -> tuple[Callable[[], None], Do]:
    kind, actor, _, one, _ = op
    to = None if kind == "clear" else one
    record = None if to is None else ClassRecord(one, "any", "", 0)
    if kind == "review":
        return (
            lambda: replica.do("review", actor, lambda new: rules.review(new, ids, one, actor)),
            lambda stores: stores.edits.review(
                _revisions(stores, ids), ClassRecord(one, "any", "", 0), actor
            ),
        )
    return (
        lambda: replica.do("label", actor, lambda new: rules.label(new, ids, to, actor)),
        lambda stores: stores.edits.label(ids, record, actor, _revisions(stores, ids)),
    )


def _classes(replica: Replica, op: Op) -> tuple[Callable[[], None], Do]:
    kind, actor, ids, one, two = op
    if kind == "rename":
        name = NAMES[ids[0] - 1]
        return (
            lambda: replica.do("class", actor, lambda new: rules.rename(new, one, name)),
            lambda stores: stores.classes.rename(one, name, actor),
        )
    if kind == "add":
        name = f"New {len(replica.classes())}"

        def add() -> None:
            key = len(replica.classes()) + 1
            replica.state["class", key] = {"name": name, "removed": 1}
            replica.do("class", actor, lambda new: new.classes()[key].update(removed=0))

        return add, lambda stores: stores.classes.add(name, "#000000", actor)
    into = two if kind == "merge" else None
    return (
        lambda: replica.do("class", actor, lambda new: rules.remove_class(new, one, into)),
        lambda stores: stores.classes.remove(one, actor, into),
    )


def _fields(replica: Replica, op: Op, ids: list[int]) -> tuple[Callable[[], None], Do]:
    kind, actor, _, one, two = op
    tag, text, side = f"tag {two}", f"note {two}", ("test", "train", "validation")[one - 1]
    images = Replica.images
    works: dict[str, tuple[Callable[[dict[str, Any]], object], Do]] = {
        "archive": (lambda image: image.update(archived=1), lambda s: s.edits.archive(ids, actor)),
        "restore": (lambda image: image.update(archived=0), lambda s: s.edits.restore(ids, actor)),
        "pin": (lambda image: image.update(pin=side), lambda s: s.edits.pin(ids, side, actor)),
        "note": (
            lambda image: image.update(notes=text),
            lambda s: [s.edits.set_note(key, text, actor) for key in ids],
        ),
        "tag": (
            lambda image: image.update(tags=sorted({*image["tags"], tag})),
            lambda s: s.edits.tag(ids, [tag], [], actor),
        ),
        "untag": (
            lambda image: image.update(tags=[one for one in image["tags"] if one != tag]),
            lambda s: s.edits.tag(ids, [], [tag], actor),
        ),
        "dismiss": (
            lambda image: image["class_id"] and image.update(cleared_class_id=image["class_id"]),
            lambda s: s.edits.dismiss(ids, actor),
        ),
        "empty": (
            lambda image: image["archived"] == 1 and image.update(archived=2),
            lambda s: s.edits.empty_bin(actor),
        ),
    }
    put, here = works[kind]
    parts = [[key] for key in ids] if kind == "note" else [list(PICTURES) if kind == "empty" else ids]

    def there() -> None:
        for part in parts:
            replica.do(kind, actor, lambda new, part=part: [put(images(new)[key]) for key in part])  # type: ignore[misc]

    return there, here


def _revisions(stores: Stores, ids: list[int]) -> dict[int, int]:
    return {image.id: image.revision for image in stores.catalogue.several(ids)}


def _present(stores: Stores) -> rules.State:
    state: rules.State = {}
    for row in stores.database.rows("SELECT * FROM images"):
        values = {name: row[name] for name in NEW}
        state["image", row["id"]] = {**values, "tags": json.loads(values["tags"])}
    for row in stores.database.rows("SELECT * FROM classes"):
        state["class", row["id"]] = {"name": row["name"], "removed": row["removed"]}
    return state


def _there(stores: Stores) -> rules.State:
    """Without classes that were removed, or whose adding was undone."""
    return {key: values for key, values in _present(stores).items() if not values.get("removed")}


def _replayed(stores: Stores, start: rules.State, begun: int) -> rules.State:
    state = {key: dict(values) for key, values in start.items()}
    sql = "SELECT * FROM changes WHERE event_id > ? ORDER BY event_id"
    for row in stores.database.rows(sql, (begun,)):
        before, after = (
            json.loads(v) if row["field"] == "tags" else v for v in (row["before"], row["after"])
        )
        entity = state.get((row["entity"], row["entity_id"]))
        if entity is None:  # a class that was added
            name = stores.database.value("SELECT name FROM classes WHERE id = ?", (row["entity_id"],))
            entity = state[row["entity"], row["entity_id"]] = {"name": name, "removed": 1}
        assert entity[row["field"]] == before
        entity[row["field"]] = after
    return state


def _compare_events(stores: Stores, replica: Replica, begun: int) -> None:
    rows = stores.database.rows("SELECT * FROM events ORDER BY id")
    assert [row["id"] for row in rows] == list(range(1, len(replica.events) + 1))
    for row, expected in list(zip(rows, replica.events, strict=True))[begun:]:
        assert (row["kind"], row["actor"], row["undoes"]) == (
            _kind(expected.kind),
            expected.actor,
            expected.undoes,
        )
        assert (row["undone_by"] is not None) == expected.undone
        assert row["pictures"] == len({key for entity, key, _ in expected.changes if entity == "image"})
    for actor in ("ann", "ben"):
        undoable, redoable = stores.journal.undoable(actor), stores.journal.redoable(actor)
        assert (undoable.id if undoable else None) == replica.undoable(actor)
        undoing = replica.redoable(actor)
        assert (redoable.id if redoable else None) == (
            replica.events[undoing - 1].undoes if undoing else None
        )


def _kind(kind: str) -> str:
    return {"untag": "tag"}.get(kind, kind)


def _check_counts(stores: Stores) -> None:
    cube = "archived, coalesce(class_id, 0), split, synthetic, flags, review"
    counted = stores.database.rows(f"SELECT {cube}, count(*) FROM images GROUP BY {cube} ORDER BY {cube}")
    tallied = stores.database.rows("SELECT * FROM tallies WHERE n != 0 ORDER BY 1, 2, 3, 4, 5, 6")
    assert list(map(tuple, tallied)) == list(map(tuple, counted))
    tags = stores.database.rows("SELECT i.id, t.value FROM images i, json_each(i.tags) t ORDER BY 2, 1")
    listed = stores.database.rows("SELECT image_id, tag FROM image_tags ORDER BY 2, 1")
    assert list(map(tuple, listed)) == list(map(tuple, tags))
