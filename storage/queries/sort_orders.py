"""Sort orders of the catalogue: each is a column of ``images`` with an index, mostly a covering one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

UNRANKED = 1e18
"""The sort key in a cursor of pictures whose column is NULL; they come last, by id."""
# The view sort_keys says when a suspicion counts; triggers keep the column as the view is.
SUSPICION_STANDS = "i.suspicion_key IS NOT NULL"


@dataclass(frozen=True)
class SortOrder:
    """An order by a column of a row ``i`` of images; ties are in the order of the ids.

    Attributes:
        key: The column.
        descending: Whether key and id go down.
        covered: Whether its index has all columns that the tallies have too; where every suggestion has an entry, that
            would make labelling and suggesting slower by half.
        ranked: Whether the column may be NULL, where a model ranks some of the pictures only.
    """

    key: str
    descending: bool = False
    ranked: bool = False
    covered: bool = True


SORTS: Mapping[str, SortOrder] = {
    "newest": SortOrder("i.id", descending=True),
    "oldest": SortOrder("i.id"),
    "name": SortOrder("i.name_key"),
    "blurred": SortOrder("i.sharpness"),
    "dark": SortOrder("i.brightness"),
    "bright": SortOrder("i.brightness", descending=True),
    "next": SortOrder("i.next_key", ranked=True),
    "unsure": SortOrder("i.unsure_key", ranked=True, covered=False),
    "suspicious": SortOrder("i.suspicion_key", ranked=True),
}
