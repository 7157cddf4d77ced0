"""``python -m tests.benchmarks loop|data --data FOLDER``: figures side by side, with their goals.

FOLDER holds ``water-bottles/`` (class folders) and ``water-bottles.groups.csv`` (file, group).
"""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil

from tests.benchmarks import folds, serving, taking_in, throughput
from tests.benchmarks.data import duplicates, keys, label_errors, next_labels, storage, together
from tests.benchmarks.photos import load_photos
from tests.benchmarks.rows import Row


def loop(data: Path) -> dict[str, Callable[[], Iterable[Row]]]:
    """The parts of the loop's table by name. The running app comes first, before TensorFlow is loaded here."""
    return {
        "serving": lambda: serving.rows(data),
        "import": lambda: taking_in.rows(data),
        "throughput": throughput.rows,
        "folds": lambda: folds.rows(list(_told(folds.run_folds(load_photos(data))))),
    }


def on_data(data: Path) -> dict[str, Callable[[], Iterable[Row]]]:
    """The parts of the table on data by name."""
    return {
        "storage": lambda: storage.rows(data),
        "duplicates": lambda: duplicates.rows(data),
        "import": lambda: taking_in.rows(data),
        "keys": lambda: keys.rows(data),
        "together": lambda: together.rows(data),
        "next": lambda: next_labels.rows(data),
        "errors": lambda: label_errors.rows(data),
    }


SUITES = {"loop": loop, "data": on_data}


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("suite", choices=sorted(SUITES))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=[], help="parts of the suite; all where empty")
    arguments = parser.parse_args()
    print(f"{datetime.now(UTC):%Y-%m-%d}, {machine()}\n")
    print("| figure | goal | measured | reached |\n|---|---|---|---|", flush=True)
    for name, measure in SUITES[arguments.suite](arguments.data).items():
        if not arguments.only or name in arguments.only:
            for row in measure():
                print(f"| {row.figure} | {row.goal} | {row.value} | {_verdict(row.reached)} |", flush=True)


def _told(found: Iterable[folds.Fold]) -> Iterator[folds.Fold]:
    """Folds take minutes: each is named as it comes."""
    for fold in found:
        print(
            f"{fold.method}, fold {fold.fold}: {fold.macro_f1:.3f}, {fold.seconds:.0f} s",
            file=sys.stderr,
            flush=True,
        )
        yield fold


def machine() -> str:
    """What the figures were measured on."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{psutil.cpu_count()} cores ({_processor()}), {memory:.0f} GiB, Python {platform.python_version()}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _verdict(reached: bool | None) -> str:
    return "" if reached is None else ("yes" if reached else "NO")


if __name__ == "__main__":
    main()
