"""Checkpoints: written after every epoch, verified by a SHA-256 digest when read. Imported by the worker process only."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from storage.core.errors import is_disk_full
from workbench.training.engine.callbacks import EpochEvaluator, StopMonitor
from workbench.training.engine.recipe import Recipe, Stage, Task

log = logging.getLogger("checkpoints")
_SUFFIX = ".checkpoint"
_KEPT_FILES = 2  # the previous one is kept in case the latest is damaged
_FACTS = "facts"
_DIGEST_BYTES = 32
_FORMAT = 2
_KERAS_CALLBACK_FIELDS = ("wait", "best", "cooldown_counter", "stopped_epoch")


@dataclass(frozen=True)
class Checkpoint:
    """State between two epochs: JSON-serialisable facts, and lists of arrays by name."""

    facts: Mapping[str, Any]
    arrays: Mapping[str, Sequence[np.ndarray]]


class Checkpoints:
    """The checkpoints of one run in its own folder."""

    def __init__(self, folder: Path, fingerprint: str) -> None:
        """Open a folder; only checkpoints with the same fingerprint of dataset and spec are read."""
        self._folder = folder
        self._fingerprint = fingerprint

    def write(self, epoch: int, checkpoint: Checkpoint) -> None:
        """Write a checkpoint atomically and delete all but the ``_KEPT_FILES`` newest.

        If the disk is full, the existing checkpoints stay and the run continues.

        Raises:
            OSError: The folder cannot be written to for a reason other than a full disk.
        """
        file = self._folder / f"epoch-{epoch:06d}{_SUFFIX}"
        part = file.with_suffix(".part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            _write_with_digest(part, self._serialise(checkpoint).getbuffer())
            part.replace(file)
        except OSError as error:
            if not is_disk_full(error):
                raise
            part.unlink(missing_ok=True)
            log.warning("the disk is full: epoch %s is not kept for going on after an interruption", epoch)
            return
        for old in self._files()[_KEPT_FILES:]:
            old.unlink(missing_ok=True)

    def latest(self) -> Checkpoint | None:
        """The newest intact checkpoint of this run; None if there is none."""
        for file in self._files():
            checkpoint = self._deserialise(file.read_bytes())
            if checkpoint:
                log.info("going on with %s", file.name)
                return checkpoint
            log.warning("%s is damaged or of another run; looking for the one before", file.name)
        return None

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob(f"epoch-*{_SUFFIX}"), reverse=True)

    def _serialise(self, checkpoint: Checkpoint) -> io.BytesIO:
        facts = {**checkpoint.facts, "fingerprint": self._fingerprint}
        arrays: dict[str, Any] = {_FACTS: np.frombuffer(json.dumps(facts).encode(), np.uint8)}
        for name, group in checkpoint.arrays.items():
            arrays |= {f"{name}-{index}": array for index, array in enumerate(group)}
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        return buffer

    def _deserialise(self, data: bytes) -> Checkpoint | None:
        digest, content = data[:_DIGEST_BYTES], memoryview(data)[_DIGEST_BYTES:]
        if hashlib.sha256(content).digest() != digest:
            return None
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            facts = json.loads(archive[_FACTS].tobytes())
            groups: dict[str, list[np.ndarray]] = {}
            for name in archive.files:
                if name != _FACTS:
                    groups.setdefault(name.rpartition("-")[0], []).append(archive[name])
        return Checkpoint(facts, groups) if facts["fingerprint"] == self._fingerprint else None


class CheckpointCallback(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes a checkpoint after every epoch, and restores a run from its checkpoint. Must come after all other callbacks.

    Attributes:
        number: Index of the stage to continue with; the number of stages if all are done.
    """

    def __init__(
        self, task: Task, recipe: Recipe, evaluator: EpochEvaluator, stop_monitor: StopMonitor
    ) -> None:
        """Restore the state of a run from the latest checkpoint, if any.

        Args:
            task: The task; its checkpoint folder is used.
            recipe: The nets and stages.
            evaluator: Holds history, best epoch and averaged weights.
            stop_monitor: Holds the training time.
        """
        super().__init__()
        self.number = 0
        self._recipe = recipe
        self._evaluator = evaluator
        self._stop_monitor = stop_monitor
        self._keras_callbacks: list[keras.callbacks.Callback] = []
        self._checkpoints = Checkpoints(task.place.checkpoints, _fingerprint(task))
        self._pending = self._checkpoints.latest()
        self._done = 0
        if self._pending:
            self._restore(self._pending)

    def begin(self, number: int, keras_callbacks: list[keras.callbacks.Callback]) -> int:
        """Start a stage with Keras' own callbacks; returns how many of its epochs are already done."""
        self._done = self._done if number == self.number else 0
        self.number, self._keras_callbacks = number, keras_callbacks
        return self._done

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Restore the state of the stage: optimizer, dropout seeds, and patience counters of Keras' own callbacks."""
        checkpoint, self._pending = self._pending, None
        if checkpoint is None or self._done == 0:
            return
        self.model.optimizer.build(self.model.trainable_variables)
        _assign(self.model.optimizer.variables, checkpoint.arrays["optimizer"])
        _assign(self.model.variables, checkpoint.arrays["net"])
        for callback, state in zip(self._keras_callbacks, checkpoint.facts["stock"], strict=True):
            vars(callback).update(state)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write a checkpoint of the current state."""
        self._done += 1
        stage_finished = self._done == self._stage.epochs or self.model.stop_training
        best = self._evaluator.best
        assert best is not None  # noqa: S101  the epoch was evaluated
        facts = {
            "stage": self.number + stage_finished,
            "done": 0 if stage_finished else self._done,
            "stock": [_callback_state(callback) for callback in self._keras_callbacks],
            "history": [asdict(record) for record in self._evaluator.history],
            "best": best.epoch,
            "averaged": self._evaluator.average.steps,
            "seconds": self._stop_monitor.seconds,
        }
        self._checkpoints.write(epoch + 1, Checkpoint(facts, self._arrays(best.weights, best.probabilities)))

    @property
    def _stage(self) -> Stage:
        return self._recipe.stages[self.number]

    def _arrays(self, best: list[np.ndarray], probabilities: np.ndarray) -> dict[str, list[np.ndarray]]:
        return {
            "learner": _values(self._recipe.learner.variables),
            "net": _values(self.model.variables),
            "optimizer": _values(self.model.optimizer.variables),
            "average": self._evaluator.average.weights,
            "first": self._evaluator.first,
            "best": best,
            "probabilities": [probabilities],
        }

    def _restore(self, checkpoint: Checkpoint) -> None:
        facts, arrays = checkpoint.facts, checkpoint.arrays
        self.number, self._done = facts["stage"], facts["done"]
        _assign(self._recipe.learner.variables, arrays["learner"])
        self._evaluator.restore(facts, arrays)
        self._stop_monitor.before = facts["seconds"]


def _values(variables: Sequence[Any]) -> list[np.ndarray]:
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def _assign(variables: Sequence[Any], values: Sequence[np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _callback_state(callback: keras.callbacks.Callback) -> dict[str, Any]:
    values = {name: getattr(callback, name) for name in _KERAS_CALLBACK_FIELDS if hasattr(callback, name)}
    return {name: value if value is None else float(value) for name, value in values.items()}


def _fingerprint(task: Task) -> str:
    identity = [_FORMAT, task.spec.to_dict(), task.dataset.content_hash, task.dataset.image_ids.tolist()]
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def _write_with_digest(file: Path, data: memoryview) -> None:
    with file.open("wb") as stream:
        stream.write(hashlib.sha256(data).digest())
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
