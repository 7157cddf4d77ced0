"""What is wrong with the lines of tables: told one by one while they are few, else once with their number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

QUOTED = re.compile("“.*?”")
SHOWN = 3
"""Faults of one kind that are told one by one."""


@dataclass(frozen=True)
class TableFault:
    """One thing that is wrong with a table.

    Attributes:
        where: ``line 3`` or ``task 7``; empty for the whole table.
        sentence: What is wrong, for a person.
        kind: What is wrong with all lines of this kind, as the end of a sentence that begins with how many they are, such
            as ``name no file``; empty where it happens once at most.
    """

    where: str
    sentence: str
    kind: str = ""


@dataclass
class TableFaultLog:
    """Collects the faults of one table; keeps ``SHOWN`` sentences of each kind, however many there are."""

    _kinds: dict[str, list[tuple[int, TableFault]]] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)
    _seen: int = 0

    def add(self, fault: TableFault) -> None:
        """Take one up."""
        kept = self._kinds.setdefault(fault.kind, [])
        self._counts[fault.kind] = self._counts.get(fault.kind, 0) + 1
        self._seen += 1
        if len(kept) < SHOWN or not fault.kind:
            kept.append((self._seen, fault))

    def add_another(self, kind: str) -> bool:
        """Count one more of a kind of which enough are kept; tells whether that is so, so that it need not be worded."""
        if not kind or self._counts.get(kind, 0) < SHOWN:
            return False
        self._counts[kind] += 1
        return True

    def sentences(self) -> list[str]:
        """A sentence on each, or on all of a kind, in the order in which they came."""
        told = sorted((place, sentence) for kind in self._kinds for place, sentence in self._told(kind))
        return [sentence for _, sentence in told]

    def _told(self, kind: str) -> Iterator[tuple[int, str]]:
        """What is told of one kind: the faults, or how many there are and which is the first."""
        kept, count = self._kinds[kind], self._counts[kind]
        if not kind or count <= SHOWN:
            yield from ((place, fault.sentence) for place, fault in kept)
            return
        place, first = kept[0]
        unit = first.where.partition(" ")[0] + "s"
        shown = ", ".join([first.where, *QUOTED.findall(first.sentence)[:1]])
        yield place, f"{count:,} {unit} {kind} (first: {shown})."
