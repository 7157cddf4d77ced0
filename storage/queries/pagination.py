"""The catalogue page by page.

Every order has an index that also holds all columns that filters ask for, so that even a filter that nearly no picture
passes costs a walk along one index. Where another table knows the pictures (tags, names, suspicions) the cheaper way
is taken: to go through that table and sort, or to walk in order and look each picture up there.
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
from storage.queries.filters import Narrowing, Selection, choice, selection
from storage.queries.sort_orders import SORTS, Ranking, Sort
from storage.records import Filter, Page

LONGEST = 4000


def pack(wanted: Filter, key: Any, last: int) -> str:
    """The cursor after a picture whose sort key is ``key``."""
    return base64.urlsafe_b64encode(json.dumps([_mark(wanted), key, last]).encode()).decode()


def unpack(wanted: Filter, cursor: str) -> tuple[Any, int]:
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
    raise DomainError(
        "cursor is not one that this list gave with this sort and filter. Start again without it."
    )


def _mark(wanted: Filter) -> str:
    return hashlib.blake2b(json.dumps(astuple(wanted)).encode(), digest_size=6).hexdigest()


def _is_key(value: Any, sort: str) -> bool:
    if sort == "name":
        return isinstance(value, str) and not any("\ud800" <= each <= "\udfff" for each in value)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and abs(value) <= LARGEST_ID


ALL = "images i INDEXED BY images_by_id"
# What it costs to pass a row of a walked index by, as a share of looking a picture up in another table; and how many
# times longer than with evenly mixed pictures a walk may take before it finds a page.
STEP, UNEVEN = 0.15, 30.0
LAST = 1e18
"""The key of pictures that a ranking does not have."""


@dataclass(frozen=True)
class Sizes:
    """What the ways to a selection cost.

    Attributes:
        there: Pictures in the catalogue, or in the bin where the bin is looked at.
        ever: Pictures in both, and those emptied from the bin.
        passing: Those that pass the part of the filter that the walked indexes know.
        driver: The smallest table that knows the pictures, where there is one.
        driven: How many rows it has.
    """

    there: int
    ever: int
    passing: int
    driver: Narrowing | None
    driven: float

    @property
    def scan(self) -> float:
        """The cost of going through all that pass the walked index and looking each up."""
        return STEP * self.there + self.passing


@dataclass(frozen=True)
class Want:
    """A part of a list: at most ``limit`` pictures after a key and id, for which ``also`` holds too."""

    selection: Selection
    sizes: Sizes
    total: int
    limit: int
    after: tuple[Any, int] | None = None
    also: str = "true"
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def walk(self, rows: int) -> float:
        """How many of so many rows a walk in order passes until it has a page, at worst."""
        return min(rows, UNEVEN * self.limit * rows / self.total)


@dataclass(frozen=True)
class Way:
    """A query for pictures in order: from where, which, and the key and id that it orders by."""

    source: str
    where: str
    key: str
    picture: str = "i.id"
    descending: bool = False


Found = list[tuple[int, Any]]


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
        order = _order(wanted)
        want = self._want(wanted, _limit(limit) + 1)
        if cursor:
            want = replace(want, after=unpack(wanted, cursor))
        found = self._found(want, order)
        items = image_rows.fetch(self._database.connection(), [image_id for image_id, _ in found[:limit]])
        last, key = found[limit - 1] if len(found) > limit else (0, None)
        return Page(tuple(items), pack(wanted, key, last) if last else "", want.total)

    def ids(self, wanted: Filter) -> list[int]:
        """The ids of all pictures that a filter matches, oldest first."""
        chosen = selection(self._database, wanted)
        way = _whole(chosen, self._sizes(chosen))
        sql = f"SELECT i.id FROM {way.source} WHERE {way.where} ORDER BY i.id"
        return [row["id"] for row in self._database.rows(sql, chosen.parameters)]

    def count(self, wanted: Filter) -> int:
        """How many pictures a filter matches."""
        chosen = selection(self._database, wanted)
        return self._count(chosen, self._sizes(chosen))

    def first(self, wanted: Filter, count: int, also: str, parameters: Mapping[str, Any]) -> list[int]:
        """The ids of the first pictures of a filter for which a condition on the row ``i`` holds as well."""
        want = replace(self._want(wanted, count), also=also, parameters=parameters)
        return [image_id for image_id, _ in self._found(want, _order(wanted))]

    def _want(self, wanted: Filter, limit: int) -> Want:
        chosen = selection(self._database, wanted)
        sizes = self._sizes(chosen)
        return Want(chosen, sizes, self._count(chosen, sizes), limit)

    def _sizes(self, chosen: Selection) -> Sizes:
        counts = self._database.row(
            "SELECT coalesce(sum(n) FILTER (WHERE i.archived = :archived), 0) AS there, coalesce(sum(n), 0) AS ever, "
            f"coalesce(sum(n) FILTER (WHERE {chosen.cube}), 0) AS passing FROM tallies i",
            chosen.parameters,
        )
        assert counts is not None  # noqa: S101 - an aggregate always gives a row
        driven = [
            (float(self._database.value(narrowing.size, chosen.parameters) or 0), narrowing)
            for narrowing in chosen.narrowings
        ]
        size, driver = min(driven, key=lambda pair: pair[0], default=(float("inf"), None))
        return Sizes(**dict(counts), driver=driver, driven=size)

    def _count(self, chosen: Selection, sizes: Sizes) -> int:
        if not chosen.narrowings:
            return sizes.passing
        way = _whole(chosen, sizes)
        sql = f"SELECT count(*) FROM {way.source} WHERE {way.where}"
        return int(self._database.value(sql, chosen.parameters))

    def _found(self, want: Want, order: Sort | Ranking) -> Found:
        if not want.total:
            return []
        if isinstance(order, Sort):
            return self._rows(want, _sorted(want, order))
        if min(want.sizes.driven, want.sizes.scan) <= want.walk(want.sizes.ever):
            way = _whole(want.selection, want.sizes)
            return self._rows(want, replace(way, key=f"coalesce({order.of}, {LAST})"))
        return self._ranked(want, order)

    def _ranked(self, want: Want, order: Ranking) -> Found:
        """Those that the ranking has, then the others; each part comes in order from its own index."""
        found: Found = []
        if not want.after or want.after[0] < LAST:
            where = f"{want.selection.where()} AND {order.where}"
            found = self._rows(want, Way(order.source, where, order.key, order.picture))
            want = replace(want, after=None, limit=want.limit - len(found))
        if want.limit:
            # Nearly all may be ranked: what costs more is asked of the others only.
            others = " AND ".join(narrowing.condition for narrowing in want.selection.narrowings) or "true"
            where = f"{want.selection.cube} AND iif({order.of} IS NULL, {others}, false)"
            after = want.after and (want.after[1], want.after[1])
            rest = self._rows(replace(want, after=after), Way(ALL, where, "i.id"))
            found += [(image_id, LAST) for image_id, _ in rest]
        return found

    def _rows(self, want: Want, way: Way) -> Found:
        down, beyond = (" DESC", "<") if way.descending else ("", ">")
        where = f"{way.where} AND {want.also}"
        parameters = {**want.selection.parameters, **want.parameters, "limit": want.limit}
        if want.after is not None:
            where += f" AND ({way.key}, {way.picture}) {beyond} (:key, :last)"
            parameters |= {"key": want.after[0], "last": want.after[1]}
        rows = self._database.rows(
            f"SELECT i.id, {way.key} AS key FROM {way.source} WHERE {where} "
            f"ORDER BY {way.key}{down}, {way.picture}{down} LIMIT :limit",
            parameters,
        )
        return [(row["id"], row["key"]) for row in rows]


def _whole(chosen: Selection, sizes: Sizes) -> Way:
    """The way to all pictures of a selection, in no order."""
    if sizes.driver and sizes.driven <= sizes.scan:
        return Way(sizes.driver.source, chosen.where(sizes.driver), "i.id")
    return Way(ALL, chosen.where(), "i.id")


def _sorted(want: Want, order: Sort) -> Way:
    sizes = want.sizes
    if sizes.driver and sizes.driven <= STEP * want.walk(sizes.there) + want.walk(sizes.passing):
        return Way(
            sizes.driver.source, want.selection.where(sizes.driver), order.key, "i.id", order.descending
        )
    return Way(
        f"images i INDEXED BY {order.index}", want.selection.where(), order.key, "i.id", order.descending
    )


def _order(wanted: Filter) -> Sort | Ranking:
    return SORTS[choice("sort", wanted.sort, SORTS) or "newest"]


def _limit(limit: int) -> int:
    if not is_whole(limit, 1, 500):
        raise DomainError("limit must be a whole number from 1 to 500.")
    return limit
