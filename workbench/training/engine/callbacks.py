"""Keras callbacks: weight averaging, evaluation and best-epoch selection, progress reporting and stopping. Worker process only."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Any

import keras
import numpy as np

from workbench.evaluation.best_epoch import BestEpoch
from workbench.evaluation.metrics import confusion, macro_f1
from workbench.training.engine.eta import EtaEstimator
from workbench.training.engine.recipe import Stage, Task
from workbench.training.reporter import EpochRecord, Progress

_DECAY = 0.99
SIGNAL = "signal"


class Interrupted(Exception):
    """Raised by callbacks to end training at once; the best epoch so far is kept."""


@dataclass(frozen=True)
class BestWeights:
    """Weights and validation probabilities ``(N, classes)`` of the best epoch so far."""

    epoch: int
    weights: list[np.ndarray]
    probabilities: np.ndarray


class WeightAverage(keras.callbacks.Callback):  # type: ignore[misc]
    """Exponential moving average of all weights, batch normalisation statistics included.

    It varies less between steps than the weights themselves and generalises better on small datasets.

    Source: Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging" (1992); the decay is
    ``min(0.99, (1 + steps) / (10 + steps))``, as in TensorFlow's ``ExponentialMovingAverage`` with ``num_updates``.

    Attributes:
        weights: The average so far.
        steps: Number of averaged steps.
    """

    def __init__(self, learner: keras.Model) -> None:
        """Average the weights of ``learner``, starting with its first training step."""
        super().__init__()
        self.weights: list[np.ndarray] = []
        self._learner = learner
        self.steps = 0

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Update the average with the weights after a step."""
        latest = self._learner.get_weights()
        self.steps += 1
        update_rate = 1 - min(_DECAY, (1 + self.steps) / (10 + self.steps))
        self.weights = self.weights or latest
        for mean, value in zip(self.weights, latest, strict=True):
            np.add(mean, update_rate * (value - mean), out=mean)


