"""Trains a net on a dataset folder. Knows neither the database nor the server.

How a recipe plugs in says :mod:`workbench.training.engine.recipe`; it is named in ``RECIPES``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import tensorflow as tf

from workbench.core.errors import Paused, StoppedEarly, TrainingFailed
from workbench.core.machine import cores
from workbench.evaluation.metrics import evaluate
from workbench.training.dataset import Dataset
from workbench.training.engine import export
from workbench.training.engine.callbacks import SIGNAL, BestWeights, EpochEvaluator, Interrupted, StopMonitor
from workbench.training.engine.checkpoints import CheckpointCallback
from workbench.training.engine.input_pipeline import InputPipeline
from workbench.training.engine.optimizer import LearningRateSchedule, compile_net
from workbench.training.engine.precision import FULL, MixedPrecision, policy, strategy
from workbench.training.engine.recipe import Recipe, Task, predict
from workbench.training.engine.scratch import scratch
from workbench.training.engine.transfer import fine_tune, instant
from workbench.training.reporter import EpochRecord, Progress, Reporter, RunPaths, TrialRecord
from workbench.training.spec import FINE_TUNE, INSTANT, SCRATCH, TrainingSpec, class_weight_table

__all__ = [
    "Artefacts",
    "EpochRecord",
    "HeldOutPrediction",
    "Progress",
    "Reporter",
    "RunPaths",
    "limit_threads",
    "train",
]

RECIPES: Mapping[str, Callable[[Task], Recipe]] = {SCRATCH: scratch, INSTANT: instant, FINE_TUNE: fine_tune}
_MIN_CLASSES = 2
BROKEN = "The loss was no longer a number, so training ended there; the best epoch before is kept. A smaller learning rate usually helps."


@dataclass(frozen=True)
class HeldOutPrediction:
    """The answer for one validation picture: ``true`` is a position in the classes, as are the probabilities."""

    image_id: int
    true: int
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class Artefacts:
    """What a run leaves behind.

    Attributes:
        folder: Holds ``model.keras`` and ``model.tflite``.
        history: One record an epoch.
        best_epoch: The epoch the model is of, counted from 1.
        stopped: Whether the run was cut short, on request or because its loss was no number any more.
        note: What the user should know of how it ended; empty where nothing is to be said.
        predictions: For every validation picture.
        metrics: As :func:`workbench.evaluation.metrics.evaluate` gives them, on the validation pictures.
        agreement: Largest difference in probability between the Keras and the LiteRT model.
        libraries: Versions of what trained it.
        weights: The pretrained weights it starts from: file and SHA-256; empty where there are none.
        trials: What a search has tried.
    """

    folder: Path
    history: tuple[EpochRecord, ...]
    best_epoch: int
    stopped: bool
    note: str
    predictions: tuple[HeldOutPrediction, ...]
    metrics: dict[str, Any]
    agreement: float
    libraries: dict[str, str]
    weights: dict[str, str] = field(default_factory=dict)
    trials: tuple[TrialRecord, ...] = ()


def limit_threads() -> None:
    """Use as many threads as this process has cores, or as TF_NUM_INTRAOP_THREADS says; call it before anything else of TensorFlow."""
    tf.config.threading.set_intra_op_parallelism_threads(
        int(os.environ.get("TF_NUM_INTRAOP_THREADS") or cores())
    )
    tf.config.threading.set_inter_op_parallelism_threads(1)
    cv2.setNumThreads(1)


def release_memory() -> None:
    """Give back what Keras keeps of the nets before."""
    keras.backend.clear_session()


def train(dataset: Dataset, spec: TrainingSpec, reporter: Reporter, place: RunPaths) -> Artefacts:
    """Train, judge and export a net.

    Args:
        dataset: The pictures and their split.
        spec: The settings, of a recipe in ``RECIPES``: not of a search.
        reporter: Hears of phases, steps and epochs, and is asked for a stop or pause after every batch.
        place: Its folders. What lies in ``place.checkpoints`` is gone on with.

    Raises:
        TrainingFailed: The dataset cannot be trained on, the loss is no number before an epoch is finished, or the exported
            model does not agree with the trained one.
        StoppedEarly: A stop was asked for before the first epoch was finished.
        Paused: A pause was asked for.
        InvalidSpec: The class weights do not fit the classes.
    """
    task, recipe, judge, watch = _trained(dataset, spec, reporter, place)
    recipe.learner.set_weights(_kept(judge, watch).weights)
    return _artefacts(task, recipe, judge, watch)


def train_and_predict(
    dataset: Dataset, spec: TrainingSpec, reporter: Reporter, place: RunPaths
) -> np.ndarray:
    """Train a net without exporting it.

    Returns:
        The best epoch's answers ``(N, classes)`` for the validation pictures. :func:`train` makes a model of the same epoch
        from what lies in ``place.checkpoints``.

    Raises:
        TrainingFailed: The dataset cannot be trained on, or the loss is no number before an epoch is finished.
        StoppedEarly: A stop was asked for before training was over.
        Paused: A pause was asked for.
        InvalidSpec: The class weights do not fit the classes.
    """
    *_, judge, watch = _trained(dataset, spec, reporter, place)
    if watch.asked:
        raise StoppedEarly
    return _kept(judge, watch).probabilities


def _trained(
    dataset: Dataset, spec: TrainingSpec, reporter: Reporter, place: RunPaths
) -> tuple[Task, Recipe, EpochEvaluator, StopMonitor]:
    reporter.phase("preparing")
    _check(dataset)
    table = class_weight_table(dataset.counts("train"), spec.class_weights)
    weights = np.array([table[name] for name in dataset.classes], dtype=np.float32)
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(spec.seed)
    task = Task(dataset, spec, weights, reporter, place)
    with strategy().scope():
        recipe = RECIPES[spec.recipe](task)
        reporter.phase("training")
        judge, watch = _fit(task, recipe)
    return task, recipe, judge, watch


def _artefacts(task: Task, recipe: Recipe, judge: EpochEvaluator, watch: StopMonitor) -> Artefacts:
    dataset, reporter, folder = task.dataset, task.reporter, task.place.model
    best = _kept(judge, watch)
    broken = judge.broken or watch.broken
    reporter.phase("evaluating")
    indices = dataset.indices("validation")
    probabilities = best.probabilities if recipe.exact else predict(recipe.served, dataset.pixels, indices)
    metrics = evaluate(dataset.labels[indices], probabilities, dataset.classes)
    reporter.phase("exporting")
    folder.mkdir(parents=True, exist_ok=True)
    write = recipe.export or partial(export.export, recipe.served)
    write(folder)
    return Artefacts(
        folder=folder,
        history=tuple(judge.history),
        best_epoch=best.epoch,
        stopped=watch.asked == "stop" or broken,
        note=BROKEN if broken else "",
        predictions=predictions(dataset, probabilities),
        metrics=metrics,
        agreement=export.agreement(dataset, probabilities, folder / export.LITERT_FILE),
        libraries=_libraries(),
        weights=dict(recipe.weights),
    )


def _fit(task: Task, recipe: Recipe) -> tuple[EpochEvaluator, StopMonitor]:
    judge = EpochEvaluator(task, recipe.learner, recipe.stages[0])
    watch = StopMonitor(task, judge, recipe.stages)
    keeper = CheckpointCallback(task, recipe, judge, watch)
    try:
        for number in range(keeper.number, len(recipe.stages)):
            stock = _stock(task.spec)
            done = keeper.begin(number, stock)
            judge.begin(recipe.stages[number], done)
            _fit_stage(task, judge, done, [judge.average, judge, *stock, watch, keeper])
    except Interrupted:
        if watch.asked == "pause":
            raise Paused from None
    return judge, watch


def _fit_stage(
    task: Task, judge: EpochEvaluator, done: int, callbacks: list[keras.callbacks.Callback]
) -> None:
    stage, first = judge.stage, len(judge.history)
    stage.prepare()
    compile_net(stage.net, task.spec, stage.rate)
    feed = InputPipeline(task.dataset, task.spec, task.class_weights, stage.examples)
    chosen = policy(task.spec)
    halved = [MixedPrecision(chosen)] if chosen != FULL else []
    pace = LearningRateSchedule(task.spec, stage.rate, stage.epochs, first - done)
    stage.net.fit(
        feed.batches(first * feed.steps),
        initial_epoch=first,
        epochs=first + stage.epochs - done,
        steps_per_epoch=feed.steps,
        shuffle=False,
        verbose=0,
        callbacks=[*halved, pace, *callbacks],
    )


def _check(dataset: Dataset) -> None:
    if len(dataset.classes) < _MIN_CLASSES:
        raise TrainingFailed("There is only one class; training needs pictures of at least two.")
    for split in ("train", "validation"):
        if not len(dataset.indices(split)):
            raise TrainingFailed(f"There is no {split} picture; label more pictures or change the split.")


def _stock(spec: TrainingSpec) -> list[keras.callbacks.Callback]:
    stopping = keras.callbacks.EarlyStopping(patience=spec.patience, monitor=SIGNAL, mode="max")
    if spec.schedule != "plateau":
        return [stopping]
    plateau = keras.callbacks.ReduceLROnPlateau(
        factor=spec.plateau_factor, patience=spec.plateau_patience, monitor=SIGNAL, mode="max"
    )
    return [plateau, stopping]


def _kept(judge: EpochEvaluator, watch: StopMonitor) -> BestWeights:
    if judge.best:
        return judge.best
    if watch.asked:
        raise StoppedEarly
    raise TrainingFailed("The loss is no longer a number; train again with a smaller learning rate.")


def predictions(dataset: Dataset, probabilities: np.ndarray) -> tuple[HeldOutPrediction, ...]:
    """Answers ``(N, classes)`` for the validation pictures of a dataset, in its order."""
    rows = zip(dataset.indices("validation"), probabilities.astype(float).round(6).tolist(), strict=True)
    return tuple(
        HeldOutPrediction(int(dataset.image_ids[i]), int(dataset.labels[i]), tuple(row)) for i, row in rows
    )


def _libraries() -> dict[str, str]:
    versions = {"tensorflow": tf.__version__, "keras": keras.__version__, "numpy": np.__version__}
    return versions | {"ai-edge-litert": version("ai-edge-litert")}
