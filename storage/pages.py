"""The catalogue page by page.

Every order has an index that also holds all columns that filters ask for, so that even a filter that nearly no picture
passes costs a walk along one index. Where another table knows the pictures (tags, names, suspicions) the cheaper way
is taken: to go through that table and sort, or to walk in order and look each picture up there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from storage import images
from storage.cursors import pack, unpack
from storage.database import Database
from storage.errors import DomainError
from storage.filters import LIVE, Narrowing, Selection, choice, selection
from storage.records import Filter, Page


@dataclass(frozen=True)
class Sort:
    """An order by a column of the pictures.

    Attributes:
        index: The index that has the pictures in this order.
        key: What it orders by; ties are in the order of the ids.
        descending: Whether key and id go down.
    """

    index: str
    key: str
    descending: bool = False


@dataclass(frozen=True)
class Ranking:
    """An order by another table: its pictures first, then the others by id.

    Attributes:
        source: The table joined with the pictures.
        key: What it orders by.
        where: Which of its rows count.
        picture: The column that has the id of the picture.
        of: The key of one picture ``i``, null where the table does not have it.
    """

    source: str
    key: str
    where: str
    picture: str
    of: str


SORTS: Mapping[str, Sort | Ranking] = {
    "newest": Sort("images_by_id", "i.id", descending=True),
    "oldest": Sort("images_by_id", "i.id"),
    "name": Sort("images_by_name", "i.name_key"),
    "blurred": Sort("images_by_sharpness", "i.sharpness"),
    "dark": Sort("images_by_brightness", "i.brightness"),
    "bright": Sort("images_by_brightness", "i.brightness", descending=True),
    "next": Ranking(
        "next_up o CROSS JOIN images i ON i.id = o.image_id",
        "o.rank",
        "true",
        "o.image_id",
        "(SELECT rank FROM next_up WHERE image_id = i.id)",
    ),
    "unsure": Ranking(
        "suggestions o INDEXED BY suggestions_by_probability CROSS JOIN images i ON i.id = o.image_id",
        "o.probability",
        "true",
        "o.image_id",
        "(SELECT probability FROM suggestions WHERE image_id = i.id)",
    ),
    "suspicious": Ranking(
        "suspicions u CROSS JOIN images i ON i.id = u.image_id",
        "-u.score",
        LIVE,
        "u.image_id",
        f"(SELECT -u.score FROM suspicions u WHERE u.image_id = i.id AND {LIVE})",
    ),
}
ALL = "images i INDEXED BY images_by_id"
LAST = 1e18
# What it costs to pass a row of a walked index by, as a share of looking a picture up in another table; and how many
# times longer than with evenly mixed pictures a walk may take before it finds a page.
STEP, UNEVEN = 0.15, 30.0


@dataclass(frozen=True)
class Want:
    """A part of a list: at most ``limit`` pictures after a key and id, for which ``also`` holds too."""

    sort: str
    selection: Selection
    total: int
    limit: int
    after: tuple[Any, int] | None = None
    also: str = "true"
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Walk:
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
        want = self._want(wanted, _limit(limit) + 1)
        if cursor:
            want = replace(want, after=unpack(wanted, cursor))
        found = self._found(want)
        items = images.fetch(self._database.connection(), [image_id for image_id, _ in found[:limit]])
        last, key = found[limit - 1] if len(found) > limit else (0, None)
        return Page(tuple(items), pack(wanted, key, last) if last else "", want.total)

    def ids(self, wanted: Filter) -> list[int]:
        """The ids of all pictures that a filter matches, oldest first."""
        chosen = selection(self._database, wanted)
        source, where = self._whole(chosen)
        rows = self._database.rows(
            f"SELECT i.id FROM {source} WHERE {where} ORDER BY i.id", chosen.parameters
        )
        return [row["id"] for row in rows]

    def count(self, wanted: Filter) -> int:
        """How many pictures a filter matches."""
        return self._count(selection(self._database, wanted))

    def first(self, wanted: Filter, count: int, also: str, parameters: Mapping[str, Any]) -> list[int]:
        """The ids of the first pictures of a filter for which a condition on the row ``i`` holds as well."""
        want = replace(self._want(wanted, count), also=also, parameters=parameters)
        return [image_id for image_id, _ in self._found(want)]

    def _want(self, wanted: Filter, limit: int) -> Want:
        sort = choice("sort", wanted.sort, SORTS) or "newest"
        chosen = selection(self._database, wanted)
        return Want(sort, chosen, self._count(chosen), limit)

    def _count(self, chosen: Selection) -> int:
        if not chosen.narrowings:
            return self._tallied(chosen)
        source, where = self._whole(chosen)
        return int(self._database.value(f"SELECT count(*) FROM {source} WHERE {where}", chosen.parameters))

    def _tallied(self, chosen: Selection) -> int:
        sql = f"SELECT coalesce(sum(n), 0) FROM tallies i WHERE {chosen.cube}"
        return int(self._database.value(sql, chosen.parameters))

    def _everything(self, chosen: Selection) -> int:
        sql = "SELECT coalesce(sum(n), 0) FROM tallies i WHERE i.archived = :archived"
        return int(self._database.value(sql, chosen.parameters))

    def _ever(self) -> int:
        return int(self._database.value("SELECT coalesce(sum(n), 0) FROM tallies"))

    def _smallest(self, chosen: Selection) -> tuple[float, Narrowing | None]:
        sizes = [
            (float(self._database.value(each.size, chosen.parameters) or 0), each)
            for each in chosen.narrowings
        ]
        return min(sizes, key=lambda pair: pair[0], default=(float("inf"), None))

    def _whole(self, chosen: Selection) -> tuple[str, str]:
        """Where all pictures of a selection come from, and under which condition."""
        cost, driver = self._smallest(chosen)
        if driver and cost <= STEP * self._everything(chosen) + self._tallied(chosen):
            return driver.source, chosen.where(driver)
        return ALL, chosen.where()

    def _found(self, want: Want) -> Found:
        if not want.total:
            return []
        order = SORTS[want.sort]
        cost, driver = self._smallest(want.selection)
        everything = self._everything(want.selection)
        walk = UNEVEN * want.limit * everything / want.total
        if isinstance(order, Sort):
            passing = min(1.0, UNEVEN * want.limit / want.total) * self._tallied(want.selection)
            checks = passing if want.selection.narrowings else 0
            if cost <= STEP * min(everything, walk) + checks:
                return self._sorted(want, order, driver)
            return self._sorted(want, order, None)
        if min(cost, STEP * everything + self._tallied(want.selection)) <= walk * self._ever() / everything:
            return self._gathered(want, order, driver if cost <= everything else None)
        return list(self._ranked(want, order))

    def _sorted(self, want: Want, order: Sort, driver: Narrowing | None) -> Found:
        source = driver.source if driver else f"images i INDEXED BY {order.index}"
        walk = Walk(source, want.selection.where(driver), order.key, "i.id", order.descending)
        return self._rows(want, walk)

    def _gathered(self, want: Want, order: Ranking, driver: Narrowing | None) -> Found:
        source = driver.source if driver else ALL
        return self._rows(want, Walk(source, want.selection.where(driver), f"coalesce({order.of}, {LAST})"))

    def _ranked(self, want: Want, order: Ranking) -> Iterator[tuple[int, Any]]:
        found: Found = []
        if not want.after or want.after[0] < LAST:
            where = f"{want.selection.where()} AND {order.where}"
            found = self._rows(want, Walk(order.source, where, order.key, order.picture))
            want = replace(want, after=None, limit=want.limit - len(found))
        yield from found
        if want.limit:
            where = f"{want.selection.where()} AND {order.of} IS NULL"
            yield from self._rows(want, Walk(ALL, where, str(LAST)))

    def _rows(self, want: Want, walk: Walk) -> Found:
        down, beyond = (" DESC", "<") if walk.descending else ("", ">")
        where = f"{walk.where} AND {want.also}"
        parameters = {**want.selection.parameters, **want.parameters, "limit": want.limit}
        if want.after is not None:
            where += f" AND ({walk.key}, {walk.picture}) {beyond} (:key, :last)"
            parameters |= {"key": want.after[0], "last": want.after[1]}
        rows = self._database.rows(
            f"SELECT i.id, {walk.key} AS key FROM {walk.source} WHERE {where} "
            f"ORDER BY {walk.key}{down}, {walk.picture}{down} LIMIT :limit",
            parameters,
        )
        return [(row["id"], row["key"]) for row in rows]


def _limit(limit: int) -> int:
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= 500:
        raise DomainError("limit must be a whole number from 1 to 500.")
    return limit
