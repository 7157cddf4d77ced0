"""Filters as SQL: conditions that the tallies count, and those that only the pictures themselves answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from storage.core.database import Database
from storage.core.errors import DomainError, NotFound
from storage.queries.sort_orders import SUSPICION_STANDS
from storage.records import FLAGS, Filter

NO_CLASS = "There is no class “{name}”."
MOST = 300
# From one tag to the next along the index: grouping would read a row for every tag of every picture.
TAGS_IN_USE = """
WITH RECURSIVE used (tag) AS (
    SELECT min(tag) FROM image_tags
    UNION ALL SELECT (SELECT min(t.tag) FROM image_tags t WHERE t.tag > used.tag) FROM used WHERE used.tag IS NOT NULL
)
SELECT tag FROM used WHERE tag IS NOT NULL LIMIT ?
"""


def tags_in_use(database: Database) -> list[str]:
    """The tags by the alphabet, at most 300."""
    return [row["tag"] for row in database.rows(TAGS_IN_USE, (MOST,))]


# On the row i of a picture and on a row of the tallies alike.
STATUS_CONDITIONS = {
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
    "suspicious": "true",
}
IN_CATALOGUE = "i.archived = :archived"
STATUSES = tuple(name for name in STATUS_CONDITIONS if name)
LONGEST_SEARCH = 200
TRIGRAM = 3


@dataclass(frozen=True)
class LookupCondition:
    """A condition that the tallies do not count.

    Attributes:
        condition: What holds of a row ``i`` of images.
        candidates: A query for the ids of all pictures that may fulfil it.
        exact: Whether it gives those that fulfil it and no others, in the bin and out of it, from an index.
    """

    condition: str
    candidates: str
    exact: bool = False


TAG = LookupCondition(
    "instr(i.tags, json_quote(:tag))", "SELECT image_id AS id FROM image_tags WHERE tag = :tag", exact=True
)
SUSPICIOUS = LookupCondition(
    SUSPICION_STANDS, f"SELECT i.id FROM images i WHERE i.archived = :archived AND {SUSPICION_STANDS}"
)
SEARCH = LookupCondition(
    "instr(i.name_key, :search)",
    "SELECT rowid AS id FROM image_names WHERE name_key MATCH :phrase",
    exact=True,
)
# The index of trigrams has no texts of one or two letters; all names are read, from an index that has nothing else.
SHORT_SEARCH = LookupCondition(
    SEARCH.condition, f"SELECT i.id FROM images i WHERE {SEARCH.condition}", exact=True
)


@dataclass(frozen=True)
class CompiledFilter:
    """A filter as SQL.

    Attributes:
        tallied: The conditions that hold of ``images i`` and of ``tallies i`` alike.
        lookups: Those that hold of ``images i`` only.
        parameters: What both bind by name.
    """

    tallied: str
    lookups: tuple[LookupCondition, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def lookup_only(self) -> LookupCondition | None:
        """The one condition on pictures of the catalogue, where its index tells exactly which they are."""
        single = len(self.lookups) == 1 and not self.narrowed and not self.parameters["archived"]
        return self.lookups[0] if single and self.lookups[0].exact else None

    @property
    def narrowed(self) -> bool:
        """Whether there is a condition that the tallies count, beside being in the catalogue or in the bin."""
        return self.tallied != IN_CATALOGUE

    @property
    def where(self) -> str:
        """All conditions on a row ``i`` of images."""
        return " AND ".join([self.tallied, *(lookup.condition for lookup in self.lookups)])


def compile_filter(database: Database, wanted: Filter) -> CompiledFilter:
    """Read a filter.

    Raises:
        NotFound: The class is not there.
        DomainError: A status or flag is not one of those allowed, or a text cannot be looked for.
    """
    tallied = [IN_CATALOGUE]
    if (status := STATUS_CONDITIONS[choice("status", wanted.status, STATUSES)]) != "true":
        tallied.append(status)
    parameters: dict[str, Any] = {"archived": int(wanted.status == "bin")}
    lookups = [SUSPICIOUS] * (wanted.status == "suspicious")
    if wanted.label:
        tallied.append("i.class_id = :label")
        parameters["label"] = _class(database, _text("label", wanted.label))
    if wanted.flag:
        tallied.append("i.flags & :flag")
        parameters["flag"] = 1 << FLAGS.index(choice("flag", wanted.flag, FLAGS))
    if wanted.tag:
        lookups.append(TAG)
        parameters["tag"] = " ".join(_text("tag", wanted.tag).split()).lower()
    if wanted.search:
        text = _text("search", wanted.search).casefold()
        lookups.append(SEARCH if len(text) >= TRIGRAM else SHORT_SEARCH)
        quoted = text.replace('"', '""')
        parameters |= {"search": text, "phrase": f'"{quoted}"'}
    return CompiledFilter(" AND ".join(tallied), tuple(lookups), parameters)


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
        and not any("\ud800" <= letter <= "\udfff" for letter in value)
    )
    if not isinstance(value, str) or not plain or len(value) > LONGEST_SEARCH:
        raise DomainError(f"{name} must be a plain text of at most {LONGEST_SEARCH} characters.")
    return value


def _class(database: Database, name: str) -> int:
    class_id = database.value(
        "SELECT id FROM classes WHERE removed = 0 AND casefold(name) = casefold(?)", (name,)
    )
    if class_id is None:
        raise NotFound(NO_CLASS.format(name=name[:80]))
    return int(class_id)
