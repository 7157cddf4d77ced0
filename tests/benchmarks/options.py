"""What the command line asks of the benchmarks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SPLITS = ("catalogue", "csv", "random")
FOLDS = 5


@dataclass(frozen=True)
class BenchmarkOptions:
    """What is measured, and on what.

    Attributes:
        data: Folder of the photos.
        weights: Folder of Keras' weights files.
        splits: Which of ``SPLITS``: groups as the product finds them, those of the CSV file, or none.
        folds: Which of the five, counted from 1.
        keep: File that takes figures of folds as they come, a line of JSON each; folds in it are not run again.
    """

    data: Path
    weights: Path = Path("weights")
    splits: tuple[str, ...] = SPLITS
    folds: tuple[int, ...] = tuple(range(1, FOLDS + 1))
    keep: Path | None = None
