"""What curation reads: perceptual hashes, look-alikes, quality flags, the bin."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from storage.core.database import Database
from storage.records import FLAGS

MEMBERS = """
SELECT i.id, i.phash, coalesce(i.class_id, 0) AS class_id, i.width * i.height AS pixels, i.sharpness, i.synthetic, i.alike
FROM images i WHERE i.archived = 0 AND i.id IN (SELECT value FROM json_each(?)) ORDER BY i.id
"""


@dataclass(frozen=True)
class DuplicateCandidate:
    """A picture that may look like others: ``class_id`` is 0 where it has none, ``alike`` where it is not settled."""

    id: int
    phash: str
    class_id: int
    pixels: int
    sharpness: float
    synthetic: bool
    alike: int


class CurationQueries:
    """Reads for curation, none of which goes through all pictures but :meth:`hashes`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(self) -> int:
        """The id of the picture that came last, 0 where there is none."""
        return int(self._database.value("SELECT coalesce(max(id), 0) FROM images"))

    def last_event(self) -> int:
        """The id of the last event, 0 where there is none."""
        return int(self._database.value("SELECT coalesce(max(id), 0) FROM events"))

    def touched(self, event_id: int) -> list[int]:
        """The pictures that events after this one changed."""
        rows = self._database.rows(
            "SELECT DISTINCT entity_id FROM changes WHERE event_id > ? AND entity = 'image'", (event_id,)
        )
        return [row[0] for row in rows]

    def hashes(self) -> tuple[list[int], list[str]]:
        """Ids and perceptual hashes of all pictures, also of those in the bin: they may come back."""
        rows = self._database.rows("SELECT id, phash FROM images ORDER BY id")
        return [row[0] for row in rows], [row[1] for row in rows]

    def members(self, image_ids: Sequence[int]) -> list[DuplicateCandidate]:
        """Those of the pictures that are in the catalogue, by id."""
        return [
            DuplicateCandidate(*row) for row in self._database.rows(MEMBERS, (json.dumps(list(image_ids)),))
        ]

    def captions(self, image_ids: Sequence[int]) -> dict[int, tuple[str, int]]:
        """File name and flags, as bits, of those of the pictures that are in the catalogue, by id."""
        rows = self._database.rows(
            "SELECT id, filename, flags FROM images WHERE archived = 0 AND id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(image_ids)),),
        )
        return {row[0]: (row[1], row[2]) for row in rows}

    def flagged(self) -> dict[str, int]:
        """How many pictures of the catalogue have each quality flag; read from the tallies."""
        rows = self._database.rows("SELECT flags, sum(n) FROM tallies WHERE archived = 0 GROUP BY flags")
        return {name: sum(n for bits, n in rows if bits >> bit & 1) for bit, name in enumerate(FLAGS)}

    def in_bin(self) -> int:
        """How many pictures are in the bin; read from the tallies."""
        return int(self._database.value("SELECT coalesce(sum(n), 0) FROM tallies WHERE archived = 1"))

    def emptied(self, sha256s: Sequence[str]) -> list[str]:
        """Those of the pictures that were emptied from the bin and did not come back."""
        rows = self._database.rows(
            "SELECT sha256 FROM images WHERE archived = 2 AND sha256 IN (SELECT value FROM json_each(?))",
            (json.dumps(list(sha256s)),),
        )
        return [row[0] for row in rows]
