"""What the model's help says: suggestions, what to label next, suspicions, the map.

All of it can be computed again, so that nothing of it is in the journal. Whatever is read is joined with the catalogue as
it is now: an archived picture, a removed class or a label that changed since drops out at once.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from storage.core.database import Database
from storage.learning.embeddings import PAUSE_SECONDS, WRITTEN_AT_ONCE, Embedder
from storage.queries.sort_orders import SUSPICION_STANDS


@dataclass(frozen=True)
class Suggestion:
    """The likely class of a picture that is left to label."""

    image_id: int
    label: str
    colour: str
    probability: float


@dataclass(frozen=True)
class Suspicion:
    """A label that looks wrong; ``score`` (0 to 1) is 1 less the probability of the given class."""

    image_id: int
    revision: int
    sha256: str
    filename: str
    given: str
    given_colour: str
    likely: str
    likely_colour: str
    score: float


@dataclass(frozen=True)
class ProjectionPoint:
    """A picture on the map; ``suspicion`` is 0 where its label is not suspicious."""

    image_id: int
    x: float
    y: float
    label: str
    colour: str
    split: str
    suspicion: float
    sha256: str


@dataclass(frozen=True)
class Neighbour:
    """A picture that looks like another; ``similarity`` is the cosine of the two embeddings."""

    image_id: int
    similarity: float


@dataclass(frozen=True)
class SuggestionCounts:
    """Rows that hold now."""

    suggestions: int
    next_up: int
    suspicions: int
    mapped: int


class Suggestions:
    """The rows of the model's help."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def delete_of_missing_files(self) -> None:
        """Remove what was computed for pictures whose files are gone. Those in the bin keep it: they may come back."""
        emptied = "(SELECT id FROM images WHERE archived = 2)"
        with self._database.write() as connection:
            for table in ("suggestions", "suspicions", "next_up", "projection"):
                connection.execute(f"DELETE FROM {table} WHERE image_id IN {emptied}")
            for row in connection.execute("SELECT id FROM embedders").fetchall():
                # One embedder at a time, so that the key of the table finds the rows.
                connection.execute(
                    f"DELETE FROM embeddings WHERE embedder_id = ? AND image_id IN {emptied}", (row[0],)
                )

    def save_suggestions(self, rows: Sequence[tuple[int, int, float]]) -> None:
        """Write suggestions ``(image id, class id, probability)`` in short transactions."""
        self._in_batches(
            rows,
            "INSERT INTO suggestions (image_id, class_id, probability) VALUES (?, ?, ?) ON CONFLICT (image_id) "
            "DO UPDATE SET class_id = excluded.class_id, probability = excluded.probability",
        )

    def suggested(self) -> dict[int, tuple[int, float]]:
        """Class id and probability of every suggestion that is written, by image id."""
        rows = self._database.rows("SELECT image_id, class_id, probability FROM suggestions")
        return {row[0]: (row[1], row[2]) for row in rows}

    def delete_suggestions(self, image_ids: Sequence[int]) -> None:
        """Remove suggestions in short transactions."""
        self._in_batches(
            [(image_id,) for image_id in image_ids], "DELETE FROM suggestions WHERE image_id = ?"
        )

    def save_queue(self, image_ids: Sequence[int]) -> None:
        """Replace what to label next, the most useful picture first."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM next_up")
            connection.executemany(
                "INSERT INTO next_up (rank, image_id) VALUES (?, ?)", list(enumerate(image_ids, 1))
            )

    def save_suspicions(self, rows: Sequence[tuple[int, int, int, float]]) -> None:
        """Replace the suspicions ``(image id, given class id, likely class id, score)``."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM suspicions")
            connection.executemany(
                "INSERT INTO suspicions (image_id, given_class_id, likely_class_id, score) VALUES (?, ?, ?, ?)",
                rows,
            )

    def save_projection(self, embedder: Embedder, image_ids: np.ndarray, points: np.ndarray) -> None:
        """Put pictures on the map; ``points`` is ``(len(image_ids), 2)``."""
        pairs = zip(image_ids.tolist(), points.tolist(), strict=True)
        self._in_batches(
            [(key, embedder.id, x, y) for key, (x, y) in pairs],
            "INSERT INTO projection (image_id, embedder_id, x, y) VALUES (?, ?, ?, ?) ON CONFLICT (image_id) "
            "DO UPDATE SET embedder_id = excluded.embedder_id, x = excluded.x, y = excluded.y",
        )

    def placed(self, embedder: Embedder) -> tuple[np.ndarray, np.ndarray]:
        """What is on the map: ids ``(N,)`` in order and points ``(N, 2)``."""
        rows = self._database.rows(
            "SELECT image_id, x, y FROM projection WHERE embedder_id = ? ORDER BY image_id", (embedder.id,)
        )
        table = np.array([tuple(row) for row in rows], dtype=np.float64).reshape(-1, 3)
        return table[:, 0].astype(np.int64), table[:, 1:]

    def suggestions(self, limit: int, after: Suggestion | None = None) -> list[Suggestion]:
        """Suggestions by rising probability, from the one after ``after`` on."""
        rows = self._database.rows(
            "SELECT i.id, c.name, c.colour, s.probability FROM images i "
            "JOIN suggestions s ON s.image_id = i.id JOIN classes c ON c.id = s.class_id "
            "WHERE i.archived = 0 AND i.class_id IS NULL "
            "AND (i.unsure_key, i.id) > (?, ?) ORDER BY i.unsure_key, i.id LIMIT ?",
            (after.probability if after else -1.0, after.image_id if after else 0, limit),
        )
        return [Suggestion(*row) for row in rows]

    def labelling_queue(self, limit: int) -> list[int]:
        """Ids of pictures to label next, the most useful first."""
        rows = self._database.rows(
            "SELECT i.id FROM images i WHERE i.archived = 0 AND i.class_id IS NULL "
            "AND i.next_key IS NOT NULL ORDER BY i.next_key LIMIT ?",
            (limit,),
        )
        return [row[0] for row in rows]

    def suspicions(self, limit: int) -> list[Suspicion]:
        """Suspicious labels that still stand and were not dismissed, worst first."""
        return [Suspicion(*row) for row in self._database.rows(_SUSPICIONS, (limit,))]

    def likely(self, image_ids: Sequence[int]) -> dict[int, int]:
        """The likely class id of those pictures that are suspicious."""
        rows = self._database.rows(
            "SELECT u.image_id, u.likely_class_id FROM suspicions u JOIN images i ON i.id = u.image_id "
            f"WHERE i.archived = 0 AND {SUSPICION_STANDS} AND u.image_id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(image_ids)),),
        )
        return {row[0]: row[1] for row in rows}

    def points(self, limit: int) -> list[ProjectionPoint]:
        """The map; where it has more points than ``limit``, an even part of them that is the same each time."""
        total = self._database.value("SELECT count(*) FROM projection") or 0
        stride = max(1, -(-total // limit))
        rows = self._database.rows(_POINTS, (stride, limit))
        return [ProjectionPoint(*row) for row in rows]

    def counts(self) -> SuggestionCounts:
        """How many rows there are; of suggestions a few may be labelled already."""
        row = self._database.row(_COUNTS)
        assert row is not None  # noqa: S101 - counts always give a row
        return SuggestionCounts(*row)

    def stamp(self) -> str:
        """A text that changes with every change to the catalogue; reads no picture."""
        row = self._database.row(
            "SELECT (SELECT coalesce(max(id), 0) FROM events), (SELECT coalesce(max(id), 0) FROM images), "
            "(SELECT group_concat(class_id || ':' || n) FROM (SELECT class_id, sum(n) AS n FROM tallies "
            "WHERE archived = 0 GROUP BY class_id ORDER BY class_id))"
        )
        return hashlib.sha256(repr(tuple(row or ())).encode()).hexdigest()[:16]

    def pictures_stamp(self) -> str:
        """A text that changes when pictures come or go."""
        newest = self._database.value("SELECT coalesce(max(id), 0) FROM images")
        return f"{newest} {self.pictures()[0]}"

    def pictures(self) -> tuple[int, int]:
        """Pictures in the catalogue, and how many of them are labelled."""
        row = self._database.row(
            "SELECT coalesce(sum(n), 0), coalesce(sum(n * (class_id != 0)), 0) FROM tallies WHERE archived = 0"
        )
        return (0, 0) if row is None else (row[0], row[1])

    def claim(self, pid: int, started: str, alive: Callable[[int, str], bool]) -> bool:
        """Make a process the only worker; False where another one is alive."""
        with self._database.write() as connection:
            row = connection.execute("SELECT value FROM preferences WHERE name = ?", (WORKER,)).fetchone()
            if row and alive(*json.loads(row[0])):
                return False
            connection.execute(
                "INSERT INTO preferences (name, value) VALUES (?, ?) "
                "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (WORKER, json.dumps([pid, started])),
            )
        return True

    def _in_batches(self, rows: Sequence[tuple[object, ...]], sql: str) -> None:
        for start in range(0, len(rows), WRITTEN_AT_ONCE):
            with self._database.write() as connection:
                connection.executemany(sql, rows[start : start + WRITTEN_AT_ONCE])
            # SQLite hands its lock to whoever asks first, so that a pause lets others have a turn.
            time.sleep(PAUSE_SECONDS)


WORKER = "insight worker"
_SUSPICIONS = f"""
SELECT u.image_id, i.revision, i.sha256, i.filename, given.name, given.colour, k.name, k.colour, u.score
FROM suspicions u JOIN images i ON i.id = u.image_id JOIN classes given ON given.id = u.given_class_id
     JOIN classes k ON k.id = u.likely_class_id
WHERE i.archived = 0 AND {SUSPICION_STANDS} ORDER BY i.suspicion_key, i.id LIMIT ?
"""
_POINTS = f"""
SELECT p.image_id, p.x, p.y, coalesce(c.name, ''), coalesce(c.colour, ''), i.split,
       coalesce((SELECT u.score FROM suspicions u WHERE u.image_id = p.image_id AND {SUSPICION_STANDS}), 0), i.sha256
FROM projection p JOIN images i ON i.id = p.image_id LEFT JOIN classes c ON c.id = i.class_id
WHERE i.archived = 0 AND p.image_id % ? = 0 LIMIT ?
"""
_COUNTS = f"""
SELECT (SELECT count(*) FROM suggestions),
       (SELECT count(*) FROM images i WHERE i.archived = 0 AND i.class_id IS NULL AND i.next_key IS NOT NULL),
       (SELECT count(*) FROM images i WHERE i.archived = 0 AND {SUSPICION_STANDS}),
       (SELECT count(*) FROM projection)
"""
