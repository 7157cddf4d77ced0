"""Pictures a second: compact beside classic, the whole of training beside the same net fed from memory, kept features beside the net that made them."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np

from tests.benchmarks.figures import Row
from workbench.imaging.augmentation import Augmentation, augment
from workbench.training.dataset import Dataset, write_dataset
from workbench.training.reporter import Progress, RunPaths, SilentReporter
from workbench.training.spec import INSTANT, TrainingSpec

PICTURES, JUDGED = 256, 32
BATCH = 32
ROUNDS = 5
EPOCHS = 3
CLASSES = 3
FASTER = 4.0
PIPELINE = 0.9
CACHED = 20.0
SLOWED = 0.15


def rows() -> list[Row]:
    """Every figure on speed of training."""
    return [architectures(), *rates(), augmentation()]


def rates() -> list[Row]:
    """Training beside ``model.fit`` on tensors in memory."""
    return [pipeline(False), pipeline(True), whole(), slowed()]


def architectures(rounds: int = ROUNDS) -> Row:
    """Training speed of compact over classic, both fed from memory, in turns."""
    from workbench.training.engine.train import limit_threads

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
    from workbench.training.engine.train import limit_threads

    limit_threads()
    with TemporaryDirectory() as place:
        dataset = _dataset(Path(place))
        feed = _feed(dataset, Augmentation() if varied else Augmentation.off())
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


def slowed(rounds: int = ROUNDS) -> Row:
    """How much slower compact trains with the default augmentation than with none, in turns."""
    from workbench.training.engine.train import limit_threads

    limit_threads()
    with TemporaryDirectory() as place:
        dataset, net = _dataset(Path(place)), _net("compact")
        jobs = {}
        for name, chosen in {"varied": Augmentation(), "plain": Augmentation.off()}.items():
            feed = _feed(dataset, chosen)
            jobs[name] = (net, (feed.batches(),), {"steps_per_epoch": feed.steps, "shuffle": False})
        speeds = _in_turns(jobs, rounds)
    loss = 1 - median(v / p for v, p in zip(speeds["varied"], speeds["plain"], strict=True))
    value = (
        f"{100 * loss:.0f} % ({median(speeds['varied']):.0f} and {median(speeds['plain']):.0f} pictures/s)"
    )
    return Row("default augmentation slows training", f"<= {100 * SLOWED:.0f} %", value, loss <= SLOWED)


def whole(rounds: int = ROUNDS - 2) -> Row:
    """Speed of the steps of ``train()``, with augmentation, averages and reports, over that of ``model.fit`` from memory."""
    from workbench.training.engine.train import limit_threads, train

    limit_threads()
    memory, trained = [], []
    pictures, labels = _arrays()
    net = _net("compact")
    spec = TrainingSpec(batch_size=BATCH, epochs=EPOCHS + 1, patience=EPOCHS + 1)
    with TemporaryDirectory() as place:
        dataset = _dataset(Path(place) / "data", JUDGED)
        for number in range(rounds):
            job = {"memory": (net, (pictures, _shares(labels)), {"batch_size": BATCH})}
            memory += _in_turns(job, 1)["memory"]
            clock = _Clock()
            train(dataset, spec, clock, _workplace(Path(place) / str(number), Path(place)))
            trained.append(clock.rate(PICTURES / -(-PICTURES // BATCH)))
    ratio = median(t / m for t, m in zip(trained, memory, strict=True))
    value = f"{ratio:.2f}x ({median(trained):.0f} and {median(memory):.0f} pictures/s)"
    return Row(
        "steps of train() with everything, over model.fit from memory",
        f">= {PIPELINE:g}x",
        value,
        ratio >= PIPELINE,
    )


def cached(weights: Path, rounds: int = ROUNDS - 2) -> Row:
    """Epochs of a head on kept features over epochs that run the frozen backbone again, fed from memory."""
    from workbench.backbones.definitions import BACKBONES
    from workbench.backbones.weights import find_or_download
    from workbench.training.engine import backbone_graph
    from workbench.training.engine.input_pipeline import InputPipeline
    from workbench.training.engine.optimizer import compile_net
    from workbench.training.engine.recipe import Task
    from workbench.training.engine.train import RECIPES, limit_threads

    limit_threads()
    spec = TrainingSpec.of(INSTANT, batch_size=BATCH)
    even = np.ones(CLASSES, np.float32)
    with TemporaryDirectory() as place:
        dataset = _dataset(Path(place) / "data", JUDGED)
        task = Task(dataset, spec, even, SilentReporter(), _workplace(Path(place) / "run", weights))
        stage = RECIPES[INSTANT](task).stages[0]
        stage.prepare()
        compile_net(stage.net, spec, stage.rate)
        feed = InputPipeline(dataset, spec, even, stage.examples)
        state = find_or_download(BACKBONES[spec.architecture], weights, task.report_progress)
        again = backbone_graph.build_model(spec, state, CLASSES)
        compile_net(again, spec, stage.rate)
        pictures, labels = _arrays()
        jobs = {
            "kept": (stage.net, (feed.batches(),), {"steps_per_epoch": feed.steps, "shuffle": False}),
            "again": (again, (pictures, _shares(labels)), {"batch_size": BATCH}),
        }
        speeds = _in_turns(jobs, rounds)
    ratio = median(k / a for k, a in zip(speeds["kept"], speeds["again"], strict=True))
    value = f"{ratio:.0f}x ({median(speeds['kept']):.0f} and {median(speeds['again']):.0f} pictures/s)"
    figure = f"epochs on kept features of {spec.architecture}, over running it frozen every epoch"
    return Row(figure, f">= {CACHED:g}x", value, ratio >= CACHED)


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


def _feed(dataset: Dataset, chosen: Augmentation) -> Any:
    from workbench.training.engine.input_pipeline import InputPipeline

    return InputPipeline(
        dataset, TrainingSpec(batch_size=BATCH, augmentation=chosen), np.ones(CLASSES, np.float32)
    )


def _net(name: str) -> Any:
    from workbench.training.engine.architectures import build
    from workbench.training.engine.optimizer import compile_net

    net = build(name, CLASSES)
    compile_net(net, TrainingSpec(architecture=name), 1e-3)
    return net


def _arrays() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    return random.integers(0, 256, (PICTURES, 256, 256, 3), dtype=np.uint8), np.arange(PICTURES) % CLASSES


def _shares(labels: np.ndarray) -> np.ndarray:
    return np.eye(CLASSES, dtype=np.float32)[labels]


def _dataset(folder: Path, judged: int = 0) -> Dataset:
    """The pictures of ``_arrays`` to train on, and some of them once more to judge by."""
    pictures, labels = _arrays()
    places = [*range(PICTURES), *range(judged)]
    items = [
        {
            "image_id": number,
            "sha256": "",
            "label": int(labels[place]),
            "split": "train" if number < PICTURES else "validation",
            "group": number,
        }
        for number, place in enumerate(places)
    ]
    manifest = {"content_hash": "", "fit": "letterbox", "classes": list("abc"), "items": items}
    write_dataset(folder, pictures[places], manifest)
    return Dataset.open(folder)


def _workplace(folder: Path, weights: Path) -> RunPaths:
    return RunPaths(folder / "model", folder / "checkpoints", folder / "features", weights)


class _Clock(SilentReporter):
    """Notes when each step was done."""

    def __init__(self) -> None:
        self._done: dict[int, list[float]] = {}

    def step(self, progress: Progress) -> None:
        self._done.setdefault(progress.epoch, []).append(perf_counter())

    def rate(self, pictures: float) -> float:
        """Pictures/s, ``pictures`` a step, from the first to the last step of each epoch but the first."""
        times = [done for epoch, done in self._done.items() if epoch > 1]
        return pictures * sum(len(done) - 1 for done in times) / sum(done[-1] - done[0] for done in times)
