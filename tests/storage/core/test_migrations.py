"""A data folder of an earlier version is brought up to date with everything that is in it."""

import sqlite3
from pathlib import Path

import pytest
import sqlite_utils

from storage.core.migrations import migrations
from storage.records import Filter
from workbench.core.settings import Settings
from workbench.stores import Stores, open_stores

BEFORE_CURATION = "m0004_curation"


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """What the version before curation left: four pictures, one archived, two in a snapshot, and a journal."""
    connection = sqlite3.connect(tmp_path / "waterline.db")
    migrations.apply(sqlite_utils.Database(connection), stop_before=BEFORE_CURATION)
    with connection:
        connection.execute("INSERT INTO classes VALUES (1, 'Full', '#0072B2', 0, 0)")
        connection.executemany(
            "INSERT INTO images (id, sha256, filename, width, height, bytes, format, phash, synthetic, archived, class_id,"
            " created_at) VALUES (?, ?, ?, 640, 480, 99, 'JPEG', '0', ?, ?, ?, '2026-01-01T00:00:00.000+00:00')",
            [
                (1, f"{1:064x}", "Ärger.JPG", 0, 0, 1),
                (2, f"{2:064x}", "b.jpg", 1, 0, 1),
                (3, f"{3:064x}", "c.jpg", 0, 1, 1),
                (4, f"{4:064x}", "d.jpg", 0, 0, None),
            ],
        )
        connection.execute("INSERT INTO snapshots VALUES (1, 'x', '[\"Full\"]', 0.2, 1, 2, 0, '2026-01-01')")
        connection.execute(
            "INSERT INTO snapshot_items VALUES (1, 1, 0, 'train', 0), (1, 2, 0, 'validation', 1)"
        )
        connection.execute(
            "INSERT INTO events (id, kind, actor, summary, created_at) "
            "VALUES (1, 'label', 'ann', 'labelled 1 picture as Full', '2026-01-02T00:00:00.000+00:00')"
        )
        connection.execute("INSERT INTO changes VALUES (1, 'image', 1, 'class_id', NULL, 1)")
    connection.close()
    return tmp_path


@pytest.fixture
def opened(earlier: Path) -> Stores:
    return open_stores(Settings(data=earlier))


def test_counts_splits_and_names_are_those_of_before(opened: Stores) -> None:
    summary = opened.catalogue.summary(opened.classes.all())
    assert (summary.images, summary.labelled, summary.synthetic, summary.counts) == (3, 2, 1, {"Full": 2})
    assert opened.pages.all_ids(Filter(search="ärg")) == [1]
    assert opened.pages.all_ids(Filter(search="Ä")) == [1]
    assert opened.pages.all_ids(Filter(status="validation")) == [2]
    assert opened.pages.all_ids(Filter(status="bin")) == [3]
    assert [item.filename for item in opened.pages.page(Filter(sort="name")).items] == [
        "b.jpg",
        "d.jpg",
        "Ärger.JPG",
    ]


def test_what_was_done_before_can_still_be_undone(opened: Stores) -> None:
    assert opened.journal.undo("ann").id == 1
    assert opened.pages.all_ids(Filter(status="unlabelled")) == [1, 4]
    assert opened.journal.redo("ann").id == 1
    assert [entry.event.kind for entry in opened.journal.history(1)] == ["redo", "undo", "label", "import"]


def test_opening_twice_changes_nothing(opened: Stores, earlier: Path) -> None:
    def content() -> list[tuple[object, ...]]:
        return [tuple(row) for row in opened.database.rows("SELECT * FROM images, sqlite_schema ORDER BY 1")]

    before = content()
    open_stores(Settings(data=earlier)).database.close()
    assert content() == before


def test_counts_that_an_earlier_version_got_wrong_are_counted_again(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "waterline.db")
    connection.create_function("casefold", 1, str.casefold, deterministic=True)
    migrations.apply(sqlite_utils.Database(connection), stop_before="m0014_counts")
    with connection:
        connection.execute(
            "INSERT INTO images (id, sha256, filename, width, height, bytes, format, phash, created_at)"
            f" VALUES (1, '{1:064x}', 'a.jpg', 640, 480, 99, 'JPEG', '0', '2026-01-01T00:00:00.000+00:00')"
        )
        connection.execute("UPDATE tallies SET n = 3")
    connection.close()
    opened = open_stores(Settings(data=tmp_path))
    assert opened.catalogue.summary(()).images == 1
