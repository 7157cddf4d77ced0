"""What a run needs to go on after an interruption: written after every epoch, checked when it is read. Only the worker imports this."""

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
_KEPT = 2  # the one before stays, in case the last one is damaged
_FACTS = "facts"
_DIGEST_BYTES = 32
_FORMAT = 2
_STOCK = ("wait", "best", "cooldown_counter", "stopped_epoch")


@dataclass(frozen=True)
class Checkpoint:
    """A moment between two epochs: plain facts, and lists of arrays by name."""

    facts: Mapping[str, Any]
    arrays: Mapping[str, Sequence[np.ndarray]]


class Checkpoints:
    """The checkpoints of one run in a folder of its own."""

    def __init__(self, folder: Path, fingerprint: str) -> None:
        """Look into a folder for what was written with the same fingerprint, that of dataset and spec."""
        self._folder = folder
        self._fingerprint = fingerprint

    def write(self, epoch: int, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint and the one before it; a reader sees all of it or nothing.

        Where the disk is full, those that are there stay, and the run goes on.

        Raises:
            OSError: The folder cannot be written to for another reason.
        """
        file = self._folder / f"epoch-{epoch:06d}{_SUFFIX}"
        part = file.with_suffix(".part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            _write_through(part, self._packed(checkpoint).getbuffer())
            part.replace(file)
        except OSError as error:
            if not is_disk_full(error):
                raise
            part.unlink(missing_ok=True)
            log.warning("the disk is full: epoch %s is not kept for going on after an interruption", epoch)
            return
        for old in self._files()[_KEPT:]:
            old.unlink(missing_ok=True)

    def latest(self) -> Checkpoint | None:
        """The newest checkpoint that is whole and of this run; None where there is none."""
        for file in self._files():
            checkpoint = self._unpacked(file.read_bytes())
            if checkpoint:
                log.info("going on with %s", file.name)
                return checkpoint
            log.warning("%s is damaged or of another run; looking for the one before", file.name)
        return None

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob(f"epoch-*{_SUFFIX}"), reverse=True)

    def _packed(self, checkpoint: Checkpoint) -> io.BytesIO:
        facts = {**checkpoint.facts, "fingerprint": self._fingerprint}
        named: dict[str, Any] = {_FACTS: np.frombuffer(json.dumps(facts).encode(), np.uint8)}
        for name, group in checkpoint.arrays.items():
            named |= {f"{name}-{place}": array for place, array in enumerate(group)}
        buffer = io.BytesIO()
        np.savez(buffer, **named)
        return buffer

    def _unpacked(self, data: bytes) -> Checkpoint | None:
        digest, content = data[:_DIGEST_BYTES], memoryview(data)[_DIGEST_BYTES:]
        if hashlib.sha256(content).digest() != digest:
            return None
        with np.load(io.BytesIO(content), allow_pickle=False) as found:
            facts = json.loads(found[_FACTS].tobytes())
            groups: dict[str, list[np.ndarray]] = {}
            for name in found.files:
                if name != _FACTS:
                    groups.setdefault(name.rpartition("-")[0], []).append(found[name])
        return Checkpoint(facts, groups) if facts["fingerprint"] == self._fingerprint else None


class CheckpointCallback(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes a checkpoint after every epoch, and puts a run back to where it was. Comes after all other callbacks.

    Attributes:
        number: Position of the stage to go on with; that of the last one plus 1 where all are done.
    """

    def __init__(self, task: Task, recipe: Recipe, judge: EpochEvaluator, watch: StopMonitor) -> None:
        """Keep a run whose state ``judge`` and ``watch`` hold; what lies in its folder is put back at once."""
        super().__init__()
        self.number = 0
        self._recipe = recipe
        self._judge = judge
        self._watch = watch
        self._stock: list[keras.callbacks.Callback] = []
        self._checkpoints = Checkpoints(task.place.checkpoints, _fingerprint(task))
        self._pending = self._checkpoints.latest()
        self._done = 0
        if self._pending:
            self._restore(self._pending)

    def begin(self, number: int, stock: list[keras.callbacks.Callback]) -> int:
        """A stage begins with some stock callbacks; tells how many of its epochs are done already."""
        self._done = self._done if number == self.number else 0
        self.number, self._stock = number, stock
        return self._done

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Put back what belongs to the stage: optimizer, dropout's random numbers, patience."""
        checkpoint, self._pending = self._pending, None
        if checkpoint is None or self._done == 0:
            return
        self.model.optimizer.build(self.model.trainable_variables)
        _assign(self.model.optimizer.variables, checkpoint.arrays["optimizer"])
        _assign(self.model.variables, checkpoint.arrays["net"])
        for callback, kept in zip(self._stock, checkpoint.facts["stock"], strict=True):
            vars(callback).update(kept)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write down where the run is now."""
        self._done += 1
        over = self._done == self._stage.epochs or self.model.stop_training
        best = self._judge.best
        assert best is not None  # noqa: S101  the epoch was judged
        facts = {
            "stage": self.number + over,
            "done": 0 if over else self._done,
            "stock": [_kept(callback) for callback in self._stock],
            "history": [asdict(record) for record in self._judge.history],
            "best": best.epoch,
            "averaged": self._judge.average.steps,
            "seconds": self._watch.seconds,
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
            "average": self._judge.average.weights,
            "first": self._judge.first,
            "best": best,
            "probabilities": [probabilities],
        }

    def _restore(self, checkpoint: Checkpoint) -> None:
        facts, arrays = checkpoint.facts, checkpoint.arrays
        self.number, self._done = facts["stage"], facts["done"]
        _assign(self._recipe.learner.variables, arrays["learner"])
        self._judge.restore(facts, arrays)
        self._watch.before = facts["seconds"]


def _values(variables: Sequence[Any]) -> list[np.ndarray]:
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def _assign(variables: Sequence[Any], values: Sequence[np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _kept(callback: keras.callbacks.Callback) -> dict[str, Any]:
    found = {name: getattr(callback, name) for name in _STOCK if hasattr(callback, name)}
    return {name: value if value is None else float(value) for name, value in found.items()}


def _fingerprint(task: Task) -> str:
    told = [_FORMAT, task.spec.to_dict(), task.dataset.content_hash, task.dataset.image_ids.tolist()]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _write_through(file: Path, data: memoryview) -> None:
    with file.open("wb") as opened:
        opened.write(hashlib.sha256(data).digest())
        opened.write(data)
        opened.flush()
        os.fsync(opened.fileno())
