"""Counts, tags, names and hand-outs follow every change, in whatever order SQLite fires its triggers."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from storage.core.errors import DomainError
from storage.journal.consistency import ConsistencyChecks
from storage.records import ClassRecord, Filter, NewImage, SnapshotItem
from storage.training.snapshots import SplitDraft
from workbench.core.settings import Settings
from workbench.stores import Stores, open_stores

PICTURES = (1, 2, 3, 4)
CLASSES = (1, 2, 3)
SIDES = ("", "train", "validation")
CUBE = "archived, coalesce(class_id, 0) AS class_id, split, synthetic, flags, review"

HELD_IN_BIN = "SELECT count(*) FROM handouts h JOIN images i ON i.id = h.image_id WHERE i.archived > 0"


def _image(key: int, class_id: int | None = None, side: str = "") -> NewImage:
    return NewImage(
        f"{key:064x}", f"{key} {side}.jpg", 640, 480, 1234, "JPEG", "0" * 16, class_id, flags=key, pin=side
    )


def _freeze(stores: Stores, side: str) -> None:
    items = tuple(
        SnapshotItem(image.image_id, image.sha256, 0, side or SIDES[1 + image.image_id % 2], image.image_id)
        for image in stores.snapshots.labelled()
    )
    stores.snapshots.freeze(SplitDraft(("Full",), items, 0.2, 1, 0))


def _there(stores: Stores, ids: list[int]) -> list[int]:
    return [image.id for image in stores.catalogue.several(ids)]


WORKS: dict[str, Callable[[Stores, str, list[int], int, str], object]] = {
    "import": lambda s, actor, ids, label, side: s.catalogue.add(
        [_image(key, label, side) for key in ids], actor
    ),
    "import bare": lambda s, actor, ids, label, side: s.catalogue.add([_image(key) for key in ids], actor),
    "label": lambda s, actor, ids, label, side: s.edits.label(ids, ClassRecord(label, "any", "", 0), actor),
    "clear": lambda s, actor, ids, label, side: s.edits.label(ids, None, actor),
    "review": lambda s, actor, ids, label, side: s.edits.review(
        {image.id: image.revision for image in s.catalogue.several(ids)},
        ClassRecord(label, "any", "", 0),
        actor,
    ),
    "archive": lambda s, actor, ids, label, side: s.edits.archive(ids, actor),
    "restore": lambda s, actor, ids, label, side: s.edits.restore(ids, actor),
    "empty": lambda s, actor, ids, label, side: s.edits.empty_bin(actor),
    "move": lambda s, actor, ids, label, side: s.edits.pin(ids, side, actor),
    "tag": lambda s, actor, ids, label, side: s.edits.tag(ids, [f"tag {label}"], [side or "tag 1"], actor),
    "merge": lambda s, actor, ids, label, side: s.classes.remove(label, actor, ids[0]),
    "remove": lambda s, actor, ids, label, side: s.classes.remove(label, actor),
    "rename": lambda s, actor, ids, label, side: s.classes.rename(label, f"Name {ids[0]}", actor),
    "hand out": lambda s, actor, ids, label, side: s.leases.take(actor, Filter(), 2),
    "undo": lambda s, actor, ids, label, side: s.journal.undo(actor),
    "redo": lambda s, actor, ids, label, side: s.journal.redo(actor),
    "freeze": lambda s, actor, ids, label, side: _freeze(s, side),
    "line up": lambda s, actor, ids, label, side: s.suggestions.save_queue(_there(s, ids)),
    "suggest": lambda s, actor, ids, label, side: s.suggestions.save_suggestions(
        [(image_id, label, 0.5) for image_id in _there(s, ids)]
    ),
    "withdraw": lambda s, actor, ids, label, side: s.suggestions.delete_suggestions(ids),
    "suspect": lambda s, actor, ids, label, side: s.suggestions.save_suspicions(
        [(image_id, label, label % 3 + 1, 0.5) for image_id in _there(s, ids)]
    ),
    "dismiss": lambda s, actor, ids, label, side: s.edits.dismiss(ids, actor),
}
STEPS = st.tuples(
    st.sampled_from([*WORKS, "import", "archive", "empty", "import", "move", "undo", "suspect"]),
    st.sampled_from(("ann", "ben")),
    st.lists(st.sampled_from(PICTURES), min_size=1, unique=True),
    st.sampled_from(CLASSES),
    st.sampled_from(SIDES),
)
Step = tuple[str, str, list[int], int, str]
BACK_WITH_A_SIDE: list[Step] = [
    *(("import bare", "ann", [1, 2, 3, 4], 1, ""), ("archive", "ann", [1, 2, 3, 4], 1, "")),
    *(
        ("empty", "ann", [1], 1, ""),
        ("import", "ann", [1, 2], 1, "train"),
        ("import", "ann", [3, 4], 2, "validation"),
    ),
]
ARCHIVED_BETWEEN_TWO_SNAPSHOTS: list[Step] = [
    *(
        ("import", "ann", [1, 2, 3], 1, ""),
        ("freeze", "ann", [1], 1, ""),
        ("move", "ann", [1], 1, "validation"),
    ),
    *(
        ("archive", "ben", [1, 2], 1, ""),
        ("freeze", "ann", [1], 1, "train"),
        ("restore", "ben", [1, 2], 1, ""),
    ),
    *(("undo", "ann", [1], 1, ""), ("redo", "ann", [1], 1, ""), ("merge", "ben", [2], 1, "")),
]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes and no picture."""
    folder = tmp_path_factory.mktemp("template") / "data"
    stores = open_stores(Settings(data=folder))
    for name in ("Full", "Half", "Other"):
        stores.classes.add(name, "#0072B2", "zoe")
    stores.database.close()
    return folder


