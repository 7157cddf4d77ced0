"""Sort keys that other tables give the pictures: after a migration, in the indexes, and after damage."""

import sqlite3
from itertools import product
from pathlib import Path

import pytest
import sqlite_utils

from storage.core.migrations import migrations
from storage.journal.consistency import ConsistencyChecks
from storage.queries.sort_orders import SORTS
from storage.records import Filter
from tests.storage.conftest import Add
from workbench.core.settings import Settings
from workbench.stores import Stores, open_stores

BEFORE = "m0017_sort_keys"
PICTURE = (
    "INSERT INTO images (id, sha256, filename, name_key, width, height, bytes, format, phash, class_id, cleared_class_id,"
    " pin, split, created_at) VALUES (?, ?, ?, ?, 640, 480, 99, 'JPEG', '0', ?, ?, ?, ?, '2026-01-01')"
)


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """A database of the version before with six pictures of which the model says something."""
    connection = sqlite3.connect(tmp_path / "waterline.db")
    connection.create_function("casefold", 1, str.casefold, deterministic=True)
    migrations.apply(sqlite_utils.Database(connection), stop_before=BEFORE)
    with connection:
        connection.execute(
            "INSERT INTO classes VALUES (1, 'Full', '#0072B2', 0, 0), (2, 'Gone', '#0072B2', 1, 1)"
        )
        connection.executemany(
            PICTURE,
            [
                (key, f"{key:064x}", f"{key}.JPG", f"{key}.jpg", class_id, cleared, pin, pin)
                for key, class_id, cleared, pin in [
                    (1, None, None, ""),
                    (2, None, None, ""),
                    (3, None, None, ""),
                    (4, 1, None, "test"),
                    (5, 1, None, ""),
                    (6, 1, 1, ""),
                ]
            ],
        )
        connection.execute("INSERT INTO next_up VALUES (1, 3), (2, 1)")
        connection.execute("INSERT INTO suggestions VALUES (1, 1, 0.9), (2, 2, 0.1), (3, 1, 0.4)")
        connection.execute("INSERT INTO suspicions VALUES (4, 1, 1, 0.5), (5, 1, 1, 0.8), (6, 1, 1, 0.9)")
        connection.execute('UPDATE images SET tags = \'["ä \\"q\\""]\' WHERE id IN (2, 4)')
    connection.close()
    return tmp_path


def _listed(stores: Stores, **wanted: str) -> list[int]:
    return [item.id for item in stores.pages.page(Filter(**wanted)).items]


def test_an_earlier_database_is_sorted_as_before(earlier: Path) -> None:
    stores = open_stores(Settings(data=earlier))
    assert _listed(stores, sort="next") == [3, 1, 2, 4, 5, 6]
    assert _listed(stores, sort="unsure") == [3, 1, 2, 4, 5, 6]
    assert _listed(stores, sort="suspicious") == [5, 4, 1, 2, 3, 6]
    assert _listed(stores, status="suspicious", sort="oldest") == [4, 5]
    assert _listed(stores, tag='ä "q"', sort="name") == [2, 4]
    assert _listed(stores, search="jpg", sort="name") == [1, 2, 3, 4, 5, 6]
    assert [suggestion.image_id for suggestion in stores.suggestions.suggestions(9)] == [3, 1]
    assert [suspicion.image_id for suspicion in stores.suggestions.suspicions(9)] == [5, 4]
    integrity = ConsistencyChecks(stores.database, stores.journal)
    assert (integrity.missorted(), integrity.split_mismatches(), integrity.count_mismatches()) == (0, 0, [])
    assert integrity.integrity_check() == []


