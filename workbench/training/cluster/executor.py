"""Executes the training of one run, or the trials of its search, on cluster nodes. Imports Ray inside functions only."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.backbones.definitions import BACKBONES
from workbench.backbones.weights import weights_state
from workbench.core import errors
from workbench.core.errors import InvalidSpec, Paused, StoppedEarly, TrainingFailed
from workbench.training.cluster.mailbox import (
    BEAT_SECONDS,
    Mailbox,
    Update,
    all_files,
    apply_changes,
    deliver_update,
)
from workbench.training.cluster.task import SharedInputs, TaskResult, TrainingTask, train_remotely
from workbench.training.dataset import MANIFEST, Dataset
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
        ray: The module, connected to a cluster.
        dataset: Its pictures are put into the object store, once for all tasks.
        spec: Its pretrained weights are uploaded as well.
        weights: Folder searched for pretrained weights.
    """

    clock: Callable[[], float] = staticmethod(monotonic)

    def __init__(self, ray: Any, dataset: Dataset, spec: TrainingSpec, weights: Path) -> None:
        self._ray = ray
        self._inputs = ray.put(shared_inputs(dataset, spec, weights))

    @property
    def count(self) -> int:
        """Number of tasks that the cluster can run concurrently when otherwise idle."""
        resources = self._ray.cluster_resources()
        return max(1, int(resources.get("GPU") or resources.get("CPU", 0)))

    def train(self, dataset: Dataset, spec: TrainingSpec, reporter: Reporter, place: RunPaths) -> Artefacts:
        """As :func:`workbench.training.engine.train.train` does, on a node; it is restarted on another one if the node is lost.

        Raises:
            TrainingFailed: Training failed on the node, or too many nodes were lost.
            StoppedEarly: A stop was requested before the first epoch was finished.
            Paused: A pause was requested.
        """
        training_task = TrainingTask(spec, dataset.splits, dataset.content_hash)
        log.info("the run waits for a free node of the cluster")
        with lost_nodes_reported(self._ray):
            ray_task = self._submit(training_task, reporter, place.checkpoints)
            return _save_result(self._wait_for_result(ray_task), place.model)

    def run_trials(
        self,
        trials: Iterator[TrialTask],
        make_reporter: Callable[[], TrialReporter],
        time_is_up: Callable[[], bool],
    ) -> Iterator[tuple[TrialTask, TrialResult]]:
        """Run as many trials concurrently as the cluster has capacity for; see :meth:`workbench.training.search.trial.TrialExecutor.judge`.

        Raises:
            TrainingFailed: Too many nodes were lost.
        """
        requested_action, running = "", _RunningTrials({})
        with lost_nodes_reported(self._ray):
            while True:
                for trial in islice(
                    trials, 0 if requested_action else max(0, self.count - len(running.trials))
                ):
                    training_task = TrainingTask(
                        trial.spec, trial.dataset.splits, trial.dataset.content_hash, judging=True
                    )
                    ray_task = self._submit(training_task, make_reporter(), trial.place.checkpoints)
                    running.trials[ray_task.task] = trial, ray_task
                if not running.trials:
                    break
                done = self._ray.wait(list(running.trials), timeout=BEAT_SECONDS)[0]
                requested_action = requested_action or make_reporter().requested_action()
                running.follow(self._ray, requested_action)
                for task in done:
                    yield running.trials.pop(task)[0], _trial_result(self._ray.get(task))
                for trial in running.cancel(self._ray, requested_action, time_is_up()):
                    yield trial, None
        if requested_action:
            raise Paused if requested_action == "pause" else StoppedEarly

    def _submit(self, training_task: TrainingTask, reporter: Reporter, checkpoints: Path) -> _RayTask:
        # The worker process of a trial is reused for the next one, with TensorFlow loaded; a single training gets its own.
        remote_function = task(self._ray, _task, {} if training_task.judging else {"max_calls": 1})
        mailbox = _mailbox(self._ray, checkpoints)
        return _RayTask(
            remote_function.remote(self._inputs, training_task, mailbox), mailbox, reporter, checkpoints
        )

    def _wait_for_result(self, ray_task: _RayTask) -> TaskResult:
        """Forward updates until the task is done, and return its result."""
        while True:
            done = self._ray.wait([ray_task.task], timeout=BEAT_SECONDS)[0]
            requested_action = ray_task.reporter.requested_action()
            ray_task.follow(self._ray, requested_action)
            if done:
                outcome: TaskResult = self._ray.get(ray_task.task)
                return outcome
            if requested_action and not ray_task.began:
                self._ray.cancel(ray_task.task, force=True)
                raise Paused if requested_action == "pause" else StoppedEarly


