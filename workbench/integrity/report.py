"""What a check of the data found, in sentences."""

from __future__ import annotations

from dataclasses import dataclass

EXAMPLES = 5


@dataclass(frozen=True)
class FaultType:
    """One way in which data can be wrong.

    Attributes:
        title: What it is, before the count.
        noun: What is counted, in the singular.
        remedy: What a repair does about it; empty where nothing can be done here.
        advice: What a person can do, or is to know.
    """

    title: str
    noun: str
    remedy: str = ""
    advice: str = ""


@dataclass(frozen=True)
class Fault:
    """Faults of one kind: how many, some of them by name, and whether they were repaired."""

    kind: FaultType
    count: int
    examples: tuple[str, ...]
    repaired: bool

    @property
    def what(self) -> str:
        """As in ``Pictures whose original file is missing: 3 pictures``."""
        return f"{self.kind.title}: {self.count:,} {self.kind.noun}{'' if self.count == 1 else 's'}"

    @property
    def repairable(self) -> bool:
        """Whether a repair can do something about it."""
        return bool(self.kind.remedy)

    @property
    def sentence(self) -> str:
        """What was done, would be done or can be done about it."""
        done = {True: "Repaired: ", False: "Repair: "}[self.repaired] + self.kind.remedy
        return " ".join(part for part in (done if self.repairable else "", self.kind.advice) if part)


@dataclass(frozen=True)
class IntegrityReport:
    """What a check found: ``pictures`` rows and ``files`` looked at, in ``seconds``."""

    pictures: int
    files: int
    seconds: float
    faults: tuple[Fault, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong, or no longer."""
        return all(fault.repaired and not fault.kind.advice for fault in self.faults)

    @property
    def repairable(self) -> bool:
        """Whether a repair would do something."""
        return any(fault.repairable and not fault.repaired for fault in self.faults)


class FaultLog:
    """Counts faults by kind; keeps a few examples only, so that memory stays small.

    Args:
        repair: Whether what is found is repaired at once.
        deep: Whether every byte is read.
    """

    def __init__(self, repair: bool, deep: bool) -> None:
        self.repair = repair
        self.deep = deep
        self.pictures = 0
        self.files = 0
        self._counts: dict[FaultType, int] = {}
        self._examples: dict[FaultType, list[str]] = {}

    def note(self, kind: FaultType, example: str, count: int = 1) -> None:
        """Write faults down."""
        self._counts[kind] = self._counts.get(kind, 0) + count
        examples = self._examples.setdefault(kind, [])
        if len(examples) < EXAMPLES:
            examples.append(example)

    def findings(self, seconds: float) -> IntegrityReport:
        """All that was written down."""
        faults = tuple(
            Fault(kind, count, tuple(self._examples[kind]), self.repair and bool(kind.remedy))
            for kind, count in self._counts.items()
        )
        return IntegrityReport(self.pictures, self.files, seconds, faults)