def test_an_earlier_database_follows_what_is_done_with_it(earlier: Path) -> None:
    stores = open_stores(Settings(data=earlier))
    full = stores.classes.get("Full")
    stores.edits.dismiss([5], "ann")
    assert _listed(stores, sort="suspicious") == [4, 1, 2, 3, 5, 6]
    stores.journal.undo("ann")
    stores.edits.label([4], None, "ann")
    assert _listed(stores, status="suspicious") == [5]
    stores.edits.label([4], full, "ann")
    assert _listed(stores, status="suspicious") == [5, 4]
    stores.classes.remove(full.id, "ann")
    assert _listed(stores, status="suspicious") == []
    assert _listed(stores, sort="unsure") == [1, 2, 3, 4, 5, 6]
    stores.journal.undo("ann")
    assert _listed(stores, sort="unsure") == [3, 1, 2, 4, 5, 6]
    stores.suggestions.delete_suggestions([3])
    stores.suggestions.save_queue([2])
    assert _listed(stores, sort="unsure") == [1, 2, 3, 4, 5, 6]
    assert _listed(stores, sort="next") == [2, 1, 3, 4, 5, 6]


def test_wrong_sort_keys_are_found_and_written_again(earlier: Path) -> None:
    stores = open_stores(Settings(data=earlier))
    integrity = ConsistencyChecks(stores.database, stores.journal)
    with stores.database.write() as connection:
        connection.execute("UPDATE images SET next_key = 5, unsure_key = NULL, suspicion_key = NULL")
    assert integrity.missorted() == 6
    integrity.sort_again()
    assert integrity.missorted() == 0
    assert _listed(stores, sort="next") == [3, 1, 2, 4, 5, 6]


@pytest.mark.parametrize("most", [-1, 2000])
def test_a_tag_is_found_however_it_is_written(
    stores: Stores, add: Add, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr("storage.queries.pagination.MOST_CANDIDATES", most)
    tags = ['say "hi"', "back\\slash", "ä/ö", "100%", "[]", "a", "aa", "🍾"]
    ids = add(*tags)
    for image_id, tag in zip(ids, tags, strict=True):
        stores.edits.tag([image_id], [tag, "all"], [], "ann")
    stores.edits.archive(ids[-1:], "ann")
    for image_id, tag in zip(ids[:-1], tags, strict=False):
        assert _listed(stores, tag=tag) == stores.pages.all_ids(Filter(tag=tag)) == [image_id], tag
    assert stores.pages.count(Filter(tag="all")) == len(_listed(stores, tag="all")) == len(tags) - 1


@pytest.mark.parametrize("analysed", [False, True])
def test_every_order_is_read_from_its_index_without_sorting(
    stores: Stores, add: Add, monkeypatch: pytest.MonkeyPatch, analysed: bool
) -> None:
    full = stores.classes.add("Full", "#0072B2", "ann")
    ids = add(*(f"{number}.jpg" for number in range(300)), label=full)
    stores.suggestions.save_suggestions([(image_id, full.id, image_id / 1000) for image_id in ids])
    if analysed:
        stores.database.connection().execute("ANALYZE")
    monkeypatch.setattr("storage.queries.pagination.MOST_CANDIDATES", -1)
    plans: list[str] = []
    rows = stores.database.rows

    def explained(sql: str, parameters: object = ()) -> list[sqlite3.Row]:
        if sql.startswith("SELECT i.id, i."):
            plans.append(" ".join(row["detail"] for row in rows(f"EXPLAIN QUERY PLAN {sql}", parameters)))
        return rows(sql, parameters)

    monkeypatch.setattr(stores.database, "rows", explained)
    for sort, wanted in product(SORTS, (Filter(), Filter(label="Full"), Filter(flag="dark"))):
        filter_ = Filter(label=wanted.label, flag=wanted.flag, sort=sort)
        cursor = stores.pages.page(filter_, limit=100).next_cursor
        stores.pages.page(filter_, cursor, limit=100)
    assert len(plans) >= 2 * len(SORTS)
    assert [plan for plan in plans if "USING" not in plan or "INDEX images_by_" not in plan] == []
    assert [plan for plan in plans if "TEMP B-TREE" in plan] == []
