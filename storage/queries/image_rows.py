"""Reading rows of pictures, and the checks that every change to pictures begins with."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence

from storage.core.errors import NotFound, StaleEdit
from storage.queries.sort_orders import SUSPICION_STANDS
from storage.records import FLAGS, ImageRecord

SELECT = f"""
SELECT i.id, i.sha256, i.filename, i.width, i.height, i.synthetic, c.name AS label, c.colour AS colour, i.split,
       i.revision, i.flags, i.tags, i.notes, i.pin, i.archived, i.frames, i.labelled_by, i.review, i.reviewed_by,
       r.name AS review_label, g.name AS suggestion, CASE WHEN g.id THEN s.probability END AS probability,
       k.name AS suspected
FROM images i LEFT JOIN classes c ON c.id = i.class_id LEFT JOIN classes r ON r.id = i.review_class_id
     LEFT JOIN suggestions s ON s.image_id = i.id LEFT JOIN classes g ON g.id = s.class_id AND g.removed = 0
     LEFT JOIN suspicions u ON u.image_id = i.id AND {SUSPICION_STANDS}
     LEFT JOIN classes k ON k.id = u.likely_class_id
"""

NO_PICTURE = "There is no picture with id {id}. Nothing was changed."
NOT_IN_BIN = "There is no picture with id {id} in the bin. Nothing was changed."


def fetch(
    connection: sqlite3.Connection, image_ids: Sequence[int], most_archived: int = 2
) -> list[ImageRecord]:
    """Those of the pictures that are there, in the order asked for; ``most_archived`` 0 leaves out the bin."""
    rows = connection.execute(
        f"{SELECT} WHERE i.archived <= ? AND i.id IN (SELECT value FROM json_each(?))",
        (most_archived, json.dumps(list(image_ids))),
    )
    by_id = {row["id"]: _record(row) for row in rows}
    return [by_id[image_id] for image_id in image_ids if image_id in by_id]


def require(connection: sqlite3.Connection, image_ids: Sequence[int], archived: int = 0) -> None:
    """Check that all pictures are in the catalogue (0) or in the bin (1).

    Raises:
        NotFound: One is not.
    """
    wanted = set(image_ids)
    known = "SELECT {} FROM images WHERE archived = ? AND id IN (SELECT value FROM json_each(?))"
    given = (archived, json.dumps(list(wanted)))
    if connection.execute(known.format("count(*)"), given).fetchone()[0] < len(wanted):
        missing = min(wanted - {row["id"] for row in connection.execute(known.format("id"), given)})
        raise NotFound((NOT_IN_BIN if archived else NO_PICTURE).format(id=missing))


def check_revisions(connection: sqlite3.Connection, revisions: Mapping[int, int]) -> None:
    """Check that pictures are as they were when they were shown.

    Args:
        connection: Within the transaction of the change.
        revisions: The revision that each picture had then, by id.

    Raises:
        StaleEdit: One was changed since.
    """
    stale = connection.execute(
        "SELECT i.id FROM json_each(?) r JOIN images i ON i.id = CAST(r.key AS INTEGER) "
        "WHERE i.revision IS NOT r.value LIMIT 1",
        (json.dumps({str(key): value for key, value in revisions.items()}),),
    ).fetchone()
    if stale is not None:
        raise StaleEdit(
            f"This picture was changed in the meantime{_by(connection, stale['id'])}, so it is left as it is. "
            "Look at it again."
        )


def _by(connection: sqlite3.Connection, image_id: int) -> str:
    last = connection.execute(
        "SELECT e.actor FROM events e WHERE e.id = "
        "(SELECT max(event_id) FROM changes WHERE entity = 'image' AND entity_id = ?)",
        (image_id,),
    ).fetchone()
    return f" by {last['actor']}" if last else ""


def _record(row: sqlite3.Row) -> ImageRecord:
    values = dict(row)
    values["synthetic"] = bool(values["synthetic"])
    values["archived"] = bool(values["archived"])
    values["flags"] = tuple(name for bit, name in enumerate(FLAGS) if values["flags"] >> bit & 1)
    values["tags"] = tuple(json.loads(values["tags"]))
    return ImageRecord(**values)


def counted(count: int) -> str:
    """``1 picture``, ``24 pictures``."""
    return "1 picture" if count == 1 else f"{count:,} pictures"