@pytest.mark.slow
@example(steps=BACK_WITH_A_SIDE)
@example(steps=ARCHIVED_BETWEEN_TWO_SNAPSHOTS)
@settings(max_examples=150, deadline=None)
@given(steps=st.lists(STEPS, min_size=4, max_size=25))
def test_after_every_step_the_counts_are_those_of_the_pictures(template: Path, steps: list[Step]) -> None:
    with _copy(template) as stores:
        integrity = ConsistencyChecks(stores.database, stores.journal)
        for kind, *given_ in steps:
            with suppress(DomainError):
                WORKS[kind](stores, *given_)
            assert _tallied(stores) == _counted(stores), kind
            assert (integrity.split_mismatches(), integrity.tag_mismatches(), integrity.missorted()) == (
                0,
                [],
                0,
            ), kind
            assert stores.database.value(HELD_IN_BIN) == 0, kind
        assert integrity.search_index_mismatches()


def test_pictures_that_come_back_with_sides_are_counted_once(template: Path) -> None:
    with _copy(template) as stores:
        stores.catalogue.add([_image(key, 1) for key in PICTURES])
        stores.edits.archive(PICTURES, "ann")
        stores.edits.empty_bin("ann")
        stores.catalogue.add([_image(key, 1, "train") for key in PICTURES])
        summary = stores.catalogue.summary(stores.classes.all())
    assert (summary.images, summary.labelled, summary.counts["Full"]) == (4, 4, 4)


@contextmanager
def _copy(template: Path) -> Iterator[Stores]:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(template, folder, dirs_exist_ok=True)
        stores = open_stores(Settings(data=Path(folder)))
        yield stores
        stores.database.close()


def _counted(stores: Stores) -> list[tuple[object, ...]]:
    sql = f"SELECT {CUBE}, count(*) FROM images GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6"
    return list(map(tuple, stores.database.rows(sql)))


def _tallied(stores: Stores) -> list[tuple[object, ...]]:
    return list(
        map(tuple, stores.database.rows("SELECT * FROM tallies WHERE n != 0 ORDER BY 1, 2, 3, 4, 5, 6"))
    )
