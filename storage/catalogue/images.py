"""The pictures of the catalogue: taking them in, finding them by id or content, and counting them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from storage.core.database import Database
from storage.core.errors import NotFound
from storage.core.timestamps import now
from storage.journal.changes import EventHeader
from storage.journal.events import Journal
from storage.queries import image_rows
from storage.records import Change, ClassRecord, ImageRecord, NewImage, Summary

VALUES = (
    "filename = :filename, name_key = :name_key, width = :width, height = :height, bytes = :bytes, format = :format, phash = :phash, "
    "synthetic = :synthetic, flags = :flags, frames = :frames, sharpness = :sharpness, brightness = :brightness, "
    "contrast = :contrast"
)
INSERT = """
INSERT INTO images (sha256, filename, name_key, width, height, bytes, format, phash, class_id, synthetic, flags, frames,
                    sharpness, brightness, contrast, pin, split, created_at)
VALUES (:sha256, :filename, :name_key, :width, :height, :bytes, :format, :phash, :class_id, :synthetic, :flags, :frames,
        :sharpness, :brightness, :contrast, :pin, :pin, :created_at)
ON CONFLICT (sha256) DO NOTHING RETURNING id
"""
COUNTS = """
SELECT coalesce(sum(n), 0) AS images, coalesce(sum(n) FILTER (WHERE class_id), 0) AS labelled,
       coalesce(sum(n) FILTER (WHERE synthetic), 0) AS synthetic
FROM tallies WHERE archived = 0
"""


class Catalogue:
    """Pictures, by id and by content."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal

    def add(self, new: Sequence[NewImage], actor: str = "someone") -> list[int | None]:
        """Add pictures in one transaction; one that was archived comes back, one whose class was removed has none.

        Returns:
            The id of each picture, or None where its sha256 is already there.
        """
        with self._database.write() as connection:
            present = {row["id"] for row in connection.execute("SELECT id FROM classes WHERE removed = 0")}
            return [self._add(connection, image, image.class_id in present, actor) for image in new]

    def known(self, sha256s: Sequence[str]) -> dict[str, int]:
        """The ids of those pictures that are in the catalogue, by sha256."""
        rows = self._database.rows(
            "SELECT sha256, id FROM images WHERE archived = 0 AND sha256 IN (SELECT value FROM json_each(?))",
            (json.dumps(list(sha256s)),),
        )
        return {row["sha256"]: row["id"] for row in rows}

    def get(self, image_id: int) -> ImageRecord:
        """One picture.

        Raises:
            NotFound: There is no picture with that id.
        """
        records = self.several([image_id])
        if not records:
            raise NotFound(image_rows.NO_PICTURE.format(id=image_id))
        return records[0]

    def several(self, image_ids: Sequence[int]) -> list[ImageRecord]:
        """Those of the pictures that are in the catalogue, in the order asked for."""
        return image_rows.fetch(self._database.connection(), image_ids, most_archived=0)

    def require(self, image_ids: Sequence[int]) -> None:
        """Check that all pictures are there.

        Raises:
            NotFound: One is not.
        """
        image_rows.require(self._database.connection(), image_ids)

    def summary(self, classes: Sequence[ClassRecord]) -> Summary:
        """Counts over the whole catalogue."""
        row = self._database.row(COUNTS)
        assert row is not None  # noqa: S101 - an aggregate always gives a row
        return Summary(row["images"], row["labelled"], row["synthetic"], tuple(classes))

    def _add(
        self, connection: sqlite3.Connection, image: NewImage, has_class: bool, actor: str
    ) -> int | None:
        values = {**vars(image), "name_key": image.filename.casefold(), "created_at": now()}
        values["class_id"] = image.class_id if has_class else None
        added = connection.execute(INSERT, values).fetchone()
        return int(added["id"]) if added else self._revive(connection, values, actor)

    def _revive(self, connection: sqlite3.Connection, values: dict[str, object], actor: str) -> int | None:
        """Bring back a picture that was in the bin, as an event of its history."""
        before = connection.execute(
            "SELECT * FROM images WHERE sha256 = :sha256 AND archived > 0", values
        ).fetchone()
        if before is None:
            return None
        after = {
            **{"archived": 0, "class_id": values["class_id"], "pin": values["pin"] or before["pin"]},
            **{"labelled_by": "", "review": "", "reviewed_by": "", "review_class_id": None},
        }
        connection.execute(f"UPDATE images SET {VALUES} WHERE sha256 = :sha256", values)
        self._journal.apply(
            connection,
            EventHeader("import", actor, f"brought {values['filename']} back"),
            [
                Change("image", before["id"], field, before[field], value)
                for field, value in after.items()
                if before[field] != value
            ],
        )
        return int(before["id"])
