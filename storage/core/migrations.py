"""The migrations, append-only."""

from __future__ import annotations

import sqlite3

import sqlite_utils
from sqlite_utils.migrations import Migrations

from storage.core import schema, schema_later, schema_sort_keys

migrations = Migrations("waterline")


@migrations()
def m0001_catalogue(db: sqlite_utils.Database) -> None:
    """Classes, images, the journal of changes, preferences."""
    _run(db, schema.CATALOGUE)


@migrations()
def m0002_training(db: sqlite_utils.Database) -> None:
    """Snapshots, runs, model versions, predictions."""
    _run(db, schema.TRAINING)


@migrations()
def m0003_roll_backs(db: sqlite_utils.Database) -> None:
    """Tell a roll-back from a promotion of an older version."""
    db.execute("ALTER TABLE alias_events ADD COLUMN roll_back INTEGER NOT NULL DEFAULT 0")


@migrations()
def m0004_curation(db: sqlite_utils.Database) -> None:
    """Splits by hand, notes, tags, reviews, quality; counts kept by triggers; who holds which picture."""
    _run(db, schema.CURATION)


@migrations()
def m0005_imports(db: sqlite_utils.Database) -> None:
    """Imports as jobs, with what became of each file."""
    _run(db, schema.IMPORTS)


@migrations()
def m0006_model_help(db: sqlite_utils.Database) -> None:
    """Embeddings, suggestions, what to label next, suspicious labels, the map."""
    _run(db, schema.MODEL_HELP)


@migrations()
def m0007_import_tallies(db: sqlite_utils.Database) -> None:
    """What came of an import so far in figures, so that its progress never counts its files."""
    db.execute("ALTER TABLE imports ADD COLUMN tally TEXT NOT NULL DEFAULT '{}'")


@migrations()
def m0008_sides(db: sqlite_utils.Database) -> None:
    """A split by hand shows at once; a picture that was dealt with is nobody's any more."""
    _run(db, schema.SIDES)


@migrations()
def m0009_look_alikes(db: sqlite_utils.Database) -> None:
    """Look-alikes that are all kept bear the same number, that of the first."""
    db.execute("ALTER TABLE images ADD COLUMN alike INTEGER NOT NULL DEFAULT 0")


@migrations()
def m0010_walks(db: sqlite_utils.Database) -> None:
    """An index for each order that also holds what filters ask for; trigrams of the names."""
    _run(db, schema.WALKS)


@migrations()
def m0011_days(db: sqlite_utils.Database) -> None:
    """What each person did on a day is read from an index."""
    db.execute(
        "CREATE INDEX events_by_day ON events (substr(created_at, 1, 10), actor, kind, pictures) WHERE undone_by IS NULL"
    )


@migrations()
def m0012_undone(db: sqlite_utils.Database) -> None:
    """Each person undoes their own changes, by the index of persons."""
    db.execute("DROP INDEX events_open")


@migrations()
def m0013_jobs(db: sqlite_utils.Database) -> None:
    """Runs wait in an order, pause and go on; trials of a search."""
    _run(db, schema.JOBS)
    _allow(db, "runs", "'failed', 'interrupted'", "'failed', 'interrupted', 'paused'")


@migrations()
def m0014_counts(db: sqlite_utils.Database) -> None:
    """Counts that do not depend on which trigger fires first: a count may fall below 0 between two of them. All anew."""
    _run(db, schema_later.COUNTS)


@migrations()
def m0015_attempts(db: sqlite_utils.Database) -> None:
    """How often a worker has taken a run, so that one that was given up cannot write any more."""
    db.execute("ALTER TABLE runs ADD COLUMN attempt INTEGER NOT NULL DEFAULT 0")


@migrations()
def m0016_third_side(db: sqlite_utils.Database) -> None:
    """Test pictures; the page shows the sides of the snapshot that was used last, which need not be the newest."""
    _allow(db, "images", "pin IN ('', 'train', 'validation')", "pin IN ('', 'train', 'validation', 'test')")
    _allow(
        db, "snapshot_items", "split IN ('train', 'validation')", "split IN ('train', 'validation', 'test')"
    )
    _run(db, schema_later.THIRD_SIDE)


@migrations()
def m0017_sort_keys(db: sqlite_utils.Database) -> None:
    """What other tables order the pictures by is a column of theirs; an index for each of those orders."""
    _run(db, schema_sort_keys.SORT_KEYS)


@migrations()
def m0018_names(db: sqlite_utils.Database) -> None:
    """Names alone, so that a part of a name that is too short for the trigrams is looked for in a third less time."""
    db.execute("CREATE INDEX images_by_name_alone ON images (name_key)")


@migrations()
def m0019_disagreements(db: sqlite_utils.Database) -> None:
    """The few pictures on which two people disagree, which every order looked for among all."""
    db.execute(
        "CREATE INDEX images_by_disagreement ON images (archived, review, id) WHERE review = 'disagreed'"
    )


def _allow(db: sqlite_utils.Database, table: str, old: str, new: str) -> None:
    """Widen a CHECK, in the way that SQLite's page on ALTER TABLE gives where no row changes."""
    version = int(db.execute("PRAGMA schema_version").fetchone()[0])
    db.execute("PRAGMA writable_schema = ON")
    db.execute(
        "UPDATE sqlite_schema SET sql = replace(sql, ?, ?) WHERE type = 'table' AND name = ?",
        (old, new, table),
    )
    db.execute(f"PRAGMA schema_version = {version + 1}")
    db.execute("PRAGMA writable_schema = OFF")


def _run(db: sqlite_utils.Database, script: str) -> None:
    # Statement by statement: executescript() would commit the migration's own transaction.
    statement = ""
    for piece in script.split(";"):
        statement += piece + ";"
        if sqlite3.complete_statement(statement):
            db.execute(statement)
            statement = ""
