"""Faults of table lines; many faults of one kind are summarized in one message."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

QUOTED = re.compile("“.*?”")
SHOWN = 3
"""Most faults of one kind that are reported individually."""


@dataclass(frozen=True)
class TableFault:
    """One fault of a table.

    Attributes:
        where: ``line 3`` or ``task 7``; empty for the whole table.
        sentence: Message for the user.
        kind: Predicate of a summary message that begins with the number of lines, such as ``name no file``; empty if
            the fault occurs at most once.
    """

    where: str
    sentence: str
    kind: str = ""


@dataclass
class TableFaultLog:
    """Collects the faults of one table; keeps at most ``SHOWN`` faults of each kind and counts the rest."""

    _kinds: dict[str, list[tuple[int, TableFault]]] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)
    _num_added: int = 0

    def add(self, fault: TableFault) -> None:
        """Add a fault."""
        kept = self._kinds.setdefault(fault.kind, [])
        self._counts[fault.kind] = self._counts.get(fault.kind, 0) + 1
        self._num_added += 1
        if len(kept) < SHOWN or not fault.kind:
            kept.append((self._num_added, fault))

    def add_another(self, kind: str) -> bool:
        """Count a fault without building its message if ``SHOWN`` of its kind are kept already; returns False otherwise."""
        if not kind or self._counts.get(kind, 0) < SHOWN:
            return False
        self._counts[kind] += 1
        return True

    def sentences(self) -> list[str]:
        """Messages in order of occurrence; one message per fault, or one per kind if there are many."""
        messages = sorted(
            (position, message) for kind in self._kinds for position, message in self._messages_of(kind)
        )
        return [message for _, message in messages]

    def _messages_of(self, kind: str) -> Iterator[tuple[int, str]]:
        """Messages of one kind with their positions: each fault, or their number and the first one."""
        kept, count = self._kinds[kind], self._counts[kind]
        if not kind or count <= SHOWN:
            yield from ((position, fault.sentence) for position, fault in kept)
            return
        position, first = kept[0]
        unit = first.where.partition(" ")[0] + "s"
        example = ", ".join([first.where, *QUOTED.findall(first.sentence)[:1]])
        yield position, f"{count:,} {unit} {kind} (first: {example})."
