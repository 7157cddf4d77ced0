"""The pictures of the catalogue: adding, labelling, archiving and reading them page by page."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import Any

from storage.clock import now
from storage.database import Database
from storage.errors import DomainError, NotFound, StaleEdit
from storage.journal import Entry, Journal
from storage.records import Change, ClassRecord, Filter, ImageRecord, NewImage, Page, Summary

SORTS = {"newest": ("i.id", "DESC"), "oldest": ("i.id", "ASC"), "name": ("i.filename", "ASC")}
STATUSES = ("labelled", "unlabelled", "train", "validation", "synthetic")
LARGEST_ID = 2**63 - 1
NEWEST_SNAPSHOT = "(SELECT max(id) FROM snapshots)"
SPLIT_OF = (
    f"(SELECT s.split FROM snapshot_items s WHERE s.snapshot_id = {NEWEST_SNAPSHOT} AND s.image_id = i.id)"
)
SELECT = f"""
SELECT i.id, i.sha256, i.filename, i.width, i.height, i.synthetic, i.revision,
       c.name AS label, c.colour AS colour, coalesce({SPLIT_OF}, '') AS split
FROM images i LEFT JOIN classes c ON c.id = i.class_id
"""
INSERT = """
INSERT INTO images (sha256, filename, width, height, bytes, format, phash, class_id, synthetic, created_at)
VALUES (?, ?, ?, ?, ?, ?, ?, (SELECT id FROM classes WHERE id = ? AND removed = 0), ?, ?)
ON CONFLICT (sha256) DO UPDATE SET archived = 0, class_id = excluded.class_id, filename = excluded.filename,
       revision = revision + 1 WHERE archived = 1
RETURNING id
"""


class Catalogue:
    """Pictures and their labels."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal

    def add(self, images: Sequence[NewImage]) -> list[int | None]:
        """Add pictures in one transaction; one that was archived comes back, one whose class was removed has none.

        Returns:
            The id of each picture, or None where its sha256 is already there.
        """
        with self._database.write() as connection:
            return [_insert(connection, each) for each in images]

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
        found = self.several([image_id])
        if not found:
            raise _no_picture(image_id)
        return found[0]

    def several(self, image_ids: Sequence[int]) -> list[ImageRecord]:
        """Those of the pictures that are there, in the order asked for."""
        rows = self._database.rows(
            f"{SELECT} WHERE i.archived = 0 AND i.id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(image_ids)),),
        )
        by_id = {row["id"]: _image(row) for row in rows}
        return [by_id[each] for each in image_ids if each in by_id]

    def page(self, wanted: Filter, cursor: str = "", limit: int = 60) -> Page:
        """A page of pictures by keyset, so that a late page costs what the first one does.

        Args:
            wanted: Filter and order.
            cursor: ``next_cursor`` of the page before, empty for the first one.
            limit: Most pictures on the page, 1 to 500.

        Raises:
            NotFound: The class is not there.
            DomainError: A status, sort, cursor or limit is not one of those allowed.
        """
        sort = _choice("sort", wanted.sort or "newest", tuple(SORTS))
        column, direction = SORTS[sort]
        limit = _limit(limit)
        where, parameters = self._conditions(wanted)
        total = self._database.value(f"SELECT count(*) FROM images i WHERE {where}", parameters)
        if cursor:
            sign = "<" if direction == "DESC" else ">"
            where += f" AND ({column}, i.id) {sign} (?, ?)"
            parameters += _after(cursor, sort)
        order = f"{column} {direction}, i.id {direction}"
        rows = self._database.rows(
            f"{SELECT} WHERE {where} ORDER BY {order} LIMIT ?", (*parameters, limit + 1)
        )
        items = tuple(_image(row) for row in rows[:limit])
        more = len(rows) > limit
        return Page(items, _cursor(items[-1], sort) if more else "", int(total))

    def ids(self, wanted: Filter) -> list[int]:
        """The ids of all pictures that a filter matches, oldest first."""
        where, parameters = self._conditions(wanted)
        rows = self._database.rows(f"SELECT i.id FROM images i WHERE {where} ORDER BY i.id", parameters)
        return [row["id"] for row in rows]

    def label(
        self,
        image_ids: Sequence[int],
        to: ClassRecord | None,
        actor: str,
        revisions: Mapping[int, int] | None = None,
    ) -> tuple[int, int | None]:
        """Give pictures a class, or none, as one event.

        Args:
            image_ids: The pictures.
            to: The class, or None to clear.
            actor: Who does it.
            revisions: The revision each picture had when it was shown; one that differs refuses all.

        Returns:
            How many pictures changed and the event's id, None where nothing changed.

        Raises:
            NotFound: A picture or the class is not there; nothing is changed.
            StaleEdit: A picture was changed since it was shown; nothing is changed.
        """
        target = to.id if to else None
        verb = f"as {to.name}" if to else "as not labelled"
        with self._database.write() as connection:
            current = _current(connection, image_ids, "class_id")
            _refuse_stale(current, revisions or {})
            _refuse_removed(connection, to)
            changes = [
                Change("image", row["id"], "class_id", row["value"], target)
                for row in current
                if row["value"] != target
            ]
            if not changes:
                return 0, None
            entry = Entry("label", actor, f"labelled {counted(len(changes))} {verb}")
            return len(changes), self._journal.apply(connection, entry, changes)

    def require(self, image_ids: Sequence[int]) -> None:
        """Check that all pictures are there.

        Raises:
            NotFound: One is not.
        """
        _current(self._database.connection(), image_ids, "revision")

    def archive(self, image_ids: Sequence[int], actor: str) -> int:
        """Take pictures out of the catalogue; undo brings them back.

        Returns:
            How many pictures were archived.

        Raises:
            NotFound: A picture is not there; nothing is changed.
        """
        with self._database.write() as connection:
            current = _current(connection, image_ids, "archived")
            changes = [Change("image", row["id"], "archived", 0, 1) for row in current]
            if changes:
                entry = Entry("archive", actor, f"removed {counted(len(changes))}")
                self._journal.apply(connection, entry, changes)
        return len(changes)

    def summary(self, classes: Sequence[ClassRecord]) -> Summary:
        """Counts over the whole catalogue."""
        row = self._database.row(
            "SELECT count(*) AS images, count(class_id) AS labelled, coalesce(sum(synthetic), 0) AS synthetic "
            "FROM images WHERE archived = 0"
        )
        assert row is not None  # noqa: S101 - an aggregate always gives a row
        return Summary(row["images"], row["labelled"], row["synthetic"], tuple(classes))

    def _conditions(self, wanted: Filter) -> tuple[str, tuple[Any, ...]]:
        where, parameters = "i.archived = 0", ()
        if wanted.status:
            where += " AND " + _STATUS_SQL[_choice("status", wanted.status, STATUSES)]
        if wanted.label:
            class_id = self._database.value(
                "SELECT id FROM classes WHERE removed = 0 AND casefold(name) = casefold(?)", (wanted.label,)
            )
            if class_id is None:
                raise NotFound(f"There is no class “{wanted.label[:80]}”.")
            return where + " AND i.class_id = ?", (class_id,)
        return where, parameters


