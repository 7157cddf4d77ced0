"""The catalogue page by page: filters, orders and cursors."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import Any

from storage import images
from storage.database import Database
from storage.errors import DomainError, NotFound
from storage.records import FLAGS, Filter, Page

SORTS = {
    "newest": "-i.id",
    "oldest": "i.id",
    "name": "i.filename",
    "blurred": "i.sharpness",
    "dark": "i.brightness",
    "bright": "-i.brightness",
    "next": "coalesce((SELECT rank FROM next_up WHERE image_id = i.id), 1e18)",
    "unsure": "coalesce((SELECT probability FROM suggestions WHERE image_id = i.id), 2)",
    "suspicious": "coalesce((SELECT -score FROM suspicions u WHERE u.image_id = i.id "
    "AND u.given_class_id = i.class_id AND i.cleared_class_id IS NOT i.class_id), 1e18)",
}
STATUSES = {
    "labelled": "i.class_id IS NOT NULL",
    "unlabelled": "i.class_id IS NULL",
    "train": "i.split = 'train'",
    "validation": "i.split = 'validation'",
    "synthetic": "i.synthetic = 1",
    "bin": "i.archived = 1",
    "agreed": "i.review = 'agreed'",
    "disagreed": "i.review = 'disagreed'",
    "unreviewed": "i.class_id IS NOT NULL AND i.review = ''",
    "suspicious": "EXISTS (SELECT 1 FROM suspicions u WHERE u.image_id = i.id "
    "AND u.given_class_id = i.class_id AND i.cleared_class_id IS NOT i.class_id)",
}
LARGEST_ID = 2**63 - 1


class Pages:
    """Lists of pictures."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, wanted: Filter, cursor: str = "", limit: int = 60) -> Page:
        """A page of pictures by keyset, so that a late page costs what the first one does.

        Args:
            wanted: Filter and order.
            cursor: ``next_cursor`` of the page before, empty for the first one.
            limit: Most pictures on the page, 1 to 500.

        Raises:
            NotFound: The class is not there.
            DomainError: A status, sort, flag, cursor or limit is not one of those allowed.
        """
        limit = _limit(limit)
        where, parameters = self._conditions(wanted)
        key = SORTS[_choice("sort", wanted.sort or "newest", SORTS)]
        total = self._database.value(f"SELECT count(*) FROM images i WHERE {where}", parameters)
        if cursor:
            where += f" AND ({key}, i.id) > (:key, :last)"
            parameters |= _after(cursor, wanted)
        rows = self._database.rows(
            f"SELECT i.id, {key} AS key FROM images i WHERE {where} ORDER BY key, i.id LIMIT :limit",
            {**parameters, "limit": limit + 1},
        )
        items = images.fetch(self._database.connection(), [row["id"] for row in rows[:limit]])
        last = rows[limit - 1] if len(rows) > limit else None
        return Page(tuple(items), _cursor(wanted, last["key"], last["id"]) if last else "", int(total))

    def ids(self, wanted: Filter) -> list[int]:
        """The ids of all pictures that a filter matches, oldest first."""
        where, parameters = self._conditions(wanted)
        rows = self._database.rows(f"SELECT i.id FROM images i WHERE {where} ORDER BY i.id", parameters)
        return [row["id"] for row in rows]

    def count(self, wanted: Filter) -> int:
        """How many pictures a filter matches."""
        where, parameters = self._conditions(wanted)
        return int(self._database.value(f"SELECT count(*) FROM images i WHERE {where}", parameters))

    def first(self, wanted: Filter, count: int, also: str, parameters: Mapping[str, Any]) -> list[int]:
        """The ids of the first pictures of a filter for which a condition on the row ``i`` holds as well."""
        where, given = self._conditions(wanted)
        key = SORTS[_choice("sort", wanted.sort or "newest", SORTS)]
        rows = self._database.rows(
            f"SELECT i.id FROM images i WHERE {where} AND {also} ORDER BY {key}, i.id LIMIT :count",
            {**given, **parameters, "count": count},
        )
        return [row["id"] for row in rows]

    def _conditions(self, wanted: Filter) -> tuple[str, dict[str, Any]]:
        where, parameters = ["i.archived = 0"], dict[str, Any]()
        if wanted.status == "bin":
            where = [STATUSES["bin"]]
        elif wanted.status:
            where.append(STATUSES[_choice("status", wanted.status, STATUSES)])
        if wanted.flag:
            where.append("i.flags & :flag")
            parameters["flag"] = 1 << FLAGS.index(_choice("flag", wanted.flag, FLAGS))
        if wanted.tag:
            where.append("i.id IN (SELECT image_id FROM image_tags WHERE tag = :tag)")
            parameters["tag"] = wanted.tag
        if wanted.search:
            where.append("instr(casefold(i.filename), casefold(:search))")
            parameters["search"] = wanted.search
        if wanted.label:
            where.append("i.class_id = :label")
            parameters["label"] = self._class(wanted.label)
        return " AND ".join(where), parameters

    def _class(self, name: str) -> int:
        class_id = self._database.value(
            "SELECT id FROM classes WHERE removed = 0 AND casefold(name) = casefold(?)", (name,)
        )
        if class_id is None:
            raise NotFound(f"There is no class “{name[:80]}”.")
        return int(class_id)


def _choice(name: str, value: str, allowed: Sequence[str] | dict[str, str]) -> str:
    if value not in allowed:
        raise DomainError(f"{name} is “{str(value)[:40]}”; it can be {', '.join(allowed)} or empty.")
    return value


def _limit(limit: int) -> int:
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= 500:
        raise DomainError("limit must be a whole number from 1 to 500.")
    return limit


def _cursor(wanted: Filter, key: Any, last: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([_mark(wanted), key, last]).encode()).decode()


def _mark(wanted: Filter) -> str:
    return hashlib.blake2b(json.dumps(astuple(wanted)).encode(), digest_size=6).hexdigest()


def _after(cursor: str, wanted: Filter) -> dict[str, Any]:
    try:
        given, key, last = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        if given == _mark(wanted) and _is_key(key, wanted) and _is_id(last):
            return {"key": key, "last": last}
    except (ValueError, TypeError, RecursionError):
        pass
    raise DomainError(
        "cursor is not one that this list gave with this sort and filter. Start again without it."
    )


def _is_key(value: object, wanted: Filter) -> bool:
    if wanted.sort == "name":
        return isinstance(value, str)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and abs(value) <= LARGEST_ID  # type: ignore[arg-type,operator]


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGEST_ID
