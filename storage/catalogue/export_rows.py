"""What an export says of each picture."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from storage.core.database import Database
from storage.core.errors import NotFound

CHUNK = 2000


@dataclass(frozen=True)
class ExportRow:
    """A picture as exported: ``label`` is its class, ``split`` its side, each empty where it has none."""

    sha256: str
    filename: str
    format: str
    bytes: int
    width: int
    height: int
    label: str
    split: str


NO_SNAPSHOT = "There is no snapshot {id}."
COLUMNS = "i.sha256, i.filename, i.format, i.bytes, i.width, i.height"


class ExportRows:
    """Reads many pictures at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, image_ids: Sequence[int]) -> list[ExportRow]:
        """Pictures as they are now, by id; those that are not there any more are left out."""
        sql = (
            f"SELECT {COLUMNS}, coalesce(c.name, '') AS label, i.split FROM images i "
            "LEFT JOIN classes c ON c.id = i.class_id "
            "WHERE i.archived < 2 AND i.id IN (SELECT value FROM json_each(?)) ORDER BY i.id"
        )
        return [
            ExportRow(**dict(row))
            for chunk in _chunks(sorted(image_ids))
            for row in self._database.rows(sql, (json.dumps(chunk),))
        ]

    def bytes(self, image_ids: Sequence[int]) -> int:
        """The size of the originals of pictures, together."""
        sql = "SELECT coalesce(sum(bytes), 0) FROM images WHERE id IN (SELECT value FROM json_each(?))"
        return sum(self._database.value(sql, (json.dumps(chunk),)) for chunk in _chunks(image_ids))

    def of_snapshot(self, snapshot_id: int) -> list[ExportRow]:
        """Pictures as a snapshot has them, by id, also those that were thrown away since.

        Raises:
            NotFound: There is no such snapshot.
        """
        classes = self._database.value("SELECT classes FROM snapshots WHERE id = ?", (snapshot_id,))
        if classes is None:
            raise NotFound(NO_SNAPSHOT.format(id=snapshot_id))
        names = json.loads(classes)
        rows = self._database.rows(
            f"SELECT {COLUMNS}, s.label, s.split FROM snapshot_items s JOIN images i ON i.id = s.image_id "
            "WHERE s.snapshot_id = ? ORDER BY i.id",
            (snapshot_id,),
        )
        return [ExportRow(**{**dict(row), "label": names[row["label"]]}) for row in rows]


def _chunks(values: Sequence[int]) -> Iterator[list[int]]:
    left = iter(values)
    while chunk := list(islice(left, CHUNK)):
        yield chunk
