"""Orders of the catalogue, and from where pictures come in each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from storage.queries.filters import SUSPICION_STANDS

SUGGESTION_STANDS = "EXISTS (SELECT 1 FROM classes c WHERE c.id = o.class_id AND c.removed = 0)"


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
        SUGGESTION_STANDS,
        "o.image_id",
        f"(SELECT o.probability FROM suggestions o WHERE o.image_id = i.id AND {SUGGESTION_STANDS})",
    ),
    "suspicious": Ranking(
        "suspicions u CROSS JOIN images i ON i.id = u.image_id",
        "-u.score",
        SUSPICION_STANDS,
        "u.image_id",
        f"(SELECT -u.score FROM suspicions u WHERE u.image_id = i.id AND {SUSPICION_STANDS})",
    ),
}
