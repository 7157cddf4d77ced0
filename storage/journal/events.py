"""The journal: every change to a class or to a picture is an event, which the one who made it can undo and redo."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from storage.core.database import Database
from storage.core.errors import NotFound, StaleEdit
from storage.journal import changes as change_log
from storage.journal.changes import EventHeader
from storage.journal.history import activity, history
from storage.records import Activity, Change, Event, PictureEvent

NOTHING_LEFT = "There is nothing left to {verb}."
ORDINARY = "kind NOT IN ('import', 'undo', 'redo', 'empty')"
UNDOABLE = f"""
SELECT * FROM events WHERE actor = ? AND {ORDINARY} AND undone_by IS NULL ORDER BY id DESC LIMIT 1
"""
REDOABLE = f"""
SELECT e.*, u.id AS undoing FROM events u JOIN events e ON e.id = u.undoes
WHERE u.actor = :actor AND u.kind = 'undo' AND u.undone_by IS NULL
  AND u.id > coalesce((SELECT max(id) FROM events WHERE actor = :actor AND {ORDINARY}), 0)
ORDER BY u.id DESC LIMIT 1
"""


class Journal:
    """Applies changes and remembers them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def apply(self, connection: sqlite3.Connection, entry: EventHeader, changes: Sequence[Change]) -> int:
        """Carry changes out and write them down as one event, within the caller's transaction.

        Returns:
            The id of the event.
        """
        event_id = change_log.begin_event(connection, entry)
        change_log.write(connection, event_id, changes)
        change_log.apply_changes(connection, event_id)
        return event_id

    def undoable(self, actor: str) -> Event | None:
        """The event that :meth:`undo` would take back, None where nothing is left."""
        row = self._database.row(UNDOABLE, (actor,))
        return change_log.event(row) if row else None

    def redoable(self, actor: str) -> Event | None:
        """The event that :meth:`redo` would bring back, None where there is none."""
        row = self._database.row(REDOABLE, {"actor": actor})
        return change_log.event(row) if row else None

    def undo(self, actor: str, expected: int | None = None) -> Event:
        """Take back the newest change of a person that is not undone yet.

        Args:
            actor: Whose change, and who takes it back.
            expected: The event that is to be undone; another one that is newer refuses. None takes any.

        Returns:
            The event that was undone.

        Raises:
            NotFound: There is nothing left to undo.
            StaleEdit: The newest change is not the expected one.
            Conflict: Somebody changed the same since, or what was there before cannot be brought back.
        """
        with self._database.write() as connection:
            last = connection.execute(UNDOABLE, (actor,)).fetchone()
            _refuse_other(last, expected, "undo")
            change_log.refuse_overwritten(connection, last, "after")
            undoing = change_log.reverse(
                connection, last, EventHeader("undo", actor, f"undid: {last['summary']}")
            )
            connection.execute("UPDATE events SET undone_by = ? WHERE id = ?", (undoing, last["id"]))
        return self.event(last["id"])

    def redo(self, actor: str, expected: int | None = None) -> Event:
        """Bring back the change that a person undid last and has not followed by another.

        Args:
            actor: Whose change, and who brings it back.
            expected: The event that is to be brought back; another one refuses. None takes any.

        Returns:
            The event that stands again.

        Raises:
            NotFound: There is nothing to redo.
            StaleEdit: The change that was undone last is not the expected one.
            Conflict: Somebody changed the same since, or what the change needs is not there any more.
        """
        with self._database.write() as connection:
            last = connection.execute(REDOABLE, {"actor": actor}).fetchone()
            _refuse_other(last, expected, "redo")
            undoing = connection.execute("SELECT * FROM events WHERE id = ?", (last["undoing"],)).fetchone()
            change_log.refuse_overwritten(connection, undoing, "after")
            redoing = change_log.reverse(
                connection, undoing, EventHeader("redo", actor, f"redid: {last['summary']}")
            )
            connection.execute("UPDATE events SET undone_by = ? WHERE id = ?", (redoing, undoing["id"]))
            connection.execute("UPDATE events SET undone_by = NULL WHERE id = ?", (last["id"],))
        return self.event(last["id"])

    def event(self, event_id: int) -> Event:
        """One event.

        Raises:
            NotFound: There is no such event.
        """
        row = self._database.row("SELECT * FROM events WHERE id = ?", (event_id,))
        if row is None:
            raise NotFound(f"There is no event {event_id}.")
        return change_log.event(row)

    def recent(self, limit: int = 20) -> list[Event]:
        """The newest events of everybody, newest first."""
        rows = self._database.rows("SELECT * FROM events ORDER BY id DESC LIMIT ?", (limit,))
        return [change_log.event(row) for row in rows]

    def changes(self, event_id: int) -> list[Change]:
        """What an event changed."""
        rows = self._database.rows(
            "SELECT entity, entity_id, field, before, after FROM changes WHERE event_id = ?", (event_id,)
        )
        return [Change(*row) for row in rows]

    def history(self, image_id: int) -> list[PictureEvent]:
        """Every event that touched a picture, newest first, its coming in last.

        Raises:
            NotFound: There is no picture with that id.
        """
        return history(self._database, image_id)

    def activity(self, days: int = 30) -> list[Activity]:
        """What each person did on each of the last days on which anything was done, newest first."""
        return activity(self._database, days)


def _refuse_other(last: sqlite3.Row | None, expected: int | None, verb: str) -> None:
    if last is None:
        raise NotFound(NOTHING_LEFT.format(verb=verb))
    if expected not in {None, last["id"]}:
        what = "take that back" if verb == "undo" else "bring that back"
        raise StaleEdit(
            f"Something else was changed in the meantime: {last['summary']}. {verb.capitalize()} again to {what}."
        )