_STATUS_SQL = {
    "labelled": "i.class_id IS NOT NULL",
    "unlabelled": "i.class_id IS NULL",
    "train": f"{SPLIT_OF} = 'train'",
    "validation": f"{SPLIT_OF} = 'validation'",
    "synthetic": "i.synthetic = 1",
}


def counted(count: int) -> str:
    """``1 picture``, ``24 pictures``."""
    return "1 picture" if count == 1 else f"{count:,} pictures"


def _insert(connection: sqlite3.Connection, image: NewImage) -> int | None:
    row = connection.execute(INSERT, (*astuple(image), now())).fetchone()
    return None if row is None else int(row["id"])


def _image(row: sqlite3.Row) -> ImageRecord:
    return ImageRecord(**{**dict(row), "synthetic": bool(row["synthetic"])})


def _current(connection: sqlite3.Connection, image_ids: Sequence[int], field: str) -> list[sqlite3.Row]:
    rows = connection.execute(
        f"SELECT id, revision, {field} AS value FROM images "
        "WHERE archived = 0 AND id IN (SELECT value FROM json_each(?)) ORDER BY id",
        (json.dumps(list(image_ids)),),
    ).fetchall()
    missing = set(image_ids) - {row["id"] for row in rows}
    if missing:
        raise _no_picture(min(missing))
    return rows


def _refuse_stale(current: Sequence[sqlite3.Row], revisions: Mapping[int, int]) -> None:
    for row in current:
        if revisions.get(row["id"], row["revision"]) != row["revision"]:
            raise StaleEdit(
                "This picture was changed in the meantime, so it is left as it is. Look at it again."
            )


def _refuse_removed(connection: sqlite3.Connection, label: ClassRecord | None) -> None:
    removed = "SELECT 1 FROM classes WHERE id = ? AND removed = 1"
    if label and connection.execute(removed, (label.id,)).fetchone():
        raise NotFound(f"The class “{label.name}” was removed in the meantime. Nothing was changed.")


def _no_picture(image_id: int) -> NotFound:
    return NotFound(f"There is no picture with id {image_id}. Nothing was changed.")


def _choice(name: str, value: str, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise DomainError(f"{name} is “{str(value)[:40]}”; it can be {', '.join(allowed)} or empty.")
    return value


def _limit(limit: int) -> int:
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= 500:
        raise DomainError("limit must be a whole number from 1 to 500.")
    return limit


def _cursor(last: ImageRecord, sort: str) -> str:
    key = last.filename if sort == "name" else last.id
    return base64.urlsafe_b64encode(json.dumps([sort, key, last.id]).encode()).decode()


def _after(cursor: str, sort: str) -> tuple[Any, Any]:
    try:
        given, key, last = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        if given == sort and _is_id(last) and (isinstance(key, str) if sort == "name" else _is_id(key)):
            return key, last
    except (ValueError, TypeError, RecursionError):
        pass
    raise DomainError("cursor is not one that this list gave with this sort. Start again without it.")


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGEST_ID