@dataclass
class _RayTask:
    """A task on the cluster with its mailbox, its reporter and its local checkpoint folder."""

    task: Any
    mailbox: Any
    reporter: Reporter
    checkpoints: Path
    began: bool = False

    def follow(self, ray: Any, requested_action: str) -> None:
        """Forward the updates of the task, and pass the requested action to it."""
        update: Update = ray.get(self.mailbox.fetch.remote(requested_action))
        deliver_update(update, self.reporter, self.checkpoints)
        self.began = self.began or bool(update.events)


@dataclass(frozen=True)
class _RunningTrials:
    """The running trials by task, the longest-running first."""

    trials: dict[Any, tuple[TrialTask, _RayTask]]

    def follow(self, ray: Any, requested_action: str) -> None:
        """Forward the updates of all trials; only the longest-running one reports progress."""
        for position, (_, ray_task) in enumerate(self.trials.values()):
            if isinstance(ray_task.reporter, TrialReporter):
                ray_task.reporter.quiet = position > 0
            ray_task.follow(ray, requested_action)

    def cancel(self, ray: Any, requested_action: str, time_is_up: bool) -> list[TrialTask]:
        """Cancel all trials if time is up, or those still waiting for a node if an action is requested; returns the cancelled ones."""
        cancelled = []
        for task_ref, (trial, ray_task) in list(self.trials.items()):
            if time_is_up or (requested_action and not ray_task.began):
                ray.cancel(task_ref, force=True)
                del self.trials[task_ref]
                cancelled.append(trial)
        return cancelled


@contextlib.contextmanager
def lost_nodes_reported(ray: Any) -> Iterator[None]:
    """Convert Ray's errors about lost nodes into an error for the user.

    Raises:
        TrainingFailed: Too many nodes were lost.
    """
    try:
        yield
    except ray.exceptions.RayTaskError:
        raise
    except ray.exceptions.RayError as error:
        raise TrainingFailed(LOST.format(retries=RETRIES)) from error


def task(ray: Any, function: Any, options: Mapping[str, Any]) -> Any:
    """Create a Ray remote function with one GPU if the cluster has any; it is retried if its node is lost."""
    gpus = 1 if ray.cluster_resources().get("GPU") else 0
    return ray.remote(num_cpus=1, num_gpus=gpus, max_retries=RETRIES, **options)(function)


def shared_inputs(dataset: Dataset, spec: TrainingSpec, weights: Path) -> SharedInputs:
    """Read the inputs shared by all tasks of a run."""
    manifest = (dataset.folder / MANIFEST).read_bytes()
    return SharedInputs(np.asarray(dataset.pixels), manifest, _weights(spec, weights))


def _weights(spec: TrainingSpec, folder: Path) -> Mapping[str, bytes]:
    """The file of pretrained weights that a spec needs; if it is not present here, the node uses or downloads its own."""
    backbone = BACKBONES[spec.architecture]
    if not backbone.pretrained:
        return {}
    state = weights_state(backbone, folder)
    return {state.file: state.path.read_bytes()} if state.present else {}


def _mailbox(ray: Any, checkpoints: Path) -> Any:
    """Create the mailbox actor on the node of this process, so that it is not lost with other nodes."""
    node_id = ray.get_runtime_context().get_node_id()
    scheduling = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node_id, soft=False)
    actor = ray.remote(num_cpus=0, scheduling_strategy=scheduling)(Mailbox)
    return actor.remote(all_files(checkpoints))


def _task(shared_inputs: SharedInputs, training_task: TrainingTask, mailbox: Any) -> TaskResult:
    import ray

    node = f"{ray.util.get_node_ip_address()} {ray.get_runtime_context().get_node_id()[:8]}"
    return train_remotely(shared_inputs, training_task, _MailboxProxy(mailbox), node)


class _MailboxProxy:
    """Proxy that calls the methods of the mailbox actor synchronously."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    def begin(self, node: str) -> Any:
        import ray

        return ray.get(self._actor.begin.remote(node))

    def post(self, attempt: int, update: Update) -> Any:
        import ray

        return ray.get(self._actor.post.remote(attempt, update))


def _trial_result(result: TaskResult) -> TrialResult:
    kind, message = result.error
    if kind in {"", "StoppedEarly", "Paused"}:
        return result.answers
    if kind == "InvalidSpec":
        return InvalidSpec(message)
    if kind == "TrainingFailed":
        return TrainingFailed(message)
    raise TrainingFailed(message)


def _save_result(result: TaskResult, folder: Path) -> Artefacts:
    kind, message = result.error
    if kind in {"StoppedEarly", "Paused"}:
        raise getattr(errors, kind)
    if result.artefacts is None:
        raise TrainingFailed(message)
    folder.mkdir(parents=True, exist_ok=True)
    apply_changes(result.files, folder)
    return replace(result.artefacts, folder=folder)
