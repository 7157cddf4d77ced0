"""The schema, as an append-only list of migrations."""

from __future__ import annotations

import sqlite_utils
from sqlite_utils.migrations import Migrations

migrations = Migrations("waterline")

CATALOGUE = """
CREATE TABLE classes (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    colour TEXT NOT NULL,
    position INTEGER NOT NULL,
    removed INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX classes_name ON classes (name COLLATE NOCASE) WHERE removed = 0;

CREATE TABLE images (
    id INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE,
    filename TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    format TEXT NOT NULL,
    phash TEXT NOT NULL,
    synthetic INTEGER NOT NULL DEFAULT 0,
    archived INTEGER NOT NULL DEFAULT 0,
    class_id INTEGER REFERENCES classes (id),
    revision INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL
);
CREATE INDEX images_by_class ON images (archived, class_id, id);
CREATE INDEX images_by_id ON images (archived, id);
CREATE INDEX images_by_name ON images (archived, filename, id);

CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    actor TEXT NOT NULL,
    summary TEXT NOT NULL,
    created_at TEXT NOT NULL,
    undoes INTEGER REFERENCES events (id),
    undone_by INTEGER REFERENCES events (id)
);
CREATE INDEX events_open ON events (id) WHERE undone_by IS NULL AND undoes IS NULL;

CREATE TABLE changes (
    event_id INTEGER NOT NULL REFERENCES events (id),
    entity TEXT NOT NULL,
    entity_id INTEGER NOT NULL,
    field TEXT NOT NULL,
    before,
    after,
    PRIMARY KEY (event_id, entity, entity_id, field)
) WITHOUT ROWID;

CREATE TABLE preferences (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
"""

TRAINING = """
CREATE TABLE snapshots (
    id INTEGER PRIMARY KEY,
    content_hash TEXT NOT NULL UNIQUE,
    classes TEXT NOT NULL,
    validation_fraction REAL NOT NULL,
    seed INTEGER NOT NULL,
    images INTEGER NOT NULL,
    kept_together INTEGER NOT NULL,
    created_at TEXT NOT NULL
);
CREATE TABLE snapshot_items (
    snapshot_id INTEGER NOT NULL REFERENCES snapshots (id),
    image_id INTEGER NOT NULL REFERENCES images (id),
    label INTEGER NOT NULL,
    split TEXT NOT NULL CHECK (split IN ('train', 'validation')),
    group_id INTEGER NOT NULL,
    PRIMARY KEY (snapshot_id, image_id)
) WITHOUT ROWID;

CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    snapshot_id INTEGER NOT NULL REFERENCES snapshots (id),
    spec TEXT NOT NULL,
    status TEXT NOT NULL CHECK (
        status IN ('queued', 'running', 'finished', 'stopped', 'failed', 'interrupted')
    ),
    phase TEXT NOT NULL DEFAULT '',
    progress TEXT NOT NULL DEFAULT '{}',
    stop_requested INTEGER NOT NULL DEFAULT 0,
    pid INTEGER,
    process_started REAL,
    heartbeat REAL,
    best_epoch INTEGER,
    version TEXT,
    error TEXT,
    created_at TEXT NOT NULL,
    started_at TEXT,
    ended_at TEXT
);
CREATE INDEX runs_by_status ON runs (status, id);
CREATE TABLE epochs (
    run_id INTEGER NOT NULL REFERENCES runs (id),
    epoch INTEGER NOT NULL,
    metrics TEXT NOT NULL,
    PRIMARY KEY (run_id, epoch)
) WITHOUT ROWID;
CREATE TABLE validation_predictions (
    run_id INTEGER NOT NULL REFERENCES runs (id),
    image_id INTEGER NOT NULL REFERENCES images (id),
    label INTEGER NOT NULL,
    predicted INTEGER NOT NULL,
    scores TEXT NOT NULL,
    PRIMARY KEY (run_id, image_id)
) WITHOUT ROWID;

CREATE TABLE versions (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id INTEGER NOT NULL REFERENCES runs (id),
    snapshot_id INTEGER NOT NULL REFERENCES snapshots (id),
    manifest_sha256 TEXT NOT NULL,
    manifest TEXT NOT NULL,
    created_at TEXT NOT NULL,
    deleted_at TEXT
);
CREATE TABLE aliases (
    alias TEXT PRIMARY KEY,
    number INTEGER NOT NULL REFERENCES versions (number)
) WITHOUT ROWID;
CREATE TABLE alias_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    alias TEXT NOT NULL,
    number INTEGER NOT NULL REFERENCES versions (number),
    previous INTEGER,
    reason TEXT NOT NULL,
    actor TEXT NOT NULL,
    created_at TEXT NOT NULL
);

CREATE TABLE predictions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    number INTEGER NOT NULL REFERENCES versions (number),
    sha256 TEXT NOT NULL,
    label TEXT NOT NULL,
    confidence REAL NOT NULL,
    scores TEXT NOT NULL,
    needs_review INTEGER NOT NULL,
    created_at TEXT NOT NULL
);
"""


@migrations()
def m0001_catalogue(db: sqlite_utils.Database) -> None:
    """Classes, images, the journal of changes, preferences."""
    _run(db, CATALOGUE)


@migrations()
def m0002_training(db: sqlite_utils.Database) -> None:
    """Snapshots, runs, model versions, predictions."""
    _run(db, TRAINING)


@migrations()
def m0003_roll_backs(db: sqlite_utils.Database) -> None:
    """Tell a roll-back from a promotion of an older version."""
    db.execute("ALTER TABLE alias_events ADD COLUMN roll_back INTEGER NOT NULL DEFAULT 0")


def _run(db: sqlite_utils.Database, script: str) -> None:
    # Statement by statement: executescript() would commit the migration's own transaction.
    for statement in filter(str.strip, script.split(";")):
        db.execute(statement)
