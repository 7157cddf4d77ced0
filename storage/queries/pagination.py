"""The catalogue page by page.

Every order has an index, and nearly all of these cover the columns that the tallies count, so that a page costs at most
one scan. A filter by tag, name or suspicion that few pictures can pass looks those up by id and sorts them instead.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field, replace
from typing import Any

from storage.core.database import Database
from storage.core.errors import DomainError
from storage.core.integers import LARGEST_ID, is_whole
from storage.queries import image_rows
from storage.queries.filters import CompiledFilter, choice, compile_filter
from storage.queries.sort_orders import SORTS, UNRANKED, SortOrder
from storage.records import Filter, Page

LONGEST = 4000
"""Characters of a cursor."""
MOST_CANDIDATES = 2000
"""Up to so many pictures are looked up one by one, which takes some 2 ms; more are found by scanning an index."""
# CROSS JOIN keeps the order of the tables: SQLite does not know that these are few.
CANDIDATES = "json_each(:candidates) f CROSS JOIN images i ON i.id = f.value"
INVALID_LIMIT = "limit must be a whole number from 1 to 500."
UNKNOWN_CURSOR = "cursor is not one that this list gave with this sort and filter. Start again without it."
BIN_IS_SMALL = "SELECT sum(n) FILTER (WHERE archived) < sum(n) FILTER (WHERE NOT archived) / 2 FROM tallies"


def encode_cursor(wanted: Filter, key: Any, last: int) -> str:
    """The cursor after a picture whose sort key is ``key``."""
    return base64.urlsafe_b64encode(json.dumps([_mark(wanted), key, last]).encode()).decode()


def decode_cursor(wanted: Filter, cursor: str) -> tuple[Any, int]:
    """The sort key and id of the last picture of the page before.

    Raises:
        DomainError: No page of this list gave the cursor.
    """
    try:
        if len(cursor) <= LONGEST:
            mark, key, last = json.loads(base64.urlsafe_b64decode(cursor.encode()))
            if mark == _mark(wanted) and _is_key(key, wanted.sort) and is_whole(last):
                return key, last
    except (ValueError, TypeError, RecursionError):
        pass
    raise DomainError(UNKNOWN_CURSOR)


def _mark(wanted: Filter) -> str:
    return hashlib.blake2b(json.dumps(astuple(wanted)).encode(), digest_size=6).hexdigest()


def _is_key(value: Any, sort: str) -> bool:
    if sort == "name":
        return isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and abs(value) <= LARGEST_ID


@dataclass(frozen=True)
class Matches:
    """The pictures that pass a filter.

    Attributes:
        source: What follows ``FROM``; has the pictures as ``i``.
        compiled: Which of them pass.
        parameters: What both bind by name.
    """

    source: str
    compiled: CompiledFilter
    parameters: Mapping[str, Any]

    @property
    def scans(self) -> bool:
        """Whether an index of all pictures is gone through."""
        return self.source != CANDIDATES

    @property
    def tallied(self) -> bool:
        """Whether the tallies count them."""
        return not self.compiled.lookups


@dataclass(frozen=True)
class PageRequest:
    """A part of a sorted list.

    Attributes:
        order: How it is sorted.
        limit: At most how many pictures.
        after: Sort key and id of the picture before the first one, None from the beginning.
        also: A further condition on the row ``i``.
        parameters: What that binds by name.
    """

    order: SortOrder
    limit: int
    after: tuple[Any, int] | None = None
    also: str = "true"
    parameters: Mapping[str, Any] = field(default_factory=dict)


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
        order, most = _order(wanted), _limit(limit) + 1
        matches = self._matches(wanted)
        request = PageRequest(order, most, decode_cursor(wanted, cursor) if cursor else None)
        total, matches = self._counted(matches, order)
        ids_and_keys = self._select(matches, request) if total else []
        items = image_rows.fetch(
            self._database.connection(), [image_id for image_id, _ in ids_and_keys[:limit]]
        )
        last, key = ids_and_keys[limit - 1] if len(ids_and_keys) > limit else (0, None)
        return Page(tuple(items), encode_cursor(wanted, key, last) if last else "", total)

    def all_ids(self, wanted: Filter) -> list[int]:
        """The ids of all pictures that a filter matches, oldest first."""
        matches = self._matches(wanted)
        sql = f"SELECT i.id FROM {matches.source} WHERE {matches.compiled.where} ORDER BY i.id"
        return [row["id"] for row in self._database.rows(sql, matches.parameters)]

    def count(self, wanted: Filter) -> int:
        """How many pictures a filter matches."""
        return self._count(self._matches(wanted))

    def first(self, wanted: Filter, count: int, also: str, parameters: Mapping[str, Any]) -> list[int]:
        """The ids of the first pictures of a filter for which a condition on the row ``i`` holds as well."""
        matches = self._matches(wanted)
        request = PageRequest(_order(wanted), count, also=also, parameters=parameters)
        if matches.tallied:
            total, matches = self._counted(matches, request.order)
            if not total:
                return []
        return [image_id for image_id, _ in self._select(matches, request)]

    def _matches(self, wanted: Filter) -> Matches:
        compiled = compile_filter(self._database, wanted)
        for lookup in compiled.lookups:
            sql = f"SELECT count(*), json_group_array(id) FROM ({lookup.candidates} LIMIT {MOST_CANDIDATES + 1})"
            count, ids = self._database.rows(sql, compiled.parameters)[0]
            if count <= MOST_CANDIDATES:
                return Matches(CANDIDATES, compiled, {**compiled.parameters, "candidates": ids})
        return Matches("images i", compiled, compiled.parameters)

    def _count(self, matches: Matches) -> int:
        lookup = matches.compiled.lookup_only
        if matches.scans and lookup and self._database.value(BIN_IS_SMALL):
            # All that the index has but those in the bin, of which there are few: no scan of the catalogue.
            binned = f"SELECT count(*) FROM images i WHERE i.archived IN (1, 2) AND {lookup.condition}"
            sql = f"SELECT (SELECT count(*) FROM ({lookup.candidates})) - ({binned})"
        elif matches.tallied:
            return self._most(matches.compiled)
        else:
            sql = f"SELECT count(*) FROM {matches.source} WHERE {matches.compiled.where}"
        return int(self._database.value(sql, matches.parameters))

    def _counted(self, matches: Matches, order: SortOrder) -> tuple[int, Matches]:
        """How many pictures match, and the matches as they are best read in an order.

        Where the tallies say that few match, the scan that counts them also takes their ids. To find few pictures in order
        would take a second scan.
        """
        two_scans = matches.scans and matches.compiled.narrowed and not (matches.tallied and order.covered)
        if not two_scans or not 0 < self._most(matches.compiled) <= MOST_CANDIDATES:
            return self._count(matches), matches
        sql = f"SELECT count(*), json_group_array(i.id) FROM {matches.source} WHERE {matches.compiled.where}"
        total, ids = self._database.rows(sql, matches.parameters)[0]
        return total, replace(
            matches, source=CANDIDATES, parameters={**matches.parameters, "candidates": ids}
        )

    def _most(self, compiled: CompiledFilter) -> int:
        """How many pictures pass the conditions that the tallies count: at least as many as pass all."""
        sql = f"SELECT coalesce(sum(i.n), 0) FROM tallies i WHERE {compiled.tallied}"
        return int(self._database.value(sql, compiled.parameters))

    def _select(self, matches: Matches, request: PageRequest) -> list[tuple[int, Any]]:
        """Ids and sort keys, in order; of a ranking those that it has, then the others by id."""
        if not request.order.ranked:
            return self._rows(matches, request)
        if not matches.scans:
            # All candidates are looked up and sorted in any case: once instead of twice.
            last = f"coalesce({request.order.key}, {UNRANKED})"
            return self._rows(matches, replace(request, order=SortOrder(last)))
        ids_and_keys: list[tuple[int, Any]] = []
        key, after = request.order.key, request.after
        if after is None or after[0] < UNRANKED:
            ranked = replace(request, also=f"{request.also} AND {key} IS NOT NULL")
            ids_and_keys, after = self._rows(matches, ranked), None
        if len(ids_and_keys) < request.limit:
            others = replace(
                request,
                order=SORTS["oldest"],
                limit=request.limit - len(ids_and_keys),
                after=after and (after[1], after[1]),
                also=f"{request.also} AND {key} IS NULL",
            )
            ids_and_keys += [(image_id, UNRANKED) for image_id, _ in self._rows(matches, others)]
        return ids_and_keys

    def _rows(self, matches: Matches, request: PageRequest) -> list[tuple[int, Any]]:
        key, descending = request.order.key, request.order.descending
        down, beyond = (" DESC", "<") if descending else ("", ">")
        where = f"{matches.compiled.where} AND {request.also}"
        parameters = {**matches.parameters, **request.parameters, "limit": request.limit}
        if request.after is not None:
            where += f" AND ({key}, i.id) {beyond} (:key, :last)"
            parameters |= {"key": request.after[0], "last": request.after[1]}
        rows = self._database.rows(
            f"SELECT i.id, {key} AS key FROM {matches.source} WHERE {where} "
            f"ORDER BY {key}{down}, i.id{down} LIMIT :limit",
            parameters,
        )
        return [(row["id"], row["key"]) for row in rows]


def _order(wanted: Filter) -> SortOrder:
    return SORTS[choice("sort", wanted.sort, SORTS) or "newest"]


def _limit(limit: int) -> int:
    if not is_whole(limit, 1, 500):
        raise DomainError(INVALID_LIMIT)
    return limit
