"""Pictures a second: compact beside classic, and the whole pipeline beside the same net fed from memory."""

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np

from tests.benchmarks.rows import Row
from workbench.augmentation import Augmentation, augment
from workbench.training.dataset import Dataset, write_dataset
from workbench.training.spec import TrainingSpec

PICTURES = 256
BATCH = 32
ROUNDS = 5
EPOCHS = 3
CLASSES = 3
FASTER = 4.0
PIPELINE = 0.9


def rows() -> list[Row]:
    """Every figure on speed of training."""
    return [architectures(), pipeline(False), pipeline(True), augmentation()]


def architectures(rounds: int = ROUNDS) -> Row:
    """Training speed of compact over classic, both fed from memory, in turns."""
    from workbench.training.train import limit_threads

    limit_threads()
    pictures, labels = _arrays()
    nets = {name: _net(name) for name in ("compact", "classic")}
    speeds = _in_turns(
        {name: (net, (pictures, _shares(labels)), {"batch_size": BATCH}) for name, net in nets.items()},
        rounds,
    )
    ratio = median(c / k for c, k in zip(speeds["compact"], speeds["classic"], strict=True))
    value = f"{ratio:.1f}x ({median(speeds['compact']):.0f} and {median(speeds['classic']):.0f} pictures/s)"
    return Row("compact trains faster than classic", f">= {FASTER:g}x", value, ratio >= FASTER)


def pipeline(varied: bool, rounds: int = ROUNDS) -> Row:
    """Training speed of compact fed from the mapped file, with the default augmentation or none, over that from memory."""
    from workbench.training.feed import Feed
    from workbench.training.train import limit_threads

    limit_threads()
    with TemporaryDirectory() as place:
        dataset = _dataset(Path(place))
        feed = Feed(
            dataset,
            TrainingSpec(batch_size=BATCH, augmentation=Augmentation() if varied else Augmentation.off()),
            np.ones(CLASSES, np.float32),
        )
        pictures, labels = np.asarray(dataset.pixels), _shares(dataset.labels)
        net = _net("compact")
        weights = np.ones(PICTURES, np.float32)
        jobs = {
            "memory": (net, (pictures, labels), {"batch_size": BATCH, "sample_weight": weights}),
            "pipeline": (net, (feed.batches(),), {"steps_per_epoch": feed.steps, "shuffle": False}),
        }
        speeds = _in_turns(jobs, rounds)
    ratio = median(p / m for p, m in zip(speeds["pipeline"], speeds["memory"], strict=True))
    value = f"{ratio:.2f}x ({median(speeds['pipeline']):.0f} and {median(speeds['memory']):.0f} pictures/s)"
    figure = f"compact from disk {'with' if varied else 'without'} augmentation, over memory"
    return Row(figure, f">= {PIPELINE:g}x", value, ratio >= PIPELINE)


def augmentation(rounds: int = ROUNDS) -> Row:
    """Milliseconds a picture of the default augmentation on one core."""
    import cv2

    cv2.setNumThreads(1)
    pictures, _ = _arrays()
    chosen = Augmentation()
    taken = []
    for variant in range(1, rounds + 1):
        began = perf_counter()
        for place, picture in enumerate(pictures):
            augment(picture, chosen, (1, variant, place))
        taken.append(1000 * (perf_counter() - began) / len(pictures))
    return Row("default augmentation of one picture", "beside it", f"{median(taken):.2f} ms", None)


def _in_turns(
    jobs: dict[str, tuple[Any, tuple[Any, ...], dict[str, Any]]], rounds: int
) -> dict[str, list[float]]:
    """Pictures/s of each job in each round of some epochs; a first round, in which nets are traced, does not count."""
    speeds: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds + 1):
        for name, (net, data, options) in jobs.items():
            began = perf_counter()
            net.fit(*data, verbose=0, epochs=EPOCHS, **options)
            speeds[name].append(EPOCHS * PICTURES / (perf_counter() - began))
    return {name: values[1:] for name, values in speeds.items()}


def _net(name: str) -> Any:
    from workbench.training.architectures import build
    from workbench.training.compiling import compile_net

    net = build(name, CLASSES)
    compile_net(net, TrainingSpec(architecture=name), 1e-3)
    return net


def _arrays() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    return random.integers(0, 256, (PICTURES, 256, 256, 3), dtype=np.uint8), np.arange(PICTURES) % CLASSES


def _shares(labels: np.ndarray) -> np.ndarray:
    return np.eye(CLASSES, dtype=np.float32)[labels]


def _dataset(folder: Path) -> Dataset:
    pictures, labels = _arrays()
    items = [
        {"image_id": i, "sha256": "", "label": int(k), "split": "train", "group": i}
        for i, k in enumerate(labels)
    ]
    write_dataset(
        folder, pictures, {"content_hash": "", "fit": "letterbox", "classes": list("abc"), "items": items}
    )
    return Dataset.open(folder)
