"""What a node of a cluster does: trains as any worker does, and hands everything back. Imports TensorFlow in functions alone."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from storage.core.errors import DomainError, is_disk_full
from workbench.training.cluster.mailbox import FileChanges, RemoteReporter, Update, apply, whole
from workbench.training.dataset import MANIFEST, PIXELS, Dataset
from workbench.training.reporter import RunPaths
from workbench.training.search.successive_halving import FoldAnswers
from workbench.training.search.trial import TrialReporter, TrialTask
from workbench.training.spec import TrainingSpec

if TYPE_CHECKING:
    from workbench.training.engine.train import Artefacts

FULL = "The disk of the node that trained is full. Free some space there and start the run again."
FEATURES = Path("~/.cache/waterline/features")


class MailboxHandle(Protocol):
    """The desk, as a node reaches it."""

    def begin(self, node: str) -> tuple[int, FileChanges]:
        """See :meth:`workbench.training.cluster.mailbox.Mailbox.begin`."""

    def leave(self, attempt: int, news: Update) -> str:
        """See :meth:`workbench.training.cluster.mailbox.Mailbox.leave`."""


@dataclass(frozen=True)
class SharedInputs:
    """What all errands of a run share.

    Attributes:
        pixels: ``(N, 256, 256, 3) uint8``.
        manifest: Of the dataset folder.
        weights: The files of pretrained weights that may be needed, by name.
    """

    pixels: np.ndarray
    manifest: bytes
    weights: Mapping[str, bytes]


@dataclass(frozen=True)
class TrainingTask:
    """What is wanted of a node.

    Attributes:
        spec: The settings.
        splits: Of the dataset that is trained on, ``(N,)``.
        content_hash: Of the same.
        judging: Whether answers for the validation split are wanted, not a model.
    """

    spec: TrainingSpec
    splits: np.ndarray
    content_hash: str
    judging: bool = False


@dataclass(frozen=True)
class TaskResult:
    """What became of an order: artefacts with their files, answers, or an error for the user by the name of its class."""

    artefacts: Artefacts | None = None
    files: FileChanges = field(default_factory=FileChanges)
    error: tuple[str, str] = ("", "")
    answers: FoldAnswers | None = None


def train_remotely(goods: SharedInputs, order: TrainingTask, desk: MailboxHandle, node: str) -> TaskResult:
    """Unpack, train and pack.

    Args:
        goods: The pictures, among others.
        order: What is wanted.
        desk: Where news goes.
        node: What to call this machine.
    """
    logging.basicConfig(level=logging.INFO, format="%(name)s %(message)s")
    with TemporaryDirectory(prefix="waterline-") as folder:
        place = _place(Path(folder))
        dataset = _unpacked(goods, Path(folder, "dataset"), place.weights)
        dataset = replace(dataset, splits=order.splits, content_hash=order.content_hash)
        attempt, checkpoint = desk.begin(node)
        apply(checkpoint, place.checkpoints)
        try:
            with RemoteReporter(lambda news: desk.leave(attempt, news), place.checkpoints) as relay:
                return _carried_out(dataset, order, relay, place)
        except DomainError as error:
            return TaskResult(error=(type(error).__name__, str(error)))
        except OSError as error:
            if not is_disk_full(error):
                raise
            return TaskResult(error=("DiskFull", FULL))


def run_part(goods: SharedInputs, function: Callable[..., Any], part: Any) -> Any:
    """Call ``function(dataset, part, place)`` on this node."""
    from workbench.training.engine.train import limit_threads

    limit_threads()
    with TemporaryDirectory(prefix="waterline-") as folder:
        place = _place(Path(folder))
        return function(_unpacked(goods, Path(folder, "dataset"), place.weights), part, place)


def _place(folder: Path) -> RunPaths:
    return RunPaths(folder / "model", folder / "checkpoints", FEATURES.expanduser(), folder / "weights")


def _unpacked(goods: SharedInputs, folder: Path, weights: Path) -> Dataset:
    """Write the dataset and the weights where training looks for them."""
    for each in (folder, weights):
        each.mkdir()
    np.save(folder / PIXELS, goods.pixels)
    (folder / MANIFEST).write_bytes(goods.manifest)
    apply(FileChanges(frozenset(goods.weights), goods.weights), weights)
    return Dataset.open(folder)


def _carried_out(dataset: Dataset, order: TrainingTask, relay: RemoteReporter, place: RunPaths) -> TaskResult:
    from workbench.training.engine.train import limit_threads, train
    from workbench.training.search.local_executor import run_trial

    limit_threads()
    if order.judging:
        each = TrialTask(0, dataset, order.spec, place)
        return TaskResult(answers=run_trial(each, TrialReporter(relay, "searching", lambda: math.inf)))
    artefacts = train(dataset, order.spec, relay, place)
    return TaskResult(replace(artefacts, folder=Path()), whole(artefacts.folder))
