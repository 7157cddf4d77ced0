"""Collects the faults of an integrity check and formats them for users."""

from __future__ import annotations

from dataclasses import dataclass

EXAMPLES = 5


@dataclass(frozen=True)
class FaultType:
    """A type of fault, with its texts for users.

    Attributes:
        title: Title, shown before the count.
        noun: The counted noun in the singular.
        remedy: What a repair does; empty if it cannot be repaired automatically.
        advice: Advice for the user.
    """

    title: str
    noun: str
    remedy: str = ""
    advice: str = ""


@dataclass(frozen=True)
class Fault:
    """All faults of one type: count, some examples, and whether they were repaired."""

    kind: FaultType
    count: int
    examples: tuple[str, ...]
    repaired: bool

    @property
    def what(self) -> str:
        """Summary such as ``Pictures whose original file is missing: 3 pictures``."""
        return f"{self.kind.title}: {self.count:,} {self.kind.noun}{'' if self.count == 1 else 's'}"

    @property
    def repairable(self) -> bool:
        """Whether it can be repaired automatically."""
        return bool(self.kind.remedy)

    @property
    def sentence(self) -> str:
        """The remedy, done or possible, and the advice."""
        remedy = {True: "Repaired: ", False: "Repair: "}[self.repaired] + self.kind.remedy
        return " ".join(part for part in (remedy if self.repairable else "", self.kind.advice) if part)


@dataclass(frozen=True)
class IntegrityReport:
    """Result of a check: number of checked ``pictures`` and ``files``, duration in ``seconds``, and the faults."""

    pictures: int
    files: int
    seconds: float
    faults: tuple[Fault, ...]

    @property
    def ok(self) -> bool:
        """Whether there are no faults, or all were repaired."""
        return all(fault.repaired and not fault.kind.advice for fault in self.faults)

    @property
    def repairable(self) -> bool:
        """Whether a repair would fix any of the faults."""
        return any(fault.repairable and not fault.repaired for fault in self.faults)


class FaultLog:
    """Counts faults by type and keeps a few examples of each.

    Args:
        repair: Whether the checks repair faults.
        deep: Whether the checks read all files.
    """

    def __init__(self, repair: bool, deep: bool) -> None:
        self.repair = repair
        self.deep = deep
        self.pictures = 0
        self.files = 0
        self._counts: dict[FaultType, int] = {}
        self._examples: dict[FaultType, list[str]] = {}

    def note(self, kind: FaultType, example: str, count: int = 1) -> None:
        """Log faults of one type."""
        self._counts[kind] = self._counts.get(kind, 0) + count
        examples = self._examples.setdefault(kind, [])
        if len(examples) < EXAMPLES:
            examples.append(example)

    def findings(self, seconds: float) -> IntegrityReport:
        """The report of all logged faults."""
        faults = tuple(
            Fault(kind, count, tuple(self._examples[kind]), self.repair and bool(kind.remedy))
            for kind, count in self._counts.items()
        )
        return IntegrityReport(self.pictures, self.files, seconds, faults)
