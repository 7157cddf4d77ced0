"""Trains a net on a dataset folder. Knows neither the database nor the server."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import tensorflow as tf

from workbench.cores import cores
from workbench.errors import StoppedEarly, TrainingFailed
from workbench.evaluation import evaluate
from workbench.training import export
from workbench.training.architectures import build, mirrored
from workbench.training.callbacks import SCORE, Best, Halted, Judge, Task, Watch
from workbench.training.dataset import Dataset
from workbench.training.feed import Feed
from workbench.training.reports import EpochRecord, Progress, Reporter
from workbench.training.spec import TrainingSpec, class_weight_table

__all__ = ["Artefacts", "EpochRecord", "Prediction", "Progress", "Reporter", "limit_threads", "train"]

_MIN_CLASSES = 2
BROKEN = "The loss was no longer a number, so training ended there; the best epoch before is kept. A smaller learning rate usually helps."
_WEIGHT_DECAY = {
    "compact": 0.5,
    "classic": None,
}  # a step takes this share of the learning rate off the weights


@dataclass(frozen=True)
class Prediction:
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
        metrics: As :func:`workbench.evaluation.evaluate` gives them, on the validation pictures.
        agreement: Largest difference in probability between the Keras and the LiteRT model.
        libraries: Versions of what trained it.
    """

    folder: Path
    history: tuple[EpochRecord, ...]
    best_epoch: int
    stopped: bool
    note: str
    predictions: tuple[Prediction, ...]
    metrics: dict[str, Any]
    agreement: float
    libraries: dict[str, str]


def limit_threads() -> None:
    """Use as many threads as this process has cores; call it before anything else of TensorFlow."""
    tf.config.threading.set_intra_op_parallelism_threads(cores())
    tf.config.threading.set_inter_op_parallelism_threads(1)
    cv2.setNumThreads(1)


def train(dataset: Dataset, spec: TrainingSpec, reporter: Reporter, folder: Path) -> Artefacts:
    """Train, judge and export a net.

    Args:
        dataset: The pictures and their split.
        spec: The settings.
        reporter: Hears of phases, steps and epochs, and is asked for a stop after every batch.
        folder: Where the model's files go; made if it is not there.

    Raises:
        TrainingFailed: The dataset cannot be trained on, the loss is no number before an epoch is finished, or the exported
            model does not agree with the trained one.
        StoppedEarly: A stop was asked for before the first epoch was finished.
        InvalidSpec: The class weights do not fit the classes.
    """
    reporter.phase("preparing")
    _check(dataset)
    table = class_weight_table(dataset.counts("train"), spec.class_weights)
    weights = np.array([table[name] for name in dataset.classes], dtype=np.float32)
    keras.utils.set_random_seed(spec.seed)
    net = compiled(spec, len(dataset.classes))
    served = mirrored(net) if spec.augmentation.strength("flip") else net
    reporter.phase("training")
    judge, watch = _fit(Task(dataset, spec, weights, reporter), net, served)
    best = _kept(judge, watch)
    broken = judge.broken or watch.broken
    net.set_weights(best.weights)
    reporter.phase("evaluating")
    metrics = evaluate(dataset.labels[dataset.indices("validation")], best.probabilities, dataset.classes)
    reporter.phase("exporting")
    folder.mkdir(parents=True, exist_ok=True)
    export.export(served, folder)
    return Artefacts(
        folder=folder,
        history=tuple(judge.history),
        best_epoch=best.epoch,
        stopped=watch.requested or broken,
        note=BROKEN if broken else "",
        predictions=_predictions(dataset, best.probabilities),
        metrics=metrics,
        agreement=export.agreement(dataset, best.probabilities, folder / export.LITERT_FILE),
        libraries=_libraries(),
    )


def _fit(task: Task, net: keras.Model, served: keras.Model) -> tuple[Judge, Watch]:
    judge = Judge(task, served)
    watch = Watch(task, judge)
    callbacks = [judge.average, judge, *_stock(task.spec), watch]
    feed = Feed(task.dataset, task.spec, task.class_weights)
    with contextlib.suppress(Halted):
        net.fit(
            feed.batches(),
            epochs=task.spec.epochs,
            steps_per_epoch=feed.steps,
            shuffle=False,
            verbose=0,
            callbacks=callbacks,
        )
    return judge, watch


def _check(dataset: Dataset) -> None:
    if len(dataset.classes) < _MIN_CLASSES:
        raise TrainingFailed("There is only one class; training needs pictures of at least two.")
    for split in ("train", "validation"):
        if not len(dataset.indices(split)):
            raise TrainingFailed(f"There is no {split} picture; label more pictures or change the split.")


def compiled(spec: TrainingSpec, classes: int) -> keras.Model:
    """A fresh net, ready to train as the spec says."""
    net = build(spec.architecture, classes)
    # Keras refuses a whole number.
    rate = float(spec.learning_rate)
    optimizer = keras.optimizers.Adam(rate, weight_decay=_WEIGHT_DECAY[spec.architecture])
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    net.compile(
        optimizer=optimizer,
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,
    )
    return net


def _stock(spec: TrainingSpec) -> list[keras.callbacks.Callback]:
    plateau = keras.callbacks.ReduceLROnPlateau(
        factor=spec.plateau_factor, patience=spec.plateau_patience, monitor=SCORE, mode="max"
    )
    return [plateau, keras.callbacks.EarlyStopping(patience=spec.patience, monitor=SCORE, mode="max")]


def _kept(judge: Judge, watch: Watch) -> Best:
    if judge.best:
        return judge.best
    if watch.requested:
        raise StoppedEarly
    raise TrainingFailed("The loss is no longer a number; train again with a smaller learning rate.")


def _predictions(dataset: Dataset, probabilities: np.ndarray) -> tuple[Prediction, ...]:
    rows = zip(dataset.indices("validation"), probabilities.astype(float).round(6).tolist(), strict=True)
    return tuple(Prediction(int(dataset.image_ids[i]), int(dataset.labels[i]), tuple(row)) for i, row in rows)


def _libraries() -> dict[str, str]:
    versions = {"tensorflow": tf.__version__, "keras": keras.__version__, "numpy": np.__version__}
    return versions | {"ai-edge-litert": version("ai-edge-litert")}
