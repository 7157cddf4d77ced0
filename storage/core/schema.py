"""The SQL of the schema, a script for each migration."""

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

CURATION = """
ALTER TABLE images ADD COLUMN pin TEXT NOT NULL DEFAULT '' CHECK (pin IN ('', 'train', 'validation'));
ALTER TABLE images ADD COLUMN split TEXT NOT NULL DEFAULT '';
ALTER TABLE images ADD COLUMN notes TEXT NOT NULL DEFAULT '';
ALTER TABLE images ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE images ADD COLUMN labelled_by TEXT NOT NULL DEFAULT '';
ALTER TABLE images ADD COLUMN review TEXT NOT NULL DEFAULT '' CHECK (review IN ('', 'agreed', 'disagreed'));
ALTER TABLE images ADD COLUMN reviewed_by TEXT NOT NULL DEFAULT '';
ALTER TABLE images ADD COLUMN review_class_id INTEGER REFERENCES classes (id);
ALTER TABLE images ADD COLUMN cleared_class_id INTEGER REFERENCES classes (id);
ALTER TABLE images ADD COLUMN flags INTEGER NOT NULL DEFAULT 0;
ALTER TABLE images ADD COLUMN frames INTEGER NOT NULL DEFAULT 1;
ALTER TABLE images ADD COLUMN sharpness REAL NOT NULL DEFAULT 0;
ALTER TABLE images ADD COLUMN brightness REAL NOT NULL DEFAULT 0;
ALTER TABLE images ADD COLUMN contrast REAL NOT NULL DEFAULT 0;

CREATE TABLE image_tags (
    tag TEXT NOT NULL,
    image_id INTEGER NOT NULL REFERENCES images (id),
    PRIMARY KEY (tag, image_id)
) WITHOUT ROWID;
CREATE INDEX image_tags_by_image ON image_tags (image_id);
CREATE TRIGGER images_tagged AFTER UPDATE OF tags ON images BEGIN
    DELETE FROM image_tags WHERE image_id = new.id;
    INSERT INTO image_tags (tag, image_id) SELECT DISTINCT value, new.id FROM json_each(new.tags);
END;

CREATE TABLE tallies (
    archived INTEGER NOT NULL,
    class_id INTEGER NOT NULL,
    split TEXT NOT NULL,
    synthetic INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    review TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (archived, class_id, split, synthetic, flags, review)
) WITHOUT ROWID;
CREATE TRIGGER images_counted AFTER INSERT ON images BEGIN
    INSERT INTO tallies (archived, class_id, split, synthetic, flags, review, n)
    VALUES (new.archived, coalesce(new.class_id, 0), new.split, new.synthetic, new.flags, new.review, 1)
    ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER images_recounted AFTER UPDATE OF archived, class_id, split, synthetic, flags, review ON images BEGIN
    UPDATE tallies SET n = n - 1 WHERE archived = old.archived AND class_id = coalesce(old.class_id, 0)
        AND split = old.split AND synthetic = old.synthetic AND flags = old.flags AND review = old.review;
    INSERT INTO tallies (archived, class_id, split, synthetic, flags, review, n)
    VALUES (new.archived, coalesce(new.class_id, 0), new.split, new.synthetic, new.flags, new.review, 1)
    ON CONFLICT DO UPDATE SET n = n + 1;
END;
UPDATE images SET split = coalesce((SELECT s.split FROM snapshot_items s
    WHERE s.image_id = images.id AND s.snapshot_id = (SELECT max(id) FROM snapshots)), '');
INSERT INTO tallies (archived, class_id, split, synthetic, flags, review, n)
    SELECT archived, coalesce(class_id, 0), split, synthetic, flags, review, count(*) FROM images
    GROUP BY 1, 2, 3, 4, 5, 6 ON CONFLICT DO UPDATE SET n = excluded.n;

ALTER TABLE events ADD COLUMN pictures INTEGER NOT NULL DEFAULT 0;
CREATE INDEX events_by_actor ON events (actor, id);
CREATE INDEX changes_by_entity ON changes (entity, entity_id, event_id);

CREATE TABLE handouts (
    image_id INTEGER PRIMARY KEY REFERENCES images (id),
    holder TEXT NOT NULL,
    until REAL NOT NULL
);
CREATE INDEX handouts_by_holder ON handouts (holder, until);
CREATE TABLE skips (
    holder TEXT NOT NULL,
    image_id INTEGER NOT NULL REFERENCES images (id),
    until REAL NOT NULL,
    PRIMARY KEY (holder, image_id)
) WITHOUT ROWID;
"""

