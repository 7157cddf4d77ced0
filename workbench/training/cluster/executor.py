"""What nodes of a cluster carry out for one run: its training, or the tries of its search. Imports Ray in functions alone."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.core import errors
from workbench.core.errors import InvalidSpec, Paused, StoppedEarly, TrainingFailed
from workbench.pretrained.backbones import BACKBONES
from workbench.pretrained.weights import weights_state
from workbench.training.cluster.mailbox import BEAT_SECONDS, Mailbox, Update, apply, tell, whole
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
    """The nodes, as the hands of a search (:class:`workbench.training.search.trial.TrialExecutor`) or of a single training.

    Args:
        ray: The module, connected to a cluster.
        dataset: Its pictures go to the object store, once for all errands.
        spec: Its pretrained weights go with them.
        weights: The folder where those are looked for.
    """

    def __init__(self, ray: Any, dataset: Dataset, spec: TrainingSpec, weights: Path) -> None:
        self._ray = ray
        self._goods = ray.put(shared_inputs(dataset, spec, weights))

    @property
    def count(self) -> int:
        """How many errands the nodes have room for when nobody else uses them."""
        resources = self._ray.cluster_resources()
        return max(1, int(resources.get("GPU") or resources.get("CPU", 0)))

    def train(self, dataset: Dataset, spec: TrainingSpec, reporter: Reporter, place: RunPaths) -> Artefacts:
        """As :func:`workbench.training.engine.train.train` does, on a node; it is begun again on another one where a node is lost.

        Raises:
            TrainingFailed: It failed on the node, or too many nodes were lost.
            StoppedEarly: A stop was asked for before the first epoch was finished.
            Paused: A pause was asked for.
        """
        order = TrainingTask(spec, dataset.splits, dataset.content_hash)
        log.info("the run waits for a free node of the cluster")
        with lost_nodes_reported(self._ray):
            errand = self._sent(order, reporter, place.checkpoints)
            return _unpacked(self._watched(errand), place.model)

    def judge(
        self, tries: Iterator[TrialTask], listen: Callable[[], TrialReporter], time_is_up: Callable[[], bool]
    ) -> Iterator[tuple[TrialTask, TrialResult]]:
        """Carry out as many tries at once as there is room for; see :meth:`workbench.training.search.trial.TrialExecutor.judge`.

        Raises:
            TrainingFailed: Too many nodes were lost.
        """
        asked, begun = "", _RunningTrials({})
        with lost_nodes_reported(self._ray):
            while True:
                for each in islice(tries, 0 if asked else max(0, self.count - len(begun.tries))):
                    order = TrainingTask(
                        each.spec, each.dataset.splits, each.dataset.content_hash, judging=True
                    )
                    errand = self._sent(order, listen(), each.place.checkpoints)
                    begun.tries[errand.task] = each, errand
                if not begun.tries:
                    break
                done = self._ray.wait(list(begun.tries), timeout=BEAT_SECONDS)[0]
                asked = asked or listen().asked()
                begun.follow(self._ray, asked)
                for task in done:
                    yield begun.tries.pop(task)[0], _said(self._ray.get(task))
                for each in begun.given_up(self._ray, asked, time_is_up()):
                    yield each, None
        if asked:
            raise Paused if asked == "pause" else StoppedEarly

    def _sent(self, order: TrainingTask, reporter: Reporter, checkpoints: Path) -> _RayTask:
        # The process of a try stays for the next one, with TensorFlow loaded, and ends with the search.
        call = task(self._ray, _task, {} if order.judging else {"max_calls": 1})
        desk = _mailbox(self._ray, checkpoints)
        return _RayTask(call.remote(self._goods, order, desk), desk, reporter, checkpoints)

    def _watched(self, errand: _RayTask) -> TaskResult:
        """Pass news on until the task is done."""
        while True:
            done = self._ray.wait([errand.task], timeout=BEAT_SECONDS)[0]
            asked = errand.reporter.asked()
            errand.follow(self._ray, asked)
            if done:
                outcome: TaskResult = self._ray.get(errand.task)
                return outcome
            if asked and not errand.began:
                self._ray.cancel(errand.task, force=True)
                raise Paused if asked == "pause" else StoppedEarly


@dataclass
class _RayTask:
    """The server's end of a task."""

    task: Any
    desk: Any
    reporter: Reporter
    checkpoints: Path
    began: bool = False

    def follow(self, ray: Any, asked: str) -> None:
        """Pass news on, and say what is asked."""
        news: Update = ray.get(self.desk.fetch.remote(asked))
        tell(news, self.reporter, self.checkpoints)
        self.began = self.began or bool(news.events)


