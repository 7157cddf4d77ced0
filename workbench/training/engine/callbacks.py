"""What is watched while a net trains: progress, requests to stop, and the best epoch so far."""

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

_KEPT = 0.99
SIGNAL = "signal"


class Interrupted(Exception):
    """Ends training at once; the best epoch so far is kept."""


@dataclass(frozen=True)
class BestWeights:
    """The best epoch so far: its weights and its probabilities ``(N, classes)`` for the validation pictures."""

    epoch: int
    weights: list[np.ndarray]
    probabilities: np.ndarray


class WeightAverage(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps a moving average of the weights, batch statistics included: steadier than the last step's, and better on few pictures.

    Source: Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging" (1992); the young average forgets
    faster, as TensorFlow's ``ExponentialMovingAverage`` does with ``num_updates``.

    Attributes:
        weights: The average so far.
        steps: How many steps went into it.
    """

    def __init__(self, learner: keras.Model) -> None:
        """Start without an average of a net's weights."""
        super().__init__()
        self.weights: list[np.ndarray] = []
        self._learner = learner
        self.steps = 0

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Take a step's weights into the average."""
        latest = self._learner.get_weights()
        self.steps += 1
        taken = 1 - min(_KEPT, (1 + self.steps) / (10 + self.steps))
        self.weights = self.weights or latest
        for mean, value in zip(self.weights, latest, strict=True):
            np.add(mean, taken * (value - mean), out=mean)


class EpochEvaluator(keras.callbacks.Callback):  # type: ignore[misc]
    """Judges the averaged weights of every epoch on the validation pictures, once, and keeps the best.

    Must come before the stock callbacks, which look for its figures.

    Attributes:
        average: The weights that are judged.
        history: What every finished epoch gave.
        best: The best epoch so far.
        broken: Training was halted because an epoch's weights or answers were no numbers.
        stage: The stage that is going on.
        first: The weights that it began with, where it keeps something of them.
    """

    def __init__(self, task: Task, learner: keras.Model, stage: Stage) -> None:
        """Judge the weights of a learner by the answers of a stage."""
        super().__init__()
        self.average = WeightAverage(learner)
        self.history: list[EpochRecord] = []
        self.best: BestWeights | None = None
        self.broken = False
        self.stage = stage
        self.first: list[np.ndarray] = []
        self._task = task
        self._learner = learner
        self._indices = task.dataset.indices("validation")
        self._began = 0.0
        self._kept = BestEpoch(task.spec.monitor)

    def begin(self, stage: Stage, done: int) -> None:
        """A stage begins, or goes on after some of its epochs."""
        self.stage = stage
        if not done:
            self.first = self._learner.get_weights() if stage.reach < 1 else []

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Start the epoch's clock."""
        self._began = monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
        """Judge the epoch and put the validation figures into ``logs``, where the stock callbacks look for them.

        Raises:
            Halted: Training ends here.
        """
        latest = self._learner.get_weights()
        self._learner.set_weights(self._reached())
        probabilities = self.stage.answers()
        # A ReLU makes 0 of what is no number: answers may look sound while the weights are not.
        self.broken = not all(np.isfinite(each).all() for each in (probabilities, *self.average.weights))
        if self.broken:
            raise Interrupted
        logs.update(self._figures(probabilities))
        self._record(epoch + 1, logs, probabilities)
        self._learner.set_weights(latest)

    def _reached(self) -> list[np.ndarray]:
        """Between the first weights of the stage and the average.

        Source: Wortsman et al., "Robust fine-tuning of zero-shot models" (2022).
        """
        if not self.first:
            return self.average.weights
        pairs = zip(self.first, self.average.weights, strict=True)
        return [first + self.stage.reach * (mean - first) for first, mean in pairs]

    def restore(self, facts: Mapping[str, Any], arrays: Mapping[str, Sequence[np.ndarray]]) -> None:
        """Go on from where a checkpoint was written; its epochs are reported once more."""
        self.first = list(arrays.get("first", ()))
        self.average.weights, self.average.steps = list(arrays["average"]), facts["averaged"]
        self.best = BestWeights(facts["best"], list(arrays["best"]), arrays["probabilities"][0])
        self.history = [EpochRecord(**record) for record in facts["history"]]
        for record in self.history:
            self._kept.take(asdict(record))
            self._task.reporter.epoch(record)

    def _record(self, epoch: int, logs: dict[str, Any], probabilities: np.ndarray) -> None:
        names = ("loss", "accuracy", "val_loss", "val_accuracy", "val_macro_f1")
        figures = {name: float(logs[name]) for name in names}
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        seconds = monotonic() - self._began
        record = EpochRecord(epoch=epoch, learning_rate=rate, seconds=seconds, **figures)
        if self._kept.take(asdict(record)):
            self.best = BestWeights(epoch, self._learner.get_weights(), probabilities)
        logs[SIGNAL] = self._kept.signal
        self.history.append(record)
        self._task.reporter.epoch(record)

    def _figures(self, probabilities: np.ndarray) -> dict[str, float]:
        true = self._task.dataset.labels[self._indices]
        answers = probabilities.argmax(axis=1)
        losses = -np.log(np.maximum(probabilities[np.arange(len(true)), true], 1e-7))
        return {
            "val_loss": float((losses * self._task.class_weights[true]).mean()),
            "val_accuracy": float((answers == true).mean()),
            "val_macro_f1": float(macro_f1(confusion(true, answers, probabilities.shape[1]))),
        }


class StopMonitor(keras.callbacks.Callback):  # type: ignore[misc]
    """Reports every step, and halts training on request, when time is up, or when the loss is no number.

    Attributes:
        asked: What was asked for where that halted training: ``stop`` or ``pause``, else empty.
        broken: Training was halted because the loss was no number.
        late: Training was halted because its time was up.
        before: Seconds that were spent before an interruption.
    """

    def __init__(self, task: Task, judge: EpochEvaluator, stages: Sequence[Stage]) -> None:
        """Watch a run of some stages, whose epochs ``judge`` judges."""
        super().__init__()
        self.asked = ""
        self.broken = False
        self.late = False
        self._judge = judge
        self._task = task
        self.before = 0.0
        self._epochs = sum(stage.epochs for stage in stages)
        self._pictures = len(task.dataset.indices("train"))
        self._pace = EtaEstimator(stages, len(task.dataset.indices("validation")) / self._pictures)
        self._began = monotonic()
        self._epoch = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """A stage begins."""
        self._pace.begin(self._judge.stage)

    @property
    def seconds(self) -> float:
        """Time spent on training, that before an interruption included."""
        return self.before + monotonic() - self._began

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Note the epoch."""
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: dict[str, Any]) -> None:
        """Report the step and look for reasons to halt.

        Raises:
            Halted: Training ends here.
        """
        steps = self.params["steps"]
        self._report(batch + 1, steps)
        if not math.isfinite(logs["loss"]):
            self.broken = True
            raise Interrupted
        if self._judge.best is None and batch + 1 == steps:
            return  # the epoch is whole and about to be judged: then there is a model to keep
        self.asked = self._task.reporter.asked()
        self.late = bool(self._judge.best and 0 < 60 * self._task.spec.max_minutes <= self.seconds)
        if self.asked or self.late:
            raise Interrupted

    def _report(self, step: int, steps: int) -> None:
        self._pace.lap(step, steps, monotonic())
        taken = self._pace.step_seconds
        rate = self._pictures / steps / taken if taken else None
        left = self._pace.left(self._epoch, step, steps)
        limit = 60 * self._task.spec.max_minutes
        if left is not None and limit:
            left = min(left, max(limit - self.seconds, 0.0))
        self._task.reporter.step(Progress(self._epoch, self._epochs, step, steps, rate, left))
