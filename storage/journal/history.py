"""What the journal tells people: the history of a picture, and what each person did on each day."""

from __future__ import annotations

import json
import sqlite3
from itertools import groupby

from storage.core.database import Database
from storage.core.errors import NotFound
from storage.journal import changes as change_log
from storage.records import Activity, Event, FieldChange, PictureEvent

WORDS = {
    "class_id": "class",
    "archived": "place",
    "pin": "split by hand",
    "tags": "tags",
    "notes": "note",
    "labelled_by": "labelled by",
    "review": "second opinion",
    "reviewed_by": "reviewed by",
    "review_class_id": "class in the second opinion",
    "cleared_class_id": "suspicion dismissed for",
    "alike": "look-alikes",
}
UNKNOWN_PICTURE = "There is no picture with id {id}."
PLACES = ("in the catalogue", "in the bin", "emptied from the bin")
TOUCHED = """
SELECT e.*, c.field, c.before, c.after FROM changes c JOIN events e ON e.id = c.event_id
WHERE c.entity = 'image' AND c.entity_id = ? ORDER BY c.event_id DESC
"""
# From one day to the one before along the index: a journal of years costs what the days asked for cost.
SINCE = """
WITH RECURSIVE days (day, nth) AS (
    SELECT max(substr(created_at, 1, 10)), 1 FROM events WHERE undone_by IS NULL
    UNION ALL SELECT (SELECT max(substr(e.created_at, 1, 10)) FROM events e
        WHERE e.undone_by IS NULL AND substr(e.created_at, 1, 10) < days.day), nth + 1
    FROM days WHERE days.day IS NOT NULL AND nth < ?
)
SELECT min(day) FROM days
"""
DAYS = """
SELECT actor, substr(created_at, 1, 10) AS day, count(*) AS events, sum(pictures) AS pictures,
       coalesce(sum(pictures) FILTER (WHERE kind = 'label'), 0) AS labelled
FROM events INDEXED BY events_by_day
WHERE undone_by IS NULL AND substr(created_at, 1, 10) >= ? AND kind NOT IN ('import', 'undo', 'redo')
GROUP BY day, actor ORDER BY day DESC, pictures DESC, actor
"""


def history(database: Database, image_id: int) -> list[PictureEvent]:
    """Every event that touched a picture, newest first, its coming in last.

    Raises:
        NotFound: There is no picture with that id.
    """
    image = database.row("SELECT filename, created_at FROM images WHERE id = ?", (image_id,))
    if image is None:
        raise NotFound(UNKNOWN_PICTURE.format(id=image_id))
    names = {row["id"]: row["name"] for row in database.rows("SELECT id, name FROM classes")}
    events = []
    for _, rows in groupby(database.rows(TOUCHED, (image_id,)), key=lambda row: row["id"]):
        event_rows = list(rows)
        changes = sorted((_change(row, names) for row in event_rows), key=lambda change: change.field)
        events.append(PictureEvent(change_log.event(event_rows[0]), tuple(changes)))
    came = Event(0, "import", "", f"came in as {image['filename']}", image["created_at"], False, 1)
    return [*events, PictureEvent(came, ())]


def activity(database: Database, days: int) -> list[Activity]:
    """What each person did on each of the last days on which anything was done, newest first."""
    since = database.value(SINCE, (days,)) or ""
    return [Activity(**dict(row)) for row in database.rows(DAYS, (since,))]


def _change(row: sqlite3.Row, names: dict[int, str]) -> FieldChange:
    field = row["field"]
    return FieldChange(
        WORDS[field], _in_words(field, row["before"], names), _in_words(field, row["after"], names)
    )


def _in_words(field: str, value: object, names: dict[int, str]) -> str:
    if field.endswith("class_id"):
        return names.get(value, "") if isinstance(value, int) else "none"
    if field == "archived":
        return PLACES[int(str(value))]
    if field == "alike":
        return "all kept" if value else "open"
    if field == "tags":
        return ", ".join(json.loads(str(value))) or "none"
    return str(value) or ("automatic" if field == "pin" else "none")
