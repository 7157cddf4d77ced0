"""Executes the training of one run, or the trials of its search, on the nodes of the connected cluster."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np
import ray

from workbench.backbones.definitions import BACKBONES
from workbench.backbones.weights import weights_state
from workbench.core.errors import InvalidSpec, Paused, StoppedEarly, TrainingFailed
from workbench.training.cluster.progress import (
    CHECKPOINTS,
    REPORT_SECONDS,
    Files,
    ProgressActor,
    deliver_update,
    read_files,
    write_files,
)
from workbench.training.cluster.task import TrainingTask, call_remotely, train_remotely
from workbench.training.dataset import Dataset
from workbench.training.reporter import Reporter, RunPaths
from workbench.training.search.trial import TrialReporter, TrialResult, TrialTask
from workbench.training.spec import TrainingSpec

if TYPE_CHECKING:
    from workbench.training.engine.train import Artefacts

log = logging.getLogger("cluster")
RETRIES = 3
LOST = (
    "The nodes that trained were lost more than {retries} times, or the cluster is gone. Look after the cluster and resume "
    "the run: it goes on from the last epoch that arrived here."
)


class RayExecutor:
    """Runs the trials of a search (:class:`workbench.training.search.trial.TrialExecutor`) or a single training on the nodes.

    Args:
        dataset: Its pictures are put into the object store, once for all tasks.
        spec: Its pretrained weights are uploaded as well.
        weights: Folder searched for pretrained weights.
    """

    clock: Callable[[], float] = staticmethod(monotonic)

    def __init__(self, dataset: Dataset, spec: TrainingSpec, weights: Path) -> None:
        in_memory = replace(dataset, pixels=np.asarray(dataset.pixels))
        self._inputs = ray.put(in_memory), ray.put(_weights(spec, weights))

    @property
    def count(self) -> int:
        """Number of tasks that the cluster can run concurrently when otherwise idle."""
        resources = ray.cluster_resources()
        return max(1, int(resources.get("GPU") or resources.get("CPU", 0)))

    def train(self, dataset: Dataset, spec: TrainingSpec, reporter: Reporter, place: RunPaths) -> Artefacts:
        """As :func:`workbench.training.engine.train.train` does, on a node; it is restarted on another one if the node is lost.

        Raises:
            TrainingFailed: Training failed on the node, or too many nodes were lost.
            StoppedEarly: A stop was requested before the first epoch was finished.
            Paused: A pause was requested.
        """
        log.info("the run waits for a free node of the cluster")
        training = TrainingTask(spec, dataset.splits, dataset.content_hash)
        with _remote_errors():
            task = self._submit(training, reporter, place.checkpoints)
            done = False
            while not done:
                done = bool(ray.wait([task.ref], timeout=REPORT_SECONDS)[0])
                requested_action = reporter.requested_action()
                task.follow(requested_action)
                if requested_action and not done and not task.began:
                    ray.cancel(task.ref, force=True)
                    raise _ended(requested_action)
            result: tuple[Artefacts, Files] = ray.get(task.ref)
        artefacts, files = result
        write_files(files, place.model)
        return replace(artefacts, folder=place.model)

    def run_trials(
        self,
        trials: Iterator[TrialTask],
        make_reporter: Callable[[], TrialReporter],
        time_is_up: Callable[[], bool],
    ) -> Iterator[tuple[TrialTask, TrialResult]]:
        """Run as many trials concurrently as the cluster has capacity for; see :meth:`workbench.training.search.trial.TrialExecutor.run_trials`.

        Raises:
            TrainingFailed: Too many nodes were lost.
        """
        requested_action = ""
        running: _RunningTrials = {}
        with _remote_errors():
            while True:
                free = 0 if requested_action else max(0, self.count - len(running))
                for trial in islice(trials, free):
                    judging = TrainingTask(
                        trial.spec, trial.dataset.splits, trial.dataset.content_hash, judging=True
                    )
                    task = self._submit(judging, make_reporter(), trial.place.checkpoints)
                    running[task.ref] = trial, task
                if not running:
                    break
                done, _ = ray.wait(list(running), timeout=REPORT_SECONDS)
                requested_action = requested_action or make_reporter().requested_action()
                _follow(running, requested_action)
                for ref in done:
                    yield running.pop(ref)[0], _trial_result(ref)
                out_of_time = time_is_up()
                if out_of_time or requested_action:
                    for trial in _cancel(running, waiting_only=not out_of_time):
                        yield trial, None
        if requested_action:
            raise _ended(requested_action)

    def map(self, function: Callable[..., Any], parts: Sequence[Any]) -> list[Any]:
        """Call ``function(dataset, part, place)`` on a node for every part and return the results in order.

        Raises:
            TrainingFailed: Too many nodes were lost.
        """
        remote_function = _remote(call_remotely, max_calls=1)
        with _remote_errors():
            return list(ray.get([remote_function.remote(*self._inputs, function, part) for part in parts]))

    def _submit(self, task: TrainingTask, reporter: Reporter, checkpoints: Path) -> _RunningTask:
        # The worker process of a trial is reused for the next one, with TensorFlow loaded; a single training gets its own.
        function = _remote(train_remotely, **({} if task.judging else {"max_calls": 1}))
        actor = _progress_actor(read_files(checkpoints, CHECKPOINTS))
        return _RunningTask(function.remote(*self._inputs, task, actor), actor, reporter, checkpoints)


@dataclass
class _RunningTask:
    """A task on the cluster with its progress actor, its reporter and its local checkpoint folder."""

    ref: Any
    actor: Any
    reporter: Reporter
    checkpoints: Path
    began: bool = False

    def follow(self, requested_action: str) -> None:
        """Deliver what the task reported, and pass the requested action to it."""
        update = ray.get(self.actor.fetch.remote(requested_action))
        deliver_update(update, self.reporter, self.checkpoints)
        self.began = self.began or bool(update.events)


_RunningTrials = dict[Any, tuple[TrialTask, _RunningTask]]
"""The running trials by the reference of their task, the longest-running first."""


def _follow(running: _RunningTrials, requested_action: str) -> None:
    """Follow all trials; only the longest-running one reports progress."""
    for position, (_, task) in enumerate(running.values()):
        if isinstance(task.reporter, TrialReporter):
            task.reporter.quiet = position > 0
        task.follow(requested_action)


def _cancel(running: _RunningTrials, waiting_only: bool) -> list[TrialTask]:
    """Cancel all trials, or those that wait for a node, and return them."""
    refs = [ref for ref, (_, task) in running.items() if not (waiting_only and task.began)]
    for ref in refs:
        ray.cancel(ref, force=True)
    return [running.pop(ref)[0] for ref in refs]


def _trial_result(ref: Any) -> TrialResult:
    try:
        result: TrialResult = ray.get(ref)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, Paused | StoppedEarly):
            return None
        if isinstance(error.cause, InvalidSpec | TrainingFailed):
            return error.cause
        raise
    return result


def _ended(requested_action: str) -> Paused | StoppedEarly:
    return Paused() if requested_action == "pause" else StoppedEarly()


@contextlib.contextmanager
def _remote_errors() -> Iterator[None]:
    """Raise the error of a task as what it was on the node, and Ray's errors about lost nodes as one for the user.

    Raises:
        TrainingFailed: Too many nodes were lost.
    """
    try:
        yield
    except ray.exceptions.RayTaskError as error:
        raise error.cause from error
    except ray.exceptions.RayError as error:
        raise TrainingFailed(LOST.format(retries=RETRIES)) from error


def _remote(function: Callable[..., Any], **options: Any) -> Any:
    """Make a Ray remote function that takes a GPU if the cluster has any, and is retried if its node is lost."""
    gpus = 1 if ray.cluster_resources().get("GPU") else 0
    return ray.remote(num_cpus=1, num_gpus=gpus, max_retries=RETRIES, **options)(function)


def _weights(spec: TrainingSpec, folder: Path) -> Files:
    """The file of pretrained weights that a spec needs; if it is not present here, the node uses or downloads its own."""
    backbone = BACKBONES[spec.architecture]
    if not backbone.pretrained:
        return {}
    state = weights_state(backbone, folder)
    return {state.file: state.path.read_bytes()} if state.present else {}


def _progress_actor(checkpoint: Files) -> Any:
    """Create a progress actor on the node of this process, so that it is not lost with other nodes."""
    node_id = ray.get_runtime_context().get_node_id()
    scheduling = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node_id, soft=False)
    return ray.remote(num_cpus=0, scheduling_strategy=scheduling)(ProgressActor).remote(checkpoint)
