"""Code that runs on a cluster node: trains and returns the results. Imports TensorFlow inside functions only."""

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
from workbench.training.cluster.mailbox import FileChanges, RemoteReporter, Update, all_files, apply_changes
from workbench.training.dataset import MANIFEST, PIXELS, Dataset
from workbench.training.reporter import RunPaths
from workbench.training.search.successive_halving import FoldPredictions
from workbench.training.search.trial import TrialReporter, TrialTask
from workbench.training.spec import TrainingSpec

if TYPE_CHECKING:
    from workbench.training.engine.train import Artefacts

FULL = "The disk of the node that trained is full. Free some space there and start the run again."
FEATURES = Path("~/.cache/waterline/features")


class MailboxHandle(Protocol):
    """Interface of the mailbox on a node."""

    def begin(self, node: str) -> tuple[int, FileChanges]:
        """See :meth:`workbench.training.cluster.mailbox.Mailbox.begin`."""

    def post(self, attempt: int, update: Update) -> str:
        """See :meth:`workbench.training.cluster.mailbox.Mailbox.leave`."""


@dataclass(frozen=True)
class SharedInputs:
    """Inputs shared by all tasks of a run.

    Attributes:
        pixels: ``(N, 256, 256, 3) uint8``.
        manifest: Bytes of the manifest file of the dataset folder.
        weights: Contents of the files of pretrained weights that may be needed, by file name.
    """

    pixels: np.ndarray
    manifest: bytes
    weights: Mapping[str, bytes]


@dataclass(frozen=True)
class TrainingTask:
    """A training task for a node.

    Attributes:
        spec: The settings.
        splits: Split of each picture, ``(N,)``.
        content_hash: Content hash of the dataset with these splits.
        judging: Whether to return predictions for the validation split instead of a model.
    """

    spec: TrainingSpec
    splits: np.ndarray
    content_hash: str
    judging: bool = False


@dataclass(frozen=True)
class TaskResult:
    """Result of a task: artefacts with their files, predictions, or an error as its class name and message."""

    artefacts: Artefacts | None = None
    files: FileChanges = field(default_factory=FileChanges)
    error: tuple[str, str] = ("", "")
    answers: FoldPredictions | None = None


def train_remotely(
    inputs: SharedInputs, training_task: TrainingTask, mailbox: MailboxHandle, node: str
) -> TaskResult:
    """Write the inputs to a temporary folder, train, and return the results.

    Args:
        inputs: Pictures, manifest and weights.
        training_task: The task.
        mailbox: Receives updates and returns requested actions.
        node: Name of this node for the log.
    """
    logging.basicConfig(level=logging.INFO, format="%(name)s %(message)s")
    with TemporaryDirectory(prefix="waterline-") as folder:
        place = _temporary_paths(Path(folder))
        dataset = _write_inputs(inputs, Path(folder, "dataset"), place.weights)
        dataset = replace(dataset, splits=training_task.splits, content_hash=training_task.content_hash)
        attempt, checkpoint = mailbox.begin(node)
        apply_changes(checkpoint, place.checkpoints)
        try:
            with RemoteReporter(lambda update: mailbox.post(attempt, update), place.checkpoints) as reporter:
                return _run_task(dataset, training_task, reporter, place)
        except DomainError as error:
            return TaskResult(error=(type(error).__name__, str(error)))
        except OSError as error:
            if not is_disk_full(error):
                raise
            return TaskResult(error=("DiskFull", FULL))


def run_part(inputs: SharedInputs, function: Callable[..., Any], part: Any) -> Any:
    """Call ``function(dataset, part, place)`` on this node."""
    from workbench.training.engine.train import limit_threads

    limit_threads()
    with TemporaryDirectory(prefix="waterline-") as folder:
        place = _temporary_paths(Path(folder))
        return function(_write_inputs(inputs, Path(folder, "dataset"), place.weights), part, place)


def _temporary_paths(folder: Path) -> RunPaths:
    return RunPaths(folder / "model", folder / "checkpoints", FEATURES.expanduser(), folder / "weights")


def _write_inputs(inputs: SharedInputs, folder: Path, weights: Path) -> Dataset:
    """Write the dataset and the weights to local folders and open the dataset."""
    for path in (folder, weights):
        path.mkdir()
    np.save(folder / PIXELS, inputs.pixels)
    (folder / MANIFEST).write_bytes(inputs.manifest)
    apply_changes(FileChanges(frozenset(inputs.weights), inputs.weights), weights)
    return Dataset.open(folder)


def _run_task(
    dataset: Dataset, training_task: TrainingTask, reporter: RemoteReporter, place: RunPaths
) -> TaskResult:
    from workbench.training.engine.train import limit_threads, train
    from workbench.training.search.local_executor import run_trial

    limit_threads()
    if training_task.judging:
        trial = TrialTask(0, dataset, training_task.spec, place)
        return TaskResult(answers=run_trial(trial, TrialReporter(reporter, "searching", lambda: math.inf)))
    artefacts = train(dataset, training_task.spec, reporter, place)
    return TaskResult(replace(artefacts, folder=Path()), all_files(artefacts.folder))
