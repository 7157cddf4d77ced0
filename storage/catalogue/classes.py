"""Classes: add, rename, recolour, merge, remove. Every change goes through the journal."""

from __future__ import annotations

import sqlite3

from storage.core.database import Database
from storage.core.errors import Conflict, NotFound
from storage.journal import changes
from storage.journal.changes import EventHeader, FieldUpdate
from storage.journal.events import Journal
from storage.records import Change, ClassRecord

LISTED = """
SELECT c.id, c.name, c.colour,
       (SELECT coalesce(sum(n), 0) FROM tallies t WHERE t.archived = 0 AND t.class_id = c.id) AS count
FROM classes c WHERE c.removed = 0 ORDER BY c.position, c.id
"""

UNKNOWN_CLASS = "There is no class “{name}”. The classes are: {known}."
NONE_YET = "none yet"
NAME_IN_USE = "There is already a class “{name}”. Choose another name, or merge the two."
MOVED = "SELECT coalesce(sum(n), 0) FROM tallies WHERE archived = 0 AND class_id = ?"
TOUCHED = "SELECT json_group_array(id) FROM images WHERE class_id = :gone OR review_class_id = :gone"
# What a picture and a second opinion on it have once :gone is :into, and what then is left of the review.
NOW = "iif(i.class_id = :gone, :into, i.class_id)"
OTHER = "iif(i.review_class_id = :gone, :into, i.review_class_id)"
REVIEW = (
    f"CASE WHEN {NOW} IS NULL OR (i.review = 'disagreed' AND {OTHER} IS NULL) THEN '' "
    f"WHEN i.review = 'disagreed' AND {OTHER} = {NOW} THEN 'agreed' ELSE i.review END"
)
MOVE = {
    "class_id": NOW,
    "labelled_by": f"iif({NOW} IS NULL, '', i.labelled_by)",
    "review": REVIEW,
    "reviewed_by": f"iif({REVIEW} = '', '', i.reviewed_by)",
    "review_class_id": f"iif({REVIEW} = 'disagreed', {OTHER}, NULL)",
}


class Classes:
    """The classes of the catalogue, in the order in which they were added."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal

    def all(self) -> tuple[ClassRecord, ...]:
        """All classes with their counts."""
        return tuple(ClassRecord(**dict(row)) for row in self._database.rows(LISTED))

    def colours(self) -> dict[str, str]:
        """Hex colour per class name, in the order of the classes."""
        return {record.name: record.colour for record in self.all()}

    def get(self, name: str) -> ClassRecord:
        """A class by its name, whatever its case.

        Raises:
            NotFound: There is no such class.
        """
        for record in self.all():
            if record.name.casefold() == name.casefold():
                return record
        known = ", ".join(record.name for record in self.all()) or NONE_YET
        raise NotFound(UNKNOWN_CLASS.format(name=name[:80], known=known))

    def add(self, name: str, colour: str, actor: str, kind: str = "class") -> ClassRecord:
        """Add a class.

        Raises:
            Conflict: A class of that name is there already, whatever its case.
        """
        with self._database.write() as connection:
            _refuse_twin(connection, name)
            cursor = connection.execute(
                "INSERT INTO classes (name, colour, position, removed) "
                "VALUES (?, ?, (SELECT count(*) FROM classes), 1)",
                (name, colour),
            )
            added = int(cursor.lastrowid or 0)
            entry = EventHeader(kind, actor, f"added class {name}")
            self._journal.apply(connection, entry, [Change("class", added, "removed", 1, 0)])
        return ClassRecord(added, name, colour, 0)

    def rename(self, class_id: int, name: str, actor: str) -> None:
        """Rename a class.

        Raises:
            Conflict: Another class has that name.
        """
        with self._database.write() as connection:
            _refuse_twin(connection, name, but=class_id)
            before = _current(connection, class_id)["name"]
            if before == name:
                return
            entry = EventHeader("class", actor, f"renamed {before} to {name}")
            self._journal.apply(connection, entry, [Change("class", class_id, "name", before, name)])

    def recolour(self, class_id: int, colour: str, actor: str) -> None:
        """Give a class another hex colour."""
        with self._database.write() as connection:
            row = _current(connection, class_id)
            if row["colour"] == colour:
                return
            entry = EventHeader("class", actor, f"recoloured {row['name']}")
            self._journal.apply(
                connection, entry, [Change("class", class_id, "colour", row["colour"], colour)]
            )

    def remove(self, class_id: int, actor: str, into: int | None = None) -> int:
        """Remove a class; its pictures go into another class, or become unlabelled.

        Returns:
            How many pictures of the catalogue were moved.

        Raises:
            Conflict: ``into`` is the class itself.
        """
        if class_id == into:
            raise Conflict("A class cannot be merged into itself. Choose another one.")
        with self._database.write() as connection:
            name = _current(connection, class_id)["name"]
            summary = f"removed class {name}"
            if into is not None:
                summary = f"merged {name} into {_current(connection, into)['name']}"
            moved = connection.execute(MOVED, (class_id,)).fetchone()[0]
            ids = connection.execute(TOUCHED, {"gone": class_id}).fetchone()[0]
            edit = FieldUpdate(MOVE, "true", {"ids": ids, "gone": class_id, "into": into})
            event_id = changes.begin_event(connection, EventHeader("class", actor, summary))
            changes.write_edit(connection, event_id, edit)
            changes.write(connection, event_id, [Change("class", class_id, "removed", 0, 1)])
            changes.apply_changes(connection, event_id)
        return int(moved)


def _current(connection: sqlite3.Connection, class_id: int) -> sqlite3.Row:
    row: sqlite3.Row | None = connection.execute(
        "SELECT name, colour FROM classes WHERE id = ? AND removed = 0", (class_id,)
    ).fetchone()
    if row is None:
        raise NotFound("This class is not there any more. Reload the page to see the present classes.")
    return row


def _refuse_twin(connection: sqlite3.Connection, name: str, but: int = 0) -> None:
    twin = connection.execute(
        "SELECT name FROM classes WHERE removed = 0 AND id != ? AND casefold(name) = casefold(?)", (but, name)
    ).fetchone()
    if twin is not None:
        raise Conflict(NAME_IN_USE.format(name=twin["name"]))
