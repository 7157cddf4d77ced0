"""A labelling key, end to end in the browser, at 100,000 pictures."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.rows import Row


def rows(data: Path) -> list[Row]:
    """The rows of the table."""
    return []
