"""Frozen dataset versions: which picture, which class, which side of the split."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from storage.core.database import Database
from storage.core.errors import NotFound
from storage.core.timestamps import now
from storage.records import Snapshot, SnapshotItem

USE = "UPDATE snapshots SET used = (SELECT max(used) + 1 FROM snapshots) WHERE id = ?"
# What was split by hand stays there; the others follow the snapshot that was used last.
TAKE_SIDES = """
UPDATE images SET split = n.split FROM (
    SELECT k.image_id, k.split FROM images i JOIN image_sides k ON k.image_id = i.id WHERE i.split != k.split
) n WHERE images.id = n.image_id
"""


@dataclass(frozen=True)
class LabelledImage:
    """A labelled picture, as the split sees it."""

    image_id: int
    sha256: str
    phash: str
    class_name: str
    pin: str = ""


@dataclass(frozen=True)
class SplitDraft:
    """A split that is about to be frozen.

    Attributes:
        classes: Their names.
        items: The pictures, those of the test too.
        validation_fraction: The share of validation that was asked for.
        seed: Of the draw.
        kept_together: Pictures in groups of near-duplicates.
        pinned: Pictures whose side a person chose.
        drawn: Those of them that are on another side all the same, since nothing was set aside to check with.
        left_out: Pictures on no side, since they look like a test picture.
    """

    classes: tuple[str, ...]
    items: tuple[SnapshotItem, ...]
    validation_fraction: float
    seed: int
    kept_together: int
    pinned: int = 0
    drawn: int = 0
    left_out: int = 0

    @property
    def content_hash(self) -> str:
        """sha256 over the classes and each picture's content, class and side."""
        lines = sorted(f"{item.sha256} {item.label} {item.split}" for item in self.items)
        return hashlib.sha256("\n".join([json.dumps(self.classes), *lines]).encode()).hexdigest()


class Snapshots:
    """Snapshots never change; freezing the same content again gives the same snapshot."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def labelled(self) -> list[LabelledImage]:
        """Every labelled picture of the catalogue, by id."""
        rows = self._database.rows(
            "SELECT i.id, i.sha256, i.phash, c.name, i.pin FROM images i JOIN classes c ON c.id = i.class_id "
            "WHERE i.archived = 0 ORDER BY i.id"
        )
        return [LabelledImage(*row) for row in rows]

    def freeze(self, draft: SplitDraft) -> Snapshot:
        """Store a split, or find it where the same one is stored already."""
        with self._database.write() as connection:
            row = connection.execute(
                "SELECT id FROM snapshots WHERE content_hash = ?", (draft.content_hash,)
            ).fetchone()
            snapshot_id = row["id"] if row else _insert(connection, draft)
            _use(connection, snapshot_id)
        return self.get(snapshot_id)

    def use(self, snapshot_id: int) -> None:
        """Show the sides of a snapshot on the page, as :meth:`freeze` does: something is trained on it again."""
        with self._database.write() as connection:
            _use(connection, snapshot_id)

    def get(self, snapshot_id: int) -> Snapshot:
        """One snapshot.

        Raises:
            NotFound: There is no such snapshot.
        """
        row = self._database.row("SELECT * FROM snapshots WHERE id = ?", (snapshot_id,))
        if row is None:
            raise NotFound(f"There is no snapshot {snapshot_id}.")
        columns = {**dict(row), "classes": tuple(json.loads(row["classes"]))}
        del columns["used"]
        return Snapshot(**columns)

    def recent(self, limit: int = 20) -> list[Snapshot]:
        """The newest snapshots, newest first."""
        rows = self._database.rows("SELECT id FROM snapshots ORDER BY id DESC LIMIT ?", (limit,))
        return [self.get(row["id"]) for row in rows]

    def items(self, snapshot_id: int) -> list[SnapshotItem]:
        """The pictures of a snapshot, by id."""
        rows = self._database.rows(
            "SELECT s.image_id, i.sha256, s.label, s.split, s.group_id FROM snapshot_items s "
            "JOIN images i ON i.id = s.image_id WHERE s.snapshot_id = ? ORDER BY s.image_id",
            (snapshot_id,),
        )
        return [SnapshotItem(*row) for row in rows]


def _insert(connection: sqlite3.Connection, draft: SplitDraft) -> int:
    cursor = connection.execute(
        "INSERT INTO snapshots (content_hash, classes, validation_fraction, seed, images, kept_together, created_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            draft.content_hash,
            json.dumps(draft.classes),
            draft.validation_fraction,
            draft.seed,
            len(draft.items),
            draft.kept_together,
            now(),
        ),
    )
    snapshot_id = int(cursor.lastrowid or 0)
    _insert_items(connection, snapshot_id, draft.items)
    return snapshot_id


def _use(connection: sqlite3.Connection, snapshot_id: int) -> None:
    connection.execute(USE, (snapshot_id,))
    connection.execute(TAKE_SIDES)


def _insert_items(connection: sqlite3.Connection, snapshot_id: int, items: Sequence[SnapshotItem]) -> None:
    connection.executemany(
        "INSERT INTO snapshot_items (snapshot_id, image_id, label, split, group_id) VALUES (?, ?, ?, ?, ?)",
        [(snapshot_id, item.image_id, item.label, item.split, item.group) for item in items],
    )
