"""What a benchmark gives: one figure, what it should be, and what it is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the table; ``reached`` is None where there is no goal."""

    figure: str
    goal: str
    value: str
    reached: bool | None
