"""What training gives and what it costs: accuracy over folds, times of the recipes, speed, and how runs answer to a person."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

from tests.benchmarks import folds, run_latency, throughput
from tests.benchmarks.figures import Row
from tests.benchmarks.methods import Divided, fixed, train_and_answer, write_rest
from tests.benchmarks.options import BenchmarkOptions
from tests.benchmarks.photos import load_fruit, load_photos
from workbench.training.reporter import RunPaths, SilentReporter
from workbench.training.spec import INSTANT, TrainingSpec

FIRST_SECONDS, AGAIN_SECONDS = 40.0, 4.0
FRUIT_ACCURACY = 0.97
OTHER_SETTINGS = {"learning_rate": 3e-3, "dropout": 0.2, "label_smoothing": 0.1}


def training(options: BenchmarkOptions) -> dict[str, Callable[[], Iterable[Row]]]:
    """The parts of the table by name. The running app comes first, before TensorFlow is loaded here."""
    parts: dict[str, Callable[[], Iterable[Row]]] = {
        "start": lambda: run_latency.started(options),
        "stop": lambda: run_latency.stopped(options),
        "reattach": lambda: run_latency.reattached(options),
        "rate": throughput.rates,
        "cached": lambda: [throughput.cached(options.weights)],
        "times": lambda: times(options),
        "fruit": lambda: [fruit(options)],
    }
    return parts | {method: lambda method=method: folds.rows(method, options) for method in folds.methods()}


def times(options: BenchmarkOptions) -> Iterator[Row]:
    """Instant on all photos: the first time, and again with other settings, when the features are there."""
    from workbench.training.engine.train import limit_threads

    limit_threads()
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        photos = load_photos(options.data, "catalogue")
        everything = np.arange(len(photos.labels))
        plain = TrainingSpec.of(INSTANT)
        write_rest(photos, everything, folder / "data", plain)
        first = _seconds(plain, folder, options.weights)
        again = _seconds(TrainingSpec.of(INSTANT, **OTHER_SETTINGS), folder, options.weights)
        same = _seconds(plain, folder, options.weights)
    count = len(everything)
    yield Row(
        f"instant on all {count} photos, features included",
        f"<= {FIRST_SECONDS:g} s",
        f"{first:.1f} s",
        first <= FIRST_SECONDS,
    )
    others = ", ".join(f"{key} {value:g}" for key, value in OTHER_SETTINGS.items())
    yield Row(
        f"again with other settings ({others})",
        f"<= {AGAIN_SECONDS:g} s",
        f"{again:.1f} s",
        again <= AGAIN_SECONDS,
    )
    yield Row("again with the same settings", "beside it", f"{same:.1f} s", None)


def fruit(options: BenchmarkOptions) -> Row:
    """Instant on ``grocery-fruit``, asked for the photos that its publisher held out."""
    from workbench.training.engine.train import limit_threads

    limit_threads()
    photos, held_out = load_fruit(options.data)
    division = Divided(photos, np.flatnonzero(~held_out), np.flatnonzero(held_out))
    with TemporaryDirectory() as temporary:
        place = RunPaths(*(Path(temporary) / name for name in ("m", "c", "f")), options.weights)
        answers, seconds = train_and_answer(division, fixed(INSTANT), place)
    accuracy = float((answers == photos.labels[held_out]).mean())
    value = f"{accuracy:.3f} ({len(division.fold)} held out, {len(division.rest)} learnt from), {seconds:.1f} s with features"
    return Row(
        "instant on grocery-fruit, accuracy", f">= {FRUIT_ACCURACY}", value, accuracy >= FRUIT_ACCURACY
    )


def _seconds(spec: TrainingSpec, folder: Path, weights: Path) -> float:
    from workbench.training.dataset import Dataset
    from workbench.training.engine.train import train

    with TemporaryDirectory() as own:
        place = RunPaths(Path(own) / "model", Path(own) / "checkpoints", folder / "features", weights)
        dataset = Dataset.open(folder / "data")
        began = perf_counter()
        train(dataset, spec, SilentReporter(), place)
        return perf_counter() - began
