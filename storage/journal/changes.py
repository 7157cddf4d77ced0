"""Events and their changes as rows: writing them down, carrying them out, and turning them round."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from storage.core.errors import Conflict
from storage.core.timestamps import now
from storage.records import Change, Event

FIELDS: Mapping[str, tuple[str, ...]] = {
    "image": (
        *("class_id", "archived", "pin", "tags", "notes"),
        *("labelled_by", "review", "reviewed_by", "review_class_id", "cleared_class_id", "alike"),
    ),
    "class": ("name", "colour", "removed"),
}
TABLES = {"image": "images", "class": "classes"}
NAME_TAKEN = (
    "{act} ends here: “{summary}” cannot be turned round, since another class has taken the name. "
    "Change the classes by hand."
)
CLASS_REMOVED = "{act} ends here: the class “{name}” was removed since. Label the pictures by hand."
CLASS_IN_USE = "{act} ends here: {pictures} the class “{name}” now. Remove the class by hand."
STAYS = "“{summary}” stays as it is: {reason}. Change it by hand where you want it back."
CHANGED_BY = "{actor} changed the same since ({summary})"
CHANGED = "it has changed since"


@dataclass(frozen=True)
class EventHeader:
    """What is to be written: a kind, who did it, and one line that says what."""

    kind: str
    actor: str
    summary: str


@dataclass(frozen=True)
class FieldUpdate:
    """New values of pictures as SQL.

    Attributes:
        values: For each field an expression on the row ``i`` of a picture.
        where: Which of the pictures named change at all.
        parameters: What the expressions bind by name; ``ids`` is the pictures as JSON.
    """

    values: Mapping[str, str]
    where: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


PICKED = "FROM images i WHERE i.id IN (SELECT value FROM json_each(:ids))"


def begin_event(connection: sqlite3.Connection, entry: EventHeader, undoes: int | None = None) -> int:
    """Begin an event and give its id."""
    cursor = connection.execute(
        "INSERT INTO events (kind, actor, summary, created_at, undoes) VALUES (?, ?, ?, ?, ?)",
        (entry.kind, entry.actor, entry.summary, now(), undoes),
    )
    return int(cursor.lastrowid or 0)


def write(connection: sqlite3.Connection, event_id: int, changes: Iterable[Change]) -> None:
    """Write changes of an event down."""
    connection.executemany(
        "INSERT INTO changes (event_id, entity, entity_id, field, before, after) VALUES (?, ?, ?, ?, ?, ?)",
        [(event_id, c.entity, c.entity_id, c.field, c.before, c.after) for c in changes],
    )


def affected(connection: sqlite3.Connection, edit: FieldUpdate) -> int:
    """How many pictures an edit would change."""
    differs = " OR ".join(f"i.{name} IS NOT ({value})" for name, value in edit.values.items())
    sql = f"SELECT count(*) {PICKED} AND ({edit.where}) AND ({differs})"
    return int(connection.execute(sql, edit.parameters).fetchone()[0])


def write_edit(connection: sqlite3.Connection, event_id: int, edit: FieldUpdate) -> None:
    """Write the changes of an edit down, field by field."""
    for name, value in edit.values.items():
        connection.execute(
            "INSERT INTO changes (event_id, entity, entity_id, field, before, after) "
            f"SELECT :event, 'image', i.id, '{name}', i.{name}, {value} {PICKED} "
            f"AND ({edit.where}) AND i.{name} IS NOT ({value})",
            {**edit.parameters, "event": event_id},
        )


def apply_changes(connection: sqlite3.Connection, event_id: int) -> None:
    """Give every class and picture the value that an event writes down for it."""
    fields = _fields(connection, event_id)
    for name in fields.get("class", ()):
        connection.execute(
            f"UPDATE classes SET {name} = c.after FROM changes c "
            f"WHERE c.event_id = ? AND c.entity = 'class' AND c.field = '{name}' AND classes.id = c.entity_id",
            (event_id,),
        )
    if "image" in fields:
        _apply_to_images(connection, event_id, fields["image"])


def _apply_to_images(connection: sqlite3.Connection, event_id: int, fields: Sequence[str]) -> None:
    # All fields of a picture in one update, so that its row, indexes and tallies are written once.
    values = ", ".join(
        f"max(CASE field WHEN '{name}' THEN after END) AS {name}, max(field = '{name}') AS has_{name}"
        for name in fields
    )
    put = ", ".join(f"{name} = iif(has_{name}, c.{name}, images.{name})" for name in fields)
    changed = connection.execute(
        f"UPDATE images SET revision = revision + 1, {put} FROM (SELECT entity_id, {values} FROM changes "
        "WHERE event_id = ? AND entity = 'image' GROUP BY entity_id) c WHERE images.id = c.entity_id",
        (event_id,),
    ).rowcount
    connection.execute("UPDATE events SET pictures = ? WHERE id = ?", (changed, event_id))


def reverse(connection: sqlite3.Connection, last: sqlite3.Row, entry: EventHeader) -> int:
    """Carry out the opposite of an event as a new event, and give its id.

    Raises:
        Conflict: A class that it needs is gone, has pictures that would lose it, or its name is taken.
    """
    event_id = begin_event(connection, entry, undoes=last["id"])
    connection.execute(
        "INSERT INTO changes (event_id, entity, entity_id, field, before, after) "
        "SELECT ?, entity, entity_id, field, after, before FROM changes WHERE event_id = ?",
        (event_id, last["id"]),
    )
    try:
        apply_changes(connection, event_id)
        twins = connection.execute(TWINS).fetchone() is not None
    except sqlite3.IntegrityError:
        twins = True
    if twins:
        raise Conflict(NAME_TAKEN.format(act=entry.kind.capitalize(), summary=last["summary"]))
    _refuse_orphans(connection, event_id, entry)
    return event_id


def refuse_overwritten(connection: sqlite3.Connection, last: sqlite3.Row, side: str) -> None:
    """Check that everything an event changed is still as it left it.

    Raises:
        Conflict: Somebody changed it since.
    """
    for entity, names in _fields(connection, last["id"]).items():
        for name in names:
            other = connection.execute(
                f"SELECT c.entity_id FROM changes c JOIN {TABLES[entity]} t ON t.id = c.entity_id "
                f"WHERE c.event_id = ? AND c.entity = ? AND c.field = ? AND t.{name} IS NOT c.{side} LIMIT 1",
                (last["id"], entity, name),
            ).fetchone()
            if other is not None:
                since = connection.execute(SINCE, (entity, other["entity_id"], name, last["id"])).fetchone()
                reason = CHANGED_BY.format(**dict(since)) if since else CHANGED
                raise Conflict(STAYS.format(summary=last["summary"], reason=reason))


def event(row: sqlite3.Row) -> Event:
    """A row of events as a record."""
    return Event(
        id=row["id"],
        kind=row["kind"],
        actor=row["actor"],
        summary=row["summary"],
        created_at=row["created_at"],
        undone=row["undone_by"] is not None,
        pictures=row["pictures"],
    )


TWINS = "SELECT 1 FROM classes WHERE removed = 0 GROUP BY casefold(name) HAVING count(*) > 1"
SINCE = """
SELECT e.actor, e.summary FROM changes c JOIN events e ON e.id = c.event_id
WHERE c.entity = ? AND c.entity_id = ? AND c.field = ? AND c.event_id > ? ORDER BY c.event_id DESC LIMIT 1
"""
GONE = """
SELECT k.name FROM changes c JOIN classes k ON k.id = c.after AND k.removed = 1
WHERE c.event_id = ? AND c.entity = 'image' AND c.field IN ('class_id', 'review_class_id') LIMIT 1
"""
LEFT = """
SELECT k.name, (SELECT count(*) FROM images WHERE class_id = k.id OR review_class_id = k.id) AS count
FROM changes c JOIN classes k ON k.id = c.entity_id
WHERE c.event_id = ? AND c.entity = 'class' AND c.field = 'removed' AND c.after = 1
"""


def _fields(connection: sqlite3.Connection, event_id: int) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    rows = connection.execute("SELECT DISTINCT entity, field FROM changes WHERE event_id = ?", (event_id,))
    for entity, name in rows.fetchall():
        if name not in FIELDS.get(entity, ()):
            raise ValueError(f"{entity}.{name} is not kept in the journal")
        fields.setdefault(entity, []).append(name)
    return fields


def _refuse_orphans(connection: sqlite3.Connection, event_id: int, entry: EventHeader) -> None:
    """No picture may get a class that was removed, nor keep one that is removed by this."""
    act = entry.kind.capitalize()
    gone = connection.execute(GONE, (event_id,)).fetchone()
    if gone is not None:
        raise Conflict(CLASS_REMOVED.format(act=act, name=gone["name"]))
    for name, count in connection.execute(LEFT, (event_id,)).fetchall():
        if count:
            pictures = "1 picture has" if count == 1 else f"{count:,} pictures have"
            raise Conflict(CLASS_IN_USE.format(act=act, pictures=pictures, name=name))
