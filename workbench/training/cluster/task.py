"""Code that runs on a cluster node. Imports TensorFlow inside functions only."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import ray

from storage.core.errors import DiskFull, is_disk_full
from workbench.training.cluster.progress import Files, NodeReporter, read_files, write_files
from workbench.training.dataset import Dataset
from workbench.training.reporter import RunPaths
from workbench.training.search.successive_halving import FoldPredictions
from workbench.training.search.trial import TrialReporter, TrialTask
from workbench.training.spec import TrainingSpec

if TYPE_CHECKING:
    from workbench.training.engine.train import Artefacts

FULL = "The disk of the node that trained is full. Free some space there and start the run again."
FEATURES = Path("~/.cache/waterline/features")


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


def train_remotely(
    dataset: Dataset, weights: Files, task: TrainingTask, progress_actor: Any
) -> FoldPredictions | tuple[Artefacts, Files]:
    """Train on this node, from the latest checkpoint that the actor has.

    Args:
        dataset: The pictures, where they lie in the object store; its folder is not on this node.
        weights: Files of pretrained weights that may be needed.
        task: The task.
        progress_actor: Handle of a :class:`workbench.training.cluster.progress.ProgressActor`.

    Returns:
        Predictions for the validation split if the task is judging, else artefacts and their files.

    Raises:
        DiskFull: There is not enough disk space on this node.
        DomainError: As :func:`workbench.training.engine.train.train` does.
    """
    logging.basicConfig(level=logging.INFO, format="%(name)s %(message)s")
    node = f"{ray.util.get_node_ip_address()} {ray.get_runtime_context().get_node_id()[:8]}"
    attempt, checkpoint = ray.get(progress_actor.begin.remote(node))
    dataset = replace(dataset, splits=task.splits, content_hash=task.content_hash)
    with _temporary_paths(weights) as place:
        write_files(checkpoint, place.checkpoints)
        with NodeReporter(
            lambda update: ray.get(progress_actor.report.remote(attempt, update)), place.checkpoints
        ) as reporter:
            return _train(dataset, task, reporter, place)


def _train(
    dataset: Dataset, task: TrainingTask, reporter: NodeReporter, place: RunPaths
) -> FoldPredictions | tuple[Artefacts, Files]:
    from workbench.training.engine.train import train
    from workbench.training.search.local_executor import run_trial

    if task.judging:
        trial_reporter = TrialReporter(reporter, "searching", lambda: math.inf)
        return run_trial(TrialTask(0, dataset, task.spec, place), trial_reporter)
    artefacts = train(dataset, task.spec, reporter, place)
    return replace(artefacts, folder=Path()), read_files(artefacts.folder)


def call_remotely(dataset: Dataset, weights: Files, function: Callable[..., Any], part: Any) -> Any:
    """Call ``function(dataset, part, place)`` on this node."""
    with _temporary_paths(weights) as place:
        return function(dataset, part, place)


@contextmanager
def _temporary_paths(weights: Files) -> Iterator[RunPaths]:
    """Folders for one task, with the weights in theirs, and TensorFlow's threads limited.

    Raises:
        DiskFull: There is not enough disk space on this node.
    """
    from workbench.training.engine.train import limit_threads

    limit_threads()
    with TemporaryDirectory(prefix="waterline-") as name:
        folder = Path(name)
        try:
            write_files(weights, folder / "weights")
            yield RunPaths(
                folder / "model", folder / "checkpoints", FEATURES.expanduser(), folder / "weights"
            )
        except (DiskFull, OSError) as error:
            if isinstance(error, OSError) and not is_disk_full(error):
                raise
            raise DiskFull(FULL) from error
