"""Trains on a Ray cluster as :func:`workbench.training.train.train` does on this machine. Imports Ray in functions alone."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import storage
import workbench
from workbench import errors
from workbench.errors import NotReady, Paused, StoppedEarly, TrainingFailed
from workbench.training.backbones import BACKBONES
from workbench.training.dataset import MANIFEST, Dataset
from workbench.training.launchers.desk import BEAT_SECONDS, Desk, News, apply, tell, whole
from workbench.training.launchers.node import Order, Outcome, run_part, train_remotely
from workbench.training.reports import Reporter, Workplace
from workbench.training.spec import TrainingSpec
from workbench.training.weights import weights_state

if TYPE_CHECKING:
    from workbench.training.train import Artefacts

log = logging.getLogger("cluster")
RETRIES = 3
ANSWER_SECONDS = 5.0
NO_RAY = (
    "WORKBENCH_RAY_ADDRESS is set, but Ray is not installed. Install it (pip install 'ray>=2.60,<3'), or unset "
    "WORKBENCH_RAY_ADDRESS to train on this machine; then resume the run."
)
NO_ANSWER = (
    "The Ray cluster at {address} does not answer. Start it and resume the run, or unset WORKBENCH_RAY_ADDRESS to train on "
    "this machine."
)
LOST = (
    "The nodes that trained were lost more than {retries} times, or the cluster is gone. Look after the cluster and resume "
    "the run: it goes on from the last epoch that arrived here."
)


def train_on_cluster(
    address: str, dataset: Dataset, spec: TrainingSpec, reporter: Reporter, place: Workplace
) -> Artefacts:
    """Have a run trained on a node; it is begun again on another one where a node is lost.

    Args:
        address: Of the cluster, as ``ray.init`` takes it.
        dataset: The pictures and their split.
        spec: The settings.
        reporter: As with :func:`workbench.training.train.train`.
        place: Checkpoints are kept here as well as they arrive, and gone on with; the model's files end here.

    Raises:
        NotReady: There is no Ray, or the cluster does not answer.
        TrainingFailed: It failed on the node, or too many nodes were lost.
        StoppedEarly: A stop was asked for before the first epoch was finished.
        Paused: A pause was asked for.
    """
    with connected(address) as ray:
        desk = _desk(ray, place.checkpoints)
        task = _task(ray, _train_task, RETRIES).remote(
            ray.put(np.asarray(dataset.pixels)), ray.put(_order(dataset, spec, place.weights)), desk
        )
        try:
            outcome = _watch(ray, task, desk, _Here(reporter, place.checkpoints))
        except ray.exceptions.RayTaskError:
            raise
        except ray.exceptions.RayError as error:
            raise TrainingFailed(LOST.format(retries=RETRIES)) from error
    return _unpacked(outcome, place.model)


class Nodes:
    """Runs parts of a job on the nodes of a cluster, as :func:`workbench.training.crossval.one_by_one` does here."""

    def __init__(self, address: str) -> None:
        self._address = address

    def __call__(self, function: Any, dataset: Dataset, parts: Sequence[Any], place: Workplace) -> list[Any]:
        """Call ``function(dataset, part, place)`` for every part, and give the results in the order of the parts.

        Raises:
            NotReady: There is no Ray, or the cluster does not answer.
            TrainingFailed: Too many nodes were lost.
        """
        with connected(self._address) as ray:
            pixels = ray.put(np.asarray(dataset.pixels))
            order = ray.put(_order(dataset, parts[0].spec, place.weights))
            call = _task(ray, run_part, RETRIES)
            tasks = [call.remote(pixels, order, function, part) for part in parts]
            try:
                return list(ray.get(tasks))
            except ray.exceptions.RayTaskError:
                raise
            except ray.exceptions.RayError as error:
                raise TrainingFailed(LOST.format(retries=RETRIES)) from error


@contextlib.contextmanager
def connected(address: str) -> Iterator[Any]:
    """The module ``ray``, connected to a cluster whose nodes get this project's code.

    Raises:
        NotReady: There is no Ray, or the cluster does not answer.
    """
    try:
        import ray
    except ImportError as error:
        raise NotReady(NO_RAY) from error
    _require_answer(address)
    packages = [str(Path(each.__path__[0])) for each in (workbench, storage)]
    try:
        ray.init(
            address=address,
            runtime_env={"py_modules": packages},
            log_to_driver=False,
            logging_level=logging.WARNING,
        )
    except (ConnectionError, RuntimeError, ValueError, SystemExit) as error:
        log.exception("the cluster cannot be used")
        raise NotReady(NO_ANSWER.format(address=address)) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _require_answer(address: str) -> None:
    """Ray itself waits two minutes for a cluster that is not there, and then ends the process."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdigit():
        return  # a name such as “auto”, which Ray looks up at once
    try:
        socket.create_connection((host, int(port)), ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise NotReady(NO_ANSWER.format(address=address)) from error


@dataclass(frozen=True)
class _Here:
    """The server's end of a run."""

    reporter: Reporter
    checkpoints: Path


def _watch(ray: Any, task: Any, desk: Any, here: _Here) -> Outcome:
    """Pass news on until the task is done."""
    began = False
    log.info("the run waits for a free node of the cluster")
    while True:
        done = ray.wait([task], timeout=BEAT_SECONDS)[0]
        asked = here.reporter.asked()
        news: News = ray.get(desk.fetch.remote(asked))
        tell(news, here.reporter, here.checkpoints)
        began = began or bool(news.events)
        if done:
            outcome: Outcome = ray.get(task)
            return outcome
        if asked and not began:
            ray.cancel(task, force=True)
            raise Paused if asked == "pause" else StoppedEarly


def _desk(ray: Any, checkpoints: Path) -> Any:
    """The desk, on the node that the server is on: it is lost only with the server itself."""
    here = ray.get_runtime_context().get_node_id()
    stay = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(here, soft=False)
    actor = ray.remote(num_cpus=0, scheduling_strategy=stay)(Desk)
    return actor.remote(whole(checkpoints))


def _task(ray: Any, function: Any, retries: int) -> Any:
    """A task on a node: one graphics card where the cluster has any; its process ends with it, so that memory is given back."""
    gpus = 1 if ray.cluster_resources().get("GPU") else 0
    return ray.remote(num_cpus=1, num_gpus=gpus, max_retries=retries, max_calls=1)(function)


def _train_task(pixels: np.ndarray, order: Order, desk: Any) -> Outcome:
    import ray

    node = f"{ray.util.get_node_ip_address()} {ray.get_runtime_context().get_node_id()[:8]}"
    return train_remotely(pixels, order, _Remote(desk), node)


class _Remote:
    """The desk's methods, called as if it were here."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    def begin(self, node: str) -> Any:
        import ray

        return ray.get(self._actor.begin.remote(node))

    def leave(self, attempt: int, news: News) -> Any:
        import ray

        return ray.get(self._actor.leave.remote(attempt, news))


def _order(dataset: Dataset, spec: TrainingSpec, folder: Path) -> Order:
    return Order((dataset.folder / MANIFEST).read_bytes(), spec, _weights(spec, folder))


def _weights(spec: TrainingSpec, folder: Path) -> Mapping[str, bytes]:
    """The file of pretrained weights that a spec needs; where it is not here, the node looks for one of its own."""
    backbone = BACKBONES[spec.architecture]
    if not backbone.pretrained:
        return {}
    state = weights_state(backbone, folder)
    return {state.file: state.path.read_bytes()} if state.present else {}


def _unpacked(outcome: Outcome, folder: Path) -> Artefacts:
    kind, sentence = outcome.error
    if kind in {"StoppedEarly", "Paused"}:
        raise getattr(errors, kind)
    if outcome.artefacts is None:
        raise TrainingFailed(sentence)
    folder.mkdir(parents=True, exist_ok=True)
    apply(outcome.files, folder)
    return replace(outcome.artefacts, folder=folder)
