"""Filters as SQL: what the walked indexes can tell by themselves, and what only another table can."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from storage.core.database import Database
from storage.core.errors import DomainError, NotFound
from storage.records import FLAGS, Filter

MOST = 300
# From one tag to the next along the index: grouping would read a row for every tag of every picture.
EACH = """
WITH RECURSIVE each (tag) AS (
    SELECT min(tag) FROM image_tags
    UNION ALL SELECT (SELECT min(t.tag) FROM image_tags t WHERE t.tag > each.tag) FROM each WHERE each.tag IS NOT NULL
)
SELECT tag FROM each WHERE tag IS NOT NULL LIMIT ?
"""


def tags_in_use(database: Database) -> list[str]:
    """The tags by the alphabet, at most 300."""
    return [row["tag"] for row in database.rows(EACH, (MOST,))]


# On the row i of a picture and on a row of the tallies alike.
CUBE = {
    "": "true",
    "labelled": "coalesce(i.class_id, 0) != 0",
    "unlabelled": "coalesce(i.class_id, 0) = 0",
    "train": "i.split = 'train'",
    "validation": "i.split = 'validation'",
    "test": "i.split = 'test'",
    "synthetic": "i.synthetic = 1",
    "bin": "true",
    "agreed": "i.review = 'agreed'",
    "disagreed": "i.review = 'disagreed'",
    "unreviewed": "coalesce(i.class_id, 0) != 0 AND i.review = ''",
    "suspicious": "coalesce(i.class_id, 0) != 0",
}
STATUSES = tuple(name for name in CUBE if name)
# Of a row u of suspicions and the row i of its picture: neither label nor mind was changed since, and the likely class is there.
SUSPICION_STANDS = (
    "u.given_class_id = i.class_id AND i.cleared_class_id IS NOT i.class_id "
    "AND EXISTS (SELECT 1 FROM classes likely WHERE likely.id = u.likely_class_id AND likely.removed = 0)"
)
LONGEST_SEARCH = 200
GRAM = 3


@dataclass(frozen=True)
class Narrowing:
    """A condition that the walked indexes cannot answer.

    Attributes:
        source: What follows ``FROM`` to go through its pictures alone.
        where: What holds of them there.
        condition: The same for a picture ``i`` found otherwise.
        size: A query for how many rows the source has.
    """

    source: str
    where: str
    condition: str
    size: str


TAG = Narrowing(
    "image_tags t CROSS JOIN images i ON i.id = t.image_id",
    "t.tag = :tag",
    "EXISTS (SELECT 1 FROM image_tags t WHERE t.tag = :tag AND t.image_id = i.id)",
    "SELECT count(*) FROM image_tags WHERE tag = :tag",
)
SUSPICIOUS = Narrowing(
    "suspicions u CROSS JOIN images i ON i.id = u.image_id",
    SUSPICION_STANDS,
    f"EXISTS (SELECT 1 FROM suspicions u WHERE u.image_id = i.id AND {SUSPICION_STANDS})",
    "SELECT count(*) FROM suspicions",
)
SEARCH = Narrowing(
    "image_names n CROSS JOIN images i ON i.id = n.rowid",
    "n.name_key MATCH :phrase",
    "instr(i.name_key, :search)",
    "SELECT count(*) FROM image_names WHERE name_key MATCH :phrase",
)
# The trigrams know nothing of one or two letters, but the index of names has all of them.
SHORT_SEARCH = Narrowing(
    "images i INDEXED BY images_by_name",
    "instr(i.name_key, :search)",
    "instr(i.name_key, :search)",
    "SELECT sum(n) / 4 FROM tallies i WHERE i.archived = :archived",
)


@dataclass(frozen=True)
class Selection:
    """A filter as SQL. ``cube`` holds of ``images i`` and of ``tallies i``."""

    cube: str
    narrowings: tuple[Narrowing, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def where(self, driver: Narrowing | None = None) -> str:
        """The whole condition, where the pictures come from one of the narrowings, or from none."""
        others = [narrowing.condition for narrowing in self.narrowings if narrowing is not driver]
        return " AND ".join([self.cube, *others, *([driver.where] if driver else [])])


def selection(database: Database, wanted: Filter) -> Selection:
    """Read a filter.

    Raises:
        NotFound: The class is not there.
        DomainError: A status or flag is not one of those allowed, or a text cannot be looked for.
    """
    cube = ["i.archived = :archived", CUBE[choice("status", wanted.status, STATUSES)]]
    parameters: dict[str, Any] = {"archived": int(wanted.status == "bin")}
    narrowings = [SUSPICIOUS] * (wanted.status == "suspicious")
    if wanted.label:
        cube.append("i.class_id = :label")
        parameters["label"] = _class(database, _text("label", wanted.label))
    if wanted.flag:
        cube.append("i.flags & :flag")
        parameters["flag"] = 1 << FLAGS.index(choice("flag", wanted.flag, FLAGS))
    if wanted.tag:
        narrowings.append(TAG)
        parameters["tag"] = " ".join(_text("tag", wanted.tag).split()).lower()
    if wanted.search:
        sought = _text("search", wanted.search).casefold()
        narrowings.append(SEARCH if len(sought) >= GRAM else SHORT_SEARCH)
        quoted = sought.replace('"', '""')
        parameters |= {"search": sought, "phrase": f'"{quoted}"'}
    return Selection(" AND ".join(cube), tuple(narrowings), parameters)


def choice(name: str, value: str, allowed: Iterable[str]) -> str:
    """A value that is one of those allowed, or empty.

    Raises:
        DomainError: It is not.
    """
    allowed = tuple(allowed)
    if not isinstance(value, str) or (value and value not in allowed):
        raise DomainError(f"{name} is “{str(value)[:40]}”; it can be {', '.join(allowed)} or empty.")
    return value


def _text(name: str, value: object) -> str:
    plain = (
        isinstance(value, str)
        and "\0" not in value
        and not any("\ud800" <= each <= "\udfff" for each in value)
    )
    if not isinstance(value, str) or not plain or len(value) > LONGEST_SEARCH:
        raise DomainError(f"{name} must be a plain text of at most {LONGEST_SEARCH} characters.")
    return value


def _class(database: Database, name: str) -> int:
    class_id = database.value(
        "SELECT id FROM classes WHERE removed = 0 AND casefold(name) = casefold(?)", (name,)
    )
    if class_id is None:
        raise NotFound(f"There is no class “{name[:80]}”.")
    return int(class_id)
