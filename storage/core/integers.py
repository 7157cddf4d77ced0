"""What is a whole number, as ids, revisions and counts are."""

from __future__ import annotations

from typing import Any

# SQLite's integers have 64 bits.
LARGEST_ID = 2**63 - 1


def is_whole(value: Any, low: int = 1, high: int = LARGEST_ID) -> bool:
    """Whether a value from outside is a whole number from ``low`` to ``high``; a truth value is none."""
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