class EpochEvaluator(keras.callbacks.Callback):  # type: ignore[misc]
    """Evaluates the averaged weights of every epoch on the validation pictures and keeps the best.

    Must come before Keras' own callbacks, which read its metrics from ``logs``.

    Attributes:
        average: The averaged weights, which are evaluated.
        history: One record per finished epoch.
        best: The best epoch so far.
        broken: Training was halted because weights or probabilities of an epoch were not finite.
        stage: The current stage.
        first: Initial weights of the stage if its ``reach`` is below 1, else empty.
    """

    def __init__(self, task: Task, learner: keras.Model, stage: Stage) -> None:
        """Evaluate the weights of ``learner``, beginning with ``stage``."""
        super().__init__()
        self.average = WeightAverage(learner)
        self.history: list[EpochRecord] = []
        self.best: BestWeights | None = None
        self.diverged = False
        self.stage = stage
        self.first: list[np.ndarray] = []
        self._task = task
        self._learner = learner
        self._indices = task.dataset.indices("validation")
        self._began = 0.0
        self._selection = BestEpoch(task.spec.monitor)

    def begin(self, stage: Stage, done: int) -> None:
        """Start a stage, or resume it after ``done`` of its epochs."""
        self.stage = stage
        if not done:
            self.first = self._learner.get_weights() if stage.interpolation < 1 else []

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Record the start time of the epoch."""
        self._began = monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
        """Evaluate the epoch and put the validation metrics into ``logs``, where Keras' own callbacks read them.

        Raises:
            Interrupted: Weights or probabilities are not finite.
        """
        latest = self._learner.get_weights()
        self._learner.set_weights(self._interpolated_weights())
        probabilities = self.stage.answers()
        # ReLU maps NaN to 0: probabilities can be finite although the weights are not.
        self.diverged = not all(np.isfinite(array).all() for array in (probabilities, *self.average.weights))
        if self.diverged:
            raise Interrupted
        logs.update(self._validation_metrics(probabilities))
        self._record(epoch + 1, logs, probabilities)
        self._learner.set_weights(latest)

    def _interpolated_weights(self) -> list[np.ndarray]:
        """Interpolate between the initial weights of the stage and the averaged weights.

        Source: Wortsman et al., "Robust fine-tuning of zero-shot models" (2022).
        """
        if not self.first:
            return self.average.weights
        weight_pairs = zip(self.first, self.average.weights, strict=True)
        return [initial + self.stage.interpolation * (average - initial) for initial, average in weight_pairs]

    def restore(self, facts: Mapping[str, Any], arrays: Mapping[str, Sequence[np.ndarray]]) -> None:
        """Restore the state from a checkpoint; its epochs are reported again."""
        self.first = list(arrays.get("first", ()))
        self.average.weights, self.average.steps = list(arrays["average"]), facts["averaged"]
        self.best = BestWeights(facts["best"], list(arrays["best"]), arrays["probabilities"][0])
        self.history = [EpochRecord(**record) for record in facts["history"]]
        for record in self.history:
            self._selection.take(asdict(record))
            self._task.reporter.epoch(record)

    def _record(self, epoch: int, logs: dict[str, Any], probabilities: np.ndarray) -> None:
        names = ("loss", "accuracy", "val_loss", "val_accuracy", "val_macro_f1")
        metrics = {name: float(logs[name]) for name in names}
        learning_rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        seconds = monotonic() - self._began
        record = EpochRecord(epoch=epoch, learning_rate=learning_rate, seconds=seconds, **metrics)
        if self._selection.take(asdict(record)):
            self.best = BestWeights(epoch, self._learner.get_weights(), probabilities)
        logs[SIGNAL] = self._selection.signal
        self.history.append(record)
        self._task.reporter.epoch(record)

    def _validation_metrics(self, probabilities: np.ndarray) -> dict[str, float]:
        true = self._task.dataset.labels[self._indices]
        predicted = probabilities.argmax(axis=1)
        losses = -np.log(np.maximum(probabilities[np.arange(len(true)), true], 1e-7))
        return {
            "val_loss": float((losses * self._task.class_weights[true]).mean()),
            "val_accuracy": float((predicted == true).mean()),
            "val_macro_f1": float(macro_f1(confusion(true, predicted, probabilities.shape[1]))),
        }


class StopMonitor(keras.callbacks.Callback):  # type: ignore[misc]
    """Reports every step, and halts training on request, at the time limit, or when the loss is not finite.

    Attributes:
        asked: The requested action that halted training: ``stop`` or ``pause``, else empty.
        broken: Training was halted because the loss was not finite.
        late: Training was halted by the time limit.
        before: Training time in seconds before the run was resumed.
    """

    def __init__(self, task: Task, evaluator: EpochEvaluator, stages: Sequence[Stage]) -> None:
        """Monitor a run; ``evaluator`` evaluates the epochs of its ``stages``."""
        super().__init__()
        self.requested_action = ""
        self.diverged = False
        self.out_of_time = False
        self._evaluator = evaluator
        self._task = task
        self.before = 0.0
        self._epochs = sum(stage.epochs for stage in stages)
        self._pictures = len(task.dataset.indices("train"))
        self._eta = EtaEstimator(stages, len(task.dataset.indices("validation")) / self._pictures)
        self._began = monotonic()
        self._epoch = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Start timing the stage."""
        self._eta.begin(self._evaluator.stage)

    @property
    def seconds(self) -> float:
        """Training time in seconds, including the time before the run was resumed."""
        return self.before + monotonic() - self._began

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Remember the epoch, counted from 1."""
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: dict[str, Any]) -> None:
        """Report the step and check all conditions to halt.

        Raises:
            Interrupted: The loss is not finite, a stop or pause was requested, or the time limit is reached.
        """
        steps = self.params["steps"]
        self._report(batch + 1, steps)
        if not math.isfinite(logs["loss"]):
            self.diverged = True
            raise Interrupted
        if self._evaluator.best is None and batch + 1 == steps:
            return  # the first epoch is complete and will be evaluated next: then there is a model to keep
        self.requested_action = self._task.reporter.requested_action()
        self.out_of_time = bool(self._evaluator.best and 0 < 60 * self._task.spec.max_minutes <= self.seconds)
        if self.requested_action or self.out_of_time:
            raise Interrupted

    def _report(self, step: int, steps: int) -> None:
        self._eta.record_step(step, steps, monotonic())
        step_seconds = self._eta.step_seconds
        pictures_per_second = self._pictures / steps / step_seconds if step_seconds else None
        remaining = self._eta.left(self._epoch, step, steps)
        time_limit = 60 * self._task.spec.max_minutes
        if remaining is not None and time_limit:
            remaining = min(remaining, max(time_limit - self.seconds, 0.0))
        self._task.reporter.step(
            Progress(self._epoch, self._epochs, step, steps, pictures_per_second, remaining)
        )