IMPORTS = """
CREATE TABLE imports (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    actor TEXT NOT NULL,
    label TEXT NOT NULL DEFAULT '',
    source TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'finished', 'stopped', 'failed')),
    stop_requested INTEGER NOT NULL DEFAULT 0,
    total INTEGER NOT NULL DEFAULT 0,
    done INTEGER NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL,
    started_at TEXT,
    ended_at TEXT
);
CREATE TABLE import_files (
    import_id INTEGER NOT NULL REFERENCES imports (id),
    position INTEGER NOT NULL,
    file TEXT NOT NULL,
    result TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    note TEXT NOT NULL DEFAULT '',
    label TEXT NOT NULL DEFAULT '',
    image_id INTEGER REFERENCES images (id),
    PRIMARY KEY (import_id, position)
) WITHOUT ROWID;
CREATE INDEX import_files_by_result ON import_files (import_id, result, position);
CREATE INDEX import_files_by_image ON import_files (image_id);
"""

MODEL_HELP = """
CREATE TABLE embedders (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('version', 'backbone', 'built-in')),
    dimensions INTEGER NOT NULL,
    created_at TEXT NOT NULL
);
CREATE TABLE embeddings (
    embedder_id INTEGER NOT NULL REFERENCES embedders (id),
    image_id INTEGER NOT NULL REFERENCES images (id),
    vector BLOB NOT NULL,
    PRIMARY KEY (embedder_id, image_id)
) WITHOUT ROWID;
CREATE TABLE suggestions (
    image_id INTEGER PRIMARY KEY REFERENCES images (id),
    class_id INTEGER NOT NULL REFERENCES classes (id),
    probability REAL NOT NULL
);
CREATE INDEX suggestions_by_probability ON suggestions (probability, image_id);
CREATE TABLE next_up (
    rank INTEGER PRIMARY KEY,
    image_id INTEGER NOT NULL UNIQUE REFERENCES images (id)
);
CREATE TABLE suspicions (
    image_id INTEGER PRIMARY KEY REFERENCES images (id),
    given_class_id INTEGER NOT NULL REFERENCES classes (id),
    likely_class_id INTEGER NOT NULL REFERENCES classes (id),
    score REAL NOT NULL
);
CREATE INDEX suspicions_by_score ON suspicions (score DESC, image_id);
CREATE TABLE projection (
    image_id INTEGER PRIMARY KEY REFERENCES images (id),
    embedder_id INTEGER NOT NULL REFERENCES embedders (id),
    x REAL NOT NULL,
    y REAL NOT NULL
);
"""

SIDES = """
CREATE TRIGGER images_pinned AFTER UPDATE OF pin ON images BEGIN
    UPDATE images SET split = CASE WHEN new.pin != '' THEN new.pin ELSE coalesce((SELECT s.split FROM snapshot_items s
        WHERE s.image_id = new.id AND s.snapshot_id = (SELECT max(id) FROM snapshots)), '') END WHERE id = new.id;
END;
CREATE TRIGGER images_handed_in AFTER UPDATE OF class_id, review, archived ON images BEGIN
    DELETE FROM handouts WHERE image_id = new.id;
END;
"""

WALKS = """
ALTER TABLE images ADD COLUMN name_key TEXT NOT NULL DEFAULT '';
UPDATE images SET name_key = casefold(filename);
DROP INDEX images_by_class;
DROP INDEX images_by_id;
DROP INDEX images_by_name;
CREATE INDEX images_by_id ON images (archived, id, class_id, split, synthetic, flags, review);
CREATE INDEX images_by_name ON images (archived, name_key, id, class_id, split, synthetic, flags, review);
CREATE INDEX images_by_sharpness ON images (archived, sharpness, id, class_id, split, synthetic, flags, review);
CREATE INDEX images_by_brightness ON images (archived, brightness, id, class_id, split, synthetic, flags, review);
CREATE VIRTUAL TABLE image_names USING fts5 (
    name_key, content = 'images', content_rowid = 'id', columnsize = 0, tokenize = 'trigram case_sensitive 1'
);
INSERT INTO image_names (image_names) VALUES ('rebuild');
CREATE TRIGGER images_named AFTER INSERT ON images BEGIN
    INSERT INTO image_names (rowid, name_key) VALUES (new.id, new.name_key);
END;
CREATE TRIGGER images_renamed AFTER UPDATE OF name_key ON images WHEN new.name_key != old.name_key BEGIN
    INSERT INTO image_names (image_names, rowid, name_key) VALUES ('delete', old.id, old.name_key);
    INSERT INTO image_names (rowid, name_key) VALUES (new.id, new.name_key);
END;
"""

JOBS = """
ALTER TABLE runs ADD COLUMN place REAL NOT NULL DEFAULT 0;
UPDATE runs SET place = id;
ALTER TABLE runs ADD COLUMN pause_requested INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN continues INTEGER REFERENCES runs (id);
ALTER TABLE runs ADD COLUMN engine TEXT NOT NULL DEFAULT 'local';
CREATE TABLE trials (
    run_id INTEGER NOT NULL REFERENCES runs (id),
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    spec TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('waiting', 'running', 'finished', 'dropped', 'failed')),
    metrics TEXT NOT NULL DEFAULT '{}',
    seconds REAL NOT NULL DEFAULT 0,
    PRIMARY KEY (run_id, number)
) WITHOUT ROWID;
"""
