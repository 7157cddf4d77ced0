"""The embeddings of the pictures, by what made them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from storage.core.database import Database
from storage.core.timestamps import now

WRITTEN_AT_ONCE = 400
"""Rows in one transaction: a labelling key that comes in between waits some milliseconds."""
PAUSE_SECONDS = 0.005


@dataclass(frozen=True)
class Embedder:
    """What makes embeddings; ``kind`` is ``backbone``, ``version`` or ``built-in``."""

    id: int
    name: str
    kind: str
    dimensions: int


@dataclass(frozen=True)
class UnembeddedImage:
    """A picture without an embedding."""

    image_id: int
    sha256: str


@dataclass(frozen=True)
class EmbeddedImages:
    """What the catalogue knows of every embedded picture, by id; each array is ``(N,)``.

    ``classes`` is the class id, 0 where a picture is left to label; ``cleared`` whether its suspicion was dismissed.
    """

    ids: np.ndarray
    classes: np.ndarray
    cleared: np.ndarray
    hashes: tuple[str, ...]


class Embeddings:
    """One vector a picture and embedder, kept as little-endian float16."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def embedder(self, name: str, kind: str, dimensions: int) -> Embedder:
        """The embedder of a name; made where it is new."""
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO embedders (name, kind, dimensions, created_at) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (name) DO NOTHING",
                (name, kind, dimensions, now()),
            )
        embedder = self.named(name)
        assert embedder is not None  # noqa: S101 - it was written above
        return embedder

    def named(self, name: str) -> Embedder | None:
        """The embedder of a name, None where there is none."""
        row = self._database.row("SELECT id, name, kind, dimensions FROM embedders WHERE name = ?", (name,))
        return Embedder(*row) if row else None

    def others(self, embedder_id: int) -> list[Embedder]:
        """All embedders but one."""
        rows = self._database.rows(
            "SELECT id, name, kind, dimensions FROM embedders WHERE id != ?", (embedder_id,)
        )
        return [Embedder(*row) for row in rows]

    def drop(self, embedder_id: int) -> None:
        """Remove an embedder with all that it made, in short transactions."""
        removed = WRITTEN_AT_ONCE
        while removed == WRITTEN_AT_ONCE:
            with self._database.write() as connection:
                removed = connection.execute(
                    "DELETE FROM embeddings WHERE embedder_id = ? AND image_id IN "
                    "(SELECT image_id FROM embeddings WHERE embedder_id = ? LIMIT ?)",
                    (embedder_id, embedder_id, WRITTEN_AT_ONCE),
                ).rowcount
            time.sleep(PAUSE_SECONDS)
        with self._database.write() as connection:
            connection.execute("DELETE FROM projection WHERE embedder_id = ?", (embedder_id,))
            connection.execute("DELETE FROM embedders WHERE id = ?", (embedder_id,))

    def missing(self, embedder_id: int, after: int, limit: int) -> list[UnembeddedImage]:
        """Pictures of the catalogue without an embedding whose id is above ``after``, by id."""
        rows = self._database.rows(
            "SELECT i.id, i.sha256 FROM images i WHERE i.archived = 0 AND i.id > ? AND NOT EXISTS "
            "(SELECT 1 FROM embeddings e WHERE e.embedder_id = ? AND e.image_id = i.id) ORDER BY i.id LIMIT ?",
            (after, embedder_id, limit),
        )
        return [UnembeddedImage(*row) for row in rows]

    def add(self, embedder_id: int, image_ids: Sequence[int], vectors: np.ndarray) -> None:
        """Write a batch of embeddings, ``(len(image_ids), dimensions) float``, in one transaction."""
        blobs = vectors.astype("<f2")
        with self._database.write() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO embeddings (embedder_id, image_id, vector) VALUES (?, ?, ?)",
                [(embedder_id, key, row.tobytes()) for key, row in zip(image_ids, blobs, strict=True)],
            )

    def count(self, embedder_id: int) -> int:
        """How many pictures of the catalogue have an embedding."""
        return int(
            self._database.value(
                "SELECT count(*) FROM images i WHERE i.archived = 0 AND EXISTS "
                "(SELECT 1 FROM embeddings e WHERE e.embedder_id = ? AND e.image_id = i.id)",
                (embedder_id,),
            )
        )

    def vector(self, embedder_id: int, image_id: int) -> np.ndarray | None:
        """The embedding of a picture, ``(dimensions,) float32``; None where there is none."""
        blob = self._database.value(
            "SELECT vector FROM embeddings WHERE embedder_id = ? AND image_id = ?", (embedder_id, image_id)
        )
        return None if blob is None else np.frombuffer(blob, "<f2").astype(np.float32)

    def vectors(self, embedder: Embedder, size: int = 4096) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """All embeddings in chunks: ids ``(n,) int64`` in order, vectors ``(n, dimensions) float16``.

        Those of archived pictures are among them.
        """
        last = 0
        while True:
            rows = self._database.rows(
                "SELECT e.image_id, e.vector FROM embeddings e WHERE e.embedder_id = ? AND e.image_id > ? "
                "ORDER BY e.image_id LIMIT ?",
                (embedder.id, last, size),
            )
            if not rows:
                return
            blob = b"".join(row[1] for row in rows)
            yield (
                np.array([row[0] for row in rows]),
                np.frombuffer(blob, "<f2").reshape(len(rows), embedder.dimensions),
            )
            last = rows[-1][0]

    def of(self, embedder: Embedder, image_ids: np.ndarray) -> np.ndarray:
        """The embeddings of some pictures, ``(len(image_ids), dimensions) float32``, in the order asked for."""
        rows = self._database.rows(
            "SELECT e.image_id, e.vector FROM json_each(?) j CROSS JOIN embeddings e "
            "ON e.embedder_id = ? AND e.image_id = j.value",
            (json.dumps(image_ids.tolist()), embedder.id),
        )
        vectors = {row[0]: row[1] for row in rows}
        blob = b"".join(vectors[image_id] for image_id in image_ids.tolist())
        return np.frombuffer(blob, "<f2").reshape(len(image_ids), embedder.dimensions).astype(np.float32)

    def known(self, embedder: Embedder) -> EmbeddedImages:
        """What the catalogue knows of the pictures that have an embedding, by id."""
        rows = self._database.rows(
            "SELECT i.id, coalesce(i.class_id, 0), coalesce(i.cleared_class_id = i.class_id, 0), i.phash FROM images i "
            "WHERE i.archived = 0 AND EXISTS "
            "(SELECT 1 FROM embeddings e WHERE e.embedder_id = ? AND e.image_id = i.id) ORDER BY i.id",
            (embedder.id,),
        )
        table = np.array([row[:3] for row in map(tuple, rows)], dtype=np.int64).reshape(-1, 3)
        return EmbeddedImages(
            table[:, 0], table[:, 1], table[:, 2].astype(bool), tuple(row[3] for row in rows)
        )
