"""Labellers, an import and a training run at once."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.rows import Row


def rows(data: Path) -> list[Row]:
    """The rows of the table."""
    return []