@dataclass(frozen=True)
class _RunningTrials:
    """The tries that are carried out, by task, the longest first."""

    tries: dict[Any, tuple[TrialTask, _RayTask]]

    def follow(self, ray: Any, asked: str) -> None:
        """Pass the news of all on; the longest speaks for the run."""
        for position, (_, errand) in enumerate(self.tries.values()):
            if isinstance(errand.reporter, TrialReporter):
                errand.reporter.quiet = position > 0
            errand.follow(ray, asked)

    def given_up(self, ray: Any, asked: str, time_is_up: bool) -> list[TrialTask]:
        """Cancel all where time is up, those that wait for a node where something is asked, and tell which they were."""
        ended = []
        for number, (each, errand) in list(self.tries.items()):
            if time_is_up or (asked and not errand.began):
                ray.cancel(number, force=True)
                del self.tries[number]
                ended.append(each)
        return ended


@contextlib.contextmanager
def lost_nodes_reported(ray: Any) -> Iterator[None]:
    """Say it for the user where Ray has given up.

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
    """A task on a node: one graphics card where the cluster has any; it runs again where its node is lost."""
    gpus = 1 if ray.cluster_resources().get("GPU") else 0
    return ray.remote(num_cpus=1, num_gpus=gpus, max_retries=RETRIES, **options)(function)


def shared_inputs(dataset: Dataset, spec: TrainingSpec, weights: Path) -> SharedInputs:
    """What all errands of a run share."""
    manifest = (dataset.folder / MANIFEST).read_bytes()
    return SharedInputs(np.asarray(dataset.pixels), manifest, _weights(spec, weights))


def _weights(spec: TrainingSpec, folder: Path) -> Mapping[str, bytes]:
    """The file of pretrained weights that a spec needs; where it is not here, the node looks for one of its own."""
    backbone = BACKBONES[spec.architecture]
    if not backbone.pretrained:
        return {}
    state = weights_state(backbone, folder)
    return {state.file: state.path.read_bytes()} if state.present else {}


def _mailbox(ray: Any, checkpoints: Path) -> Any:
    """The desk, on the node that the server is on: it is lost only with the server itself."""
    here = ray.get_runtime_context().get_node_id()
    stay = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(here, soft=False)
    actor = ray.remote(num_cpus=0, scheduling_strategy=stay)(Mailbox)
    return actor.remote(whole(checkpoints))


def _task(shared_inputs: SharedInputs, order: TrainingTask, desk: Any) -> TaskResult:
    import ray

    node = f"{ray.util.get_node_ip_address()} {ray.get_runtime_context().get_node_id()[:8]}"
    return train_remotely(shared_inputs, order, _Remote(desk), node)


class _Remote:
    """The desk's methods, called as if it were here."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    def begin(self, node: str) -> Any:
        import ray

        return ray.get(self._actor.begin.remote(node))

    def leave(self, attempt: int, news: Update) -> Any:
        import ray

        return ray.get(self._actor.leave.remote(attempt, news))


def _said(outcome: TaskResult) -> TrialResult:
    kind, sentence = outcome.error
    if kind in {"", "StoppedEarly", "Paused"}:
        return outcome.answers
    if kind == "InvalidSpec":
        return InvalidSpec(sentence)
    if kind == "TrainingFailed":
        return TrainingFailed(sentence)
    raise TrainingFailed(sentence)


def _unpacked(outcome: TaskResult, folder: Path) -> Artefacts:
    kind, sentence = outcome.error
    if kind in {"StoppedEarly", "Paused"}:
        raise getattr(errors, kind)
    if outcome.artefacts is None:
        raise TrainingFailed(sentence)
    folder.mkdir(parents=True, exist_ok=True)
    apply(outcome.files, folder)
    return replace(outcome.artefacts, folder=folder)
