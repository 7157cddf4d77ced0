"""Checks the consistency of the database: SQLite integrity, references, journal, counts, tags and search index."""

from __future__ import annotations

import sqlite3

from storage.core.database import Database
from storage.core.errors import DatabaseReplaced, DiskFull
from storage.journal.consistency import LISTED, ConsistencyChecks
from workbench.integrity.report import FaultLog, FaultType

ACTOR = "integrity check"
STORAGE = FaultType(
    "The database file is damaged", "message", "",
    "Keep a copy of waterline.db, export what can still be read, and restore the file from a backup.",
)  # fmt: skip
TAKEN = FaultType(
    "The database under Waterline is not the one any more that it opened", "message", "",
    "Restart Waterline, then check again.",
)  # fmt: skip
INDEX = FaultType("Indexes of the database that miss rows", "message", "they were built again.")
DANGLING = FaultType(
    "Rows that refer to rows that are not there", "row", "",
    "They were removed from outside. Restore waterline.db from a backup.",
)  # fmt: skip
DIFFERS = FaultType(
    "Fields whose last change in the journal is not what is there now", "field",
    "what is there now was kept, and written into the journal.",
)  # fmt: skip
MISSING = FaultType(
    "Changes in the journal to a picture or class that is not there", "change", "",
    "They were removed from outside. Restore waterline.db from a backup.",
)  # fmt: skip
TALLIES = FaultType("Counts that are not those of the pictures", "count", "they were counted again.")
TAGS = FaultType("Tags that a search would not find, or find wrongly", "tag", "they were written again.")

SIDES = FaultType(
    "Pictures on a side of the split that nothing put them on",
    "picture",
    "they follow the snapshot that was used last.",
)
SORT_KEYS = FaultType(
    "Pictures that are not sorted by what the model says of them",
    "picture",
    "their sort keys were written again.",
)
NAMES = FaultType("The search for file names misses pictures", "index", "it was written again.")


def is_kept(database: Database, ledger: FaultLog) -> bool:
    """Check that written rows are visible to other readers; False if the database file was replaced."""
    try:
        database.probe()
    except DatabaseReplaced as error:
        ledger.note(TAKEN, str(error))
        return False
    except (
        DiskFull,
        sqlite3.DatabaseError,
    ):  # a full disk loses nothing; a damaged file is reported by later checks
        pass
    return True


def is_readable(integrity: ConsistencyChecks, ledger: FaultLog) -> bool:
    """Run SQLite's integrity check; False if the database is too damaged for further checks."""
    try:
        problems = integrity.integrity_check()
        fault_type = INDEX if all("index" in problem for problem in problems) else STORAGE
        if problems and ledger.repair:
            integrity.reindex()
            remaining = integrity.integrity_check()
            fault_type, problems = (STORAGE, remaining) if remaining else (INDEX, problems)
    except sqlite3.DatabaseError as error:
        fault_type, problems = STORAGE, [str(error)]
    for problem in problems:
        ledger.note(fault_type, problem)
    return fault_type is INDEX


def check_rows(integrity: ConsistencyChecks, ledger: FaultLog) -> None:
    """Check references, the journal, counts and tags."""
    for dangling_reference in integrity.dangling_references():
        ledger.note(DANGLING, dangling_reference)
    for mismatches in integrity.unjournaled(ACTOR if ledger.repair else ""):
        for change in mismatches.wrong:
            ledger.note(DIFFERS, f"{change.field} of {change.entity} {change.entity_id}")
        for entity, entity_id in mismatches.missing:
            ledger.note(MISSING, f"{entity} {entity_id}")
    _check_splits(integrity, ledger)
    # Last, since the repairs above change rows that are counted.
    _check_counts(integrity, ledger)
    _check_tags(integrity, ledger)
    _check_sort_keys(integrity, ledger)
    if ledger.deep or ledger.repair:
        _check_search_index(integrity, ledger)


def _check_counts(integrity: ConsistencyChecks, ledger: FaultLog) -> None:
    wrong = integrity.count_mismatches()
    for row in wrong[:LISTED]:
        ledger.note(TALLIES, f"archived {row['archived']}, class {row['class_id']}: {row['n']:,}")
    if wrong[LISTED:]:
        ledger.note(TALLIES, "", len(wrong) - LISTED)
    if wrong and ledger.repair:
        integrity.repair_counts()


def _check_tags(integrity: ConsistencyChecks, ledger: FaultLog) -> None:
    wrong = integrity.tag_mismatches()
    if wrong:
        ledger.note(TAGS, f"“{wrong[0]['tag']}” of picture {wrong[0]['image_id']}", len(wrong))
    if wrong and ledger.repair:
        integrity.repair_tags()


def _check_splits(integrity: ConsistencyChecks, ledger: FaultLog) -> None:
    if wrong := integrity.split_mismatches():
        ledger.note(SIDES, "", wrong)
        if ledger.repair:
            integrity.repair_splits()


def _check_sort_keys(integrity: ConsistencyChecks, ledger: FaultLog) -> None:
    if wrong := integrity.missorted():
        ledger.note(SORT_KEYS, "", wrong)
        if ledger.repair:
            integrity.sort_again()


def _check_search_index(integrity: ConsistencyChecks, ledger: FaultLog) -> None:
    if not integrity.search_index_mismatches():
        ledger.note(NAMES, "")
        if ledger.repair:
            integrity.rebuild_search_index()
