"""Whether the database agrees with itself: SQLite's own checks, counts, tags and the journal."""

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
NAMES = FaultType("The search for file names misses pictures", "index", "it was written again.")


def is_kept(database: Database, ledger: FaultLog) -> bool:
    """Write a row and read it back as others do; False where what is written is not kept."""
    try:
        database.probe()
    except DatabaseReplaced as error:
        ledger.note(TAKEN, str(error))
        return False
    except (
        DiskFull,
        sqlite3.DatabaseError,
    ):  # a full disk loses nothing; a damaged file is told of by what follows
        pass
    return True


def is_readable(integrity: ConsistencyChecks, ledger: FaultLog) -> bool:
    """Ask SQLite whether the file is whole; False where nothing else can be asked of it."""
    try:
        said = integrity.integrity_check()
        kind = INDEX if all("index" in each for each in said) else STORAGE
        if said and ledger.repair:
            integrity.reindex()
            left = integrity.integrity_check()
            kind, said = (STORAGE, left) if left else (INDEX, said)
    except sqlite3.DatabaseError as error:
        kind, said = STORAGE, [str(error)]
    for each in said:
        ledger.note(kind, each)
    return kind is INDEX


def check_rows(integrity: ConsistencyChecks, ledger: FaultLog) -> None:
    """Check references, the journal, counts and tags."""
    for dangling_reference in integrity.dangling_references():
        ledger.note(DANGLING, dangling_reference)
    for found in integrity.unjournaled(ACTOR if ledger.repair else ""):
        for change in found.wrong:
            ledger.note(DIFFERS, f"{change.field} of {change.entity} {change.entity_id}")
        for entity, entity_id in found.missing:
            ledger.note(MISSING, f"{entity} {entity_id}")
    _check_sides(integrity, ledger)
    # After what changes rows that are counted.
    _check_tallies(integrity, ledger)
    _check_tags(integrity, ledger)
    if ledger.deep or ledger.repair:
        _check_names(integrity, ledger)


def _check_tallies(integrity: ConsistencyChecks, ledger: FaultLog) -> None:
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


def _check_sides(integrity: ConsistencyChecks, ledger: FaultLog) -> None:
    if wrong := integrity.split_mismatches():
        ledger.note(SIDES, "", wrong)
        if ledger.repair:
            integrity.repair_splits()


def _check_names(integrity: ConsistencyChecks, ledger: FaultLog) -> None:
    if not integrity.search_index_mismatches():
        ledger.note(NAMES, "")
        if ledger.repair:
            integrity.rebuild_search_index()
