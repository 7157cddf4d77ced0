"""The journal: every change to a class or to a picture's label is an event that can be undone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from storage.clock import now
from storage.database import Database
from storage.errors import Conflict, NotFound, StaleEdit
from storage.records import Change, Event

TABLES = {"image": "images", "class": "classes"}
FIELDS = {
    ("image", "class_id"),
    ("image", "archived"),
    ("class", "name"),
    ("class", "colour"),
    ("class", "removed"),
}
LAST_UNDOABLE = "undone_by IS NULL AND undoes IS NULL AND kind != 'import'"


@dataclass(frozen=True)
class Entry:
    """What is to be written: a kind, who did it, and one line that says what."""

    kind: str
    actor: str
    summary: str


class Journal:
    """Applies changes and remembers them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def apply(self, connection: sqlite3.Connection, entry: Entry, changes: Sequence[Change]) -> int:
        """Carry changes out and write them down as one event, within the caller's transaction.

        Returns:
            The id of the event.
        """
        event_id = _note(connection, entry)
        connection.executemany(
            "INSERT INTO changes (event_id, entity, entity_id, field, before, after) VALUES (?, ?, ?, ?, ?, ?)",
            [(event_id, c.entity, c.entity_id, c.field, c.before, c.after) for c in changes],
        )
        _set(connection, [(c.entity, c.field, c.after, c.entity_id) for c in changes])
        return event_id

    def undoable(self) -> Event | None:
        """The event that :meth:`undo` would take back, None where nothing is left."""
        row = self._database.row(_LAST)
        return self.event(row["id"]) if row else None

    def undo(self, actor: str, expected: int | None = None) -> Event:
        """Take the newest change back that is not undone yet.

        Args:
            actor: Who does it.
            expected: The event that is to be undone; another one that is newer refuses. None takes any.

        Returns:
            The event that was undone.

        Raises:
            NotFound: There is nothing left to undo.
            StaleEdit: The newest change is not the expected one.
            Conflict: What was there before cannot be brought back.
        """
        with self._database.write() as connection:
            last = connection.execute(_LAST).fetchone()
            if last is None:
                raise NotFound("There is nothing left to undo.")
            if expected not in {None, last["id"]}:
                raise StaleEdit(
                    f"Something else was changed in the meantime: {last['summary']}. Undo again to take that back."
                )
            changes = _changes(connection, last["id"])
            _refuse_orphans(connection, changes)
            try:
                _set(connection, [(c.entity, c.field, c.before, c.entity_id) for c in reversed(changes)])
                twins = connection.execute(_TWINS).fetchone() is not None
            except sqlite3.IntegrityError:
                twins = True
            if twins:
                raise Conflict(
                    f"Undo ends here: “{last['summary']}” cannot be taken back, since another class has taken the name "
                    "with an import. Change the classes by hand."
                )
            undoing = _note(connection, Entry("undo", actor, f"undid: {last['summary']}"), undoes=last["id"])
            connection.execute("UPDATE events SET undone_by = ? WHERE id = ?", (undoing, last["id"]))
        return self.event(last["id"])

    def event(self, event_id: int) -> Event:
        """One event.

        Raises:
            NotFound: There is no such event.
        """
        row = self._database.row("SELECT * FROM events WHERE id = ?", (event_id,))
        if row is None:
            raise NotFound(f"There is no event {event_id}.")
        return _event(row)

    def recent(self, limit: int = 20) -> list[Event]:
        """The newest events, newest first."""
        rows = self._database.rows("SELECT * FROM events ORDER BY id DESC LIMIT ?", (limit,))
        return [_event(row) for row in rows]

    def changes(self, event_id: int) -> list[Change]:
        """What an event changed."""
        return _changes(self._database.connection(), event_id)


_TWINS = "SELECT 1 FROM classes WHERE removed = 0 GROUP BY casefold(name) HAVING count(*) > 1"
_LAST = f"SELECT id, summary FROM events WHERE {LAST_UNDOABLE} ORDER BY id DESC LIMIT 1"


def _note(connection: sqlite3.Connection, entry: Entry, undoes: int | None = None) -> int:
    cursor = connection.execute(
        "INSERT INTO events (kind, actor, summary, created_at, undoes) VALUES (?, ?, ?, ?, ?)",
        (entry.kind, entry.actor, entry.summary, now(), undoes),
    )
    return int(cursor.lastrowid or 0)


def _event(row: sqlite3.Row) -> Event:
    return Event(
        id=row["id"],
        kind=row["kind"],
        actor=row["actor"],
        summary=row["summary"],
        created_at=row["created_at"],
        undone=row["undone_by"] is not None,
    )


def _changes(connection: sqlite3.Connection, event_id: int) -> list[Change]:
    rows = connection.execute(
        "SELECT entity, entity_id, field, before, after FROM changes WHERE event_id = ?", (event_id,)
    )
    return [Change(*row) for row in rows]


def _set(connection: sqlite3.Connection, values: Iterable[tuple[str, str, object, int]]) -> None:
    for entity, field, value, entity_id in values:
        if (entity, field) not in FIELDS:
            raise ValueError(f"{entity}.{field} is not kept in the journal")
        revision = ", revision = revision + 1" if entity == "image" else ""
        connection.execute(
            f"UPDATE {TABLES[entity]} SET {field} = ?{revision} WHERE id = ?",
            (value, entity_id),
        )


def _refuse_orphans(connection: sqlite3.Connection, changes: Sequence[Change]) -> None:
    """A class that an import filled since cannot vanish under its pictures."""
    for change in changes:
        if change.field == "removed" and change.before == 1:
            count = connection.execute(
                "SELECT count(*) FROM images WHERE class_id = ?", (change.entity_id,)
            ).fetchone()[0]
            if count:
                came = "1 picture" if count == 1 else f"{count:,} pictures"
                raise Conflict(
                    f"Undo ends here: adding this class cannot be taken back, since {came} came into it with an "
                    "import. Remove the class by hand."
                )
