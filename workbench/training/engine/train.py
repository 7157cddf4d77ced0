"""Trains a net on a dataset folder. Independent of the database and the server.

The interface of recipes is described in :mod:`workbench.training.engine.recipe`; they are registered in ``RECIPES``.
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

from storage.records import ValidationPrediction
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
from workbench.training.reporter import EpochRecord, Reporter, RunPaths, TrialRecord
from workbench.training.spec import FINE_TUNE, INSTANT, SCRATCH, TrainingSpec, class_weight_table

RECIPES: Mapping[str, Callable[[Task], Recipe]] = {SCRATCH: scratch, INSTANT: instant, FINE_TUNE: fine_tune}
_MIN_CLASSES = 2
ONE_CLASS = "There is only one class; training needs pictures of at least two."
NO_PICTURE = "There is no {split} picture; label more pictures or change the split."
LOSS_NOT_FINITE = "The loss is no longer a number; train again with a smaller learning rate."
DIVERGED = "The loss was no longer a number, so training ended there; the best epoch before is kept. A smaller learning rate usually helps."


@dataclass(frozen=True)
class Artefacts:
    """Results of a training run.

    Attributes:
        folder: Holds ``model.keras`` and ``model.tflite``.
        history: One record per epoch.
        best_epoch: The epoch whose weights the model has, counted from 1.
        stopped: Whether the run ended early, on request or because its loss was no longer finite.
        note: Note for the user on how it ended; usually empty.
        predictions: For every validation picture.
        metrics: As :func:`workbench.evaluation.metrics.evaluate` gives them, on the validation pictures.
        agreement: Largest difference in probability between the Keras and the LiteRT model.
        libraries: Versions of the libraries that trained it.
        weights: The pretrained weights it starts from: file and SHA-256; empty if there are none.
        trials: Trials of a search.
    """

    folder: Path
    history: tuple[EpochRecord, ...]
    best_epoch: int
    stopped: bool
    note: str
    predictions: tuple[ValidationPrediction, ...]
    metrics: dict[str, Any]
    agreement: float
    libraries: dict[str, str]
    weights: dict[str, str] = field(default_factory=dict)
    trials: tuple[TrialRecord, ...] = ()


def limit_threads() -> None:
    """Limit TensorFlow to one thread per core, or ``TF_NUM_INTRAOP_THREADS`` threads; call it before any other use of TensorFlow."""
    tf.config.threading.set_intra_op_parallelism_threads(
        int(os.environ.get("TF_NUM_INTRAOP_THREADS") or cores())
    )
    tf.config.threading.set_inter_op_parallelism_threads(1)
    cv2.setNumThreads(1)


def release_memory() -> None:
    """Free the memory that Keras holds for earlier nets."""
    keras.backend.clear_session()


def train(dataset: Dataset, spec: TrainingSpec, reporter: Reporter, place: RunPaths) -> Artefacts:
    """Train, evaluate and export a net.

    Args:
        dataset: The pictures and their split.
        spec: The settings; its recipe must be in ``RECIPES``, so not a search.
        reporter: Receives phases, steps and epochs; polled for a requested stop or pause after every batch.
        place: Folders of the run. Training resumes from the checkpoints in ``place.checkpoints``.

    Raises:
        TrainingFailed: The dataset cannot be trained on, the loss is not finite before an epoch is finished, or the predictions
            of the exported model differ from those of the trained one.
        StoppedEarly: A stop was requested before the first epoch was finished.
        Paused: A pause was requested.
        InvalidSpec: The class weights do not match the classes.
    """
    task, recipe, evaluator, stop_monitor = _run_stages(dataset, spec, reporter, place)
    recipe.learner.set_weights(_best_or_fail(evaluator, stop_monitor).weights)
    return _evaluate_and_export(task, recipe, evaluator, stop_monitor)


def train_and_predict(
    dataset: Dataset, spec: TrainingSpec, reporter: Reporter, place: RunPaths
) -> np.ndarray:
    """Train a net without exporting it.

    Returns:
        Probabilities ``(N, classes)`` of the best epoch for the validation pictures. :func:`train` can export the model of the
        same epoch later from the checkpoints in ``place.checkpoints``.

    Raises:
        TrainingFailed: The dataset cannot be trained on, or the loss is not finite before an epoch is finished.
        StoppedEarly: A stop was requested before training was finished.
        Paused: A pause was requested.
        InvalidSpec: The class weights do not match the classes.
    """
    *_, evaluator, stop_monitor = _run_stages(dataset, spec, reporter, place)
    if stop_monitor.requested_action:
        raise StoppedEarly
    return _best_or_fail(evaluator, stop_monitor).probabilities


def _run_stages(
    dataset: Dataset, spec: TrainingSpec, reporter: Reporter, place: RunPaths
) -> tuple[Task, Recipe, EpochEvaluator, StopMonitor]:
    reporter.phase("preparing")
    _check(dataset)
    weight_table = class_weight_table(dataset.counts("train"), spec.class_weights)
    weights = np.array([weight_table[name] for name in dataset.classes], dtype=np.float32)
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(spec.seed)
    task = Task(dataset, spec, weights, reporter, place)
    with strategy().scope():
        recipe = RECIPES[spec.recipe](task)
        reporter.phase("training")
        evaluator, stop_monitor = _fit(task, recipe)
    return task, recipe, evaluator, stop_monitor


def _evaluate_and_export(
    task: Task, recipe: Recipe, evaluator: EpochEvaluator, stop_monitor: StopMonitor
) -> Artefacts:
    dataset, reporter, folder = task.dataset, task.reporter, task.place.model
    best = _best_or_fail(evaluator, stop_monitor)
    diverged = evaluator.diverged or stop_monitor.diverged
    reporter.phase("evaluating")
    indices = dataset.indices("validation")
    probabilities = best.probabilities if recipe.exact else predict(recipe.served, dataset.pixels, indices)
    metrics = evaluate(dataset.labels[indices], probabilities, dataset.classes)
    reporter.phase("exporting")
    folder.mkdir(parents=True, exist_ok=True)
    write_model = recipe.export or partial(export.export, recipe.served)
    write_model(folder)
    return Artefacts(
        folder=folder,
        history=tuple(evaluator.history),
        best_epoch=best.epoch,
        stopped=stop_monitor.requested_action == "stop" or diverged,
        note=DIVERGED if diverged else "",
        predictions=predictions(dataset, probabilities),
        metrics=metrics,
        agreement=export.agreement(dataset, probabilities, folder / export.LITERT_FILE),
        libraries=_libraries(),
        weights=dict(recipe.weights),
    )


def _fit(task: Task, recipe: Recipe) -> tuple[EpochEvaluator, StopMonitor]:
    evaluator = EpochEvaluator(task, recipe.learner, recipe.stages[0])
    stop_monitor = StopMonitor(task, evaluator, recipe.stages)
    checkpoint_callback = CheckpointCallback(task, recipe, evaluator, stop_monitor)
    try:
        for number in range(checkpoint_callback.number, len(recipe.stages)):
            keras_callbacks = _keras_callbacks(task.spec)
            done = checkpoint_callback.begin(number, keras_callbacks)
            evaluator.begin(recipe.stages[number], done)
            _fit_stage(
                task,
                evaluator,
                done,
                [evaluator.average, evaluator, *keras_callbacks, stop_monitor, checkpoint_callback],
            )
    except Interrupted:
        if stop_monitor.requested_action == "pause":
            raise Paused from None
    return evaluator, stop_monitor


def _fit_stage(
    task: Task, evaluator: EpochEvaluator, done: int, callbacks: list[keras.callbacks.Callback]
) -> None:
    stage, first = evaluator.stage, len(evaluator.history)
    stage.prepare()
    compile_net(stage.net, task.spec, stage.rate)
    pipeline = InputPipeline(task.dataset, task.spec, task.class_weights, stage.examples)
    dtype_policy = policy(task.spec)
    precision_callbacks = [MixedPrecision(dtype_policy)] if dtype_policy != FULL else []
    schedule = LearningRateSchedule(task.spec, stage.rate, stage.epochs, first - done)
    stage.net.fit(
        pipeline.batches(first * pipeline.steps),
        initial_epoch=first,
        epochs=first + stage.epochs - done,
        steps_per_epoch=pipeline.steps,
        shuffle=False,
        verbose=0,
        callbacks=[*precision_callbacks, schedule, *callbacks],
    )


def _check(dataset: Dataset) -> None:
    if len(dataset.classes) < _MIN_CLASSES:
        raise TrainingFailed(ONE_CLASS)
    for split in ("train", "validation"):
        if not len(dataset.indices(split)):
            raise TrainingFailed(NO_PICTURE.format(split=split))


def _keras_callbacks(spec: TrainingSpec) -> list[keras.callbacks.Callback]:
    stopping = keras.callbacks.EarlyStopping(patience=spec.patience, monitor=SIGNAL, mode="max")
    if spec.schedule != "plateau":
        return [stopping]
    plateau = keras.callbacks.ReduceLROnPlateau(
        factor=spec.plateau_factor, patience=spec.plateau_patience, monitor=SIGNAL, mode="max"
    )
    return [plateau, stopping]


def _best_or_fail(evaluator: EpochEvaluator, stop_monitor: StopMonitor) -> BestWeights:
    if evaluator.best:
        return evaluator.best
    if stop_monitor.requested_action:
        raise StoppedEarly
    raise TrainingFailed(LOSS_NOT_FINITE)


def predictions(dataset: Dataset, probabilities: np.ndarray) -> tuple[ValidationPrediction, ...]:
    """Convert probabilities ``(N, classes)`` for the validation pictures, in the order of the dataset, into records."""
    rows = zip(dataset.indices("validation"), probabilities.astype(float).round(6).tolist(), strict=True)
    return tuple(
        ValidationPrediction(
            int(dataset.image_ids[index]), int(dataset.labels[index]), int(np.argmax(row)), tuple(row)
        )
        for index, row in rows
    )


def _libraries() -> dict[str, str]:
    versions = {"tensorflow": tf.__version__, "keras": keras.__version__, "numpy": np.__version__}
    return versions | {"ai-edge-litert": version("ai-edge-litert")}
