"""The search for near-duplicates over 100,000 hashes."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.rows import Row


def rows(data: Path) -> list[Row]:
    """The rows of the table."""
    return []
