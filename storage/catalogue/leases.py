"""Who holds which picture until when, so that no picture is handed to two people at once."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from storage.core.database import Database
from storage.queries.pagination import Pages
from storage.records import Filter

HELD_SECONDS = 120.0
SKIPPED_SECONDS = 3600.0
FREE = (
    "NOT EXISTS (SELECT 1 FROM handouts h WHERE h.image_id = i.id AND h.holder != :holder AND h.until > :now) "
    "AND NOT EXISTS (SELECT 1 FROM skips k WHERE k.image_id = i.id AND k.holder = :holder AND k.until > :now)"
)


class Leases:
    """Leases of pictures: who works on which, until when. Labelling, reviewing or archiving a picture ends its lease."""

    def __init__(self, database: Database, pages: Pages) -> None:
        self._database = database
        self._pages = pages

    def take(
        self, holder: str, wanted: Filter, count: int, seconds: float = HELD_SECONDS, but_of: str = ""
    ) -> list[int]:
        """Hand out the first pictures of a filter that nobody else holds and this one has not skipped.

        Those that the holder has already come again, and stay longer.

        Args:
            holder: Who takes them.
            wanted: Filter and order.
            count: At most how many.
            seconds: For how long.
            but_of: Whose labels are left out: nobody gives a second opinion on their own.

        Returns:
            Their ids, in order.
        """
        now = time.time()
        with self._database.write() as connection:
            also = f"{FREE} AND i.labelled_by != :but_of" if but_of else FREE
            ids = self._pages.first(wanted, count, also, {"holder": holder, "now": now, "but_of": but_of})
            connection.executemany(
                "INSERT INTO handouts (image_id, holder, until) VALUES (?, ?, ?) "
                "ON CONFLICT (image_id) DO UPDATE SET holder = excluded.holder, until = excluded.until",
                [(image_id, holder, now + seconds) for image_id in ids],
            )
        return ids

    def keep(self, holder: str, image_ids: Sequence[int], seconds: float = HELD_SECONDS) -> list[int]:
        """Hold pictures longer; gives those that the holder still has, in the order asked for."""
        now = time.time()
        with self._database.write() as connection:
            rows = connection.execute(
                "UPDATE handouts SET until = ? WHERE holder = ? AND until > ? "
                "AND image_id IN (SELECT value FROM json_each(?)) RETURNING image_id",
                (now + seconds, holder, now, json.dumps(list(image_ids))),
            ).fetchall()
        held = {row["image_id"] for row in rows}
        return [image_id for image_id in image_ids if image_id in held]

    def release(self, holder: str, image_ids: Sequence[int] | None = None) -> None:
        """Give pictures back, or all that the holder has."""
        given = None if image_ids is None else json.dumps(list(image_ids))
        with self._database.write() as connection:
            connection.execute(
                "DELETE FROM handouts WHERE holder = ? "
                "AND (? IS NULL OR image_id IN (SELECT value FROM json_each(?)))",
                (holder, given, given),
            )

    def skip(self, holder: str, image_id: int) -> None:
        """Give a picture back and take it not again for an hour; others still get it."""
        now = time.time()
        with self._database.write() as connection:
            connection.execute("DELETE FROM skips WHERE until <= ?", (now,))
            connection.execute(
                "INSERT INTO skips (holder, image_id, until) SELECT ?, id, ? FROM images WHERE id = ? "
                "ON CONFLICT DO UPDATE SET until = excluded.until",
                (holder, now + SKIPPED_SECONDS, image_id),
            )
            connection.execute("DELETE FROM handouts WHERE holder = ? AND image_id = ?", (holder, image_id))
