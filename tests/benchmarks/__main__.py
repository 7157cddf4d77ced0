"""``python -m tests.benchmarks loop|data|training --data FOLDER``, or ``soak``: figures side by side, with their goals.

FOLDER holds ``water-bottles/`` (class folders), ``water-bottles.groups.csv`` (file, group) and ``grocery-fruit/`` (class
folders; names of files begin with ``train__`` or ``val__``). ``--weights`` names a folder of Keras' weights files. Training
takes hours in all: ``--only``, ``--splits`` and ``--folds`` choose from it, and with ``--keep FILE`` figures of folds that
are there are not measured again, so that the table can be put together in several calls.
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import psutil

from tests.benchmarks import import_speed, serving, soak, throughput
from tests.benchmarks.data import concurrency, duplicates, keys, label_errors, next_labels, storage
from tests.benchmarks.figures import Row
from tests.benchmarks.options import FOLDS, SPLITS, BenchmarkOptions
from tests.benchmarks.training import training


def loop(options: BenchmarkOptions) -> dict[str, Callable[[], Iterable[Row]]]:
    """The parts of the loop's table by name. The running app comes first, before TensorFlow is loaded here."""
    return {
        "serving": lambda: serving.rows(options.data),
        "import": lambda: import_speed.rows(options.data),
        "throughput": throughput.rows,
    }


def on_data(options: BenchmarkOptions) -> dict[str, Callable[[], Iterable[Row]]]:
    """The parts of the table on data by name."""
    data = options.data
    return {
        "storage": lambda: storage.rows(data),
        "duplicates": lambda: duplicates.rows(data),
        "import": lambda: import_speed.rows(data),
        "keys": lambda: keys.rows(data),
        "together": lambda: concurrency.rows(data),
        "next": lambda: next_labels.rows(data),
        "errors": lambda: label_errors.rows(data),
    }


def on_soak(_: BenchmarkOptions) -> dict[str, Callable[[], Iterable[Row]]]:
    """The memory of a simulated day, on pictures made for it."""
    return {"memory": soak.rows}


SUITES = {"loop": loop, "data": on_data, "training": training, "soak": on_soak}


def main() -> None:
    """Measure and print the table."""
    arguments = _read()
    options = BenchmarkOptions(
        arguments.data,
        arguments.weights,
        tuple(arguments.splits),
        tuple(arguments.folds),
        arguments.keep,
    )
    parts = SUITES[arguments.suite](options)
    if unknown := set(arguments.only) - set(parts):
        raise SystemExit(f"{arguments.suite} has no {', '.join(sorted(unknown))}; it has {', '.join(parts)}")
    print(f"{datetime.now(UTC):%Y-%m-%d}, {machine()}\n")
    print("| figure | goal | measured | reached |\n|---|---|---|---|", flush=True)
    for name, measure in parts.items():
        if not arguments.only or name in arguments.only:
            for row in measure():
                print(f"| {row.figure} | {row.goal} | {row.value} | {_verdict(row.reached)} |", flush=True)


def _read() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("suite", choices=sorted(SUITES))
    parser.add_argument("--data", type=Path, default=Path(), help="not needed for the soak")
    parser.add_argument("--weights", type=Path, default=Path("weights"))
    parser.add_argument("--only", nargs="*", default=[], help="parts of the suite; all where empty")
    parser.add_argument("--splits", nargs="+", choices=SPLITS, default=list(SPLITS))
    every = range(1, FOLDS + 1)
    parser.add_argument("--folds", nargs="+", type=int, choices=every, default=list(every))
    parser.add_argument("--keep", type=Path, help="a file of figures of folds, gone on with")
    return parser.parse_args()


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
