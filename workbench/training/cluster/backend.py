"""Trains on a Ray cluster as :func:`workbench.training.engine.train.train` does on this machine. Imports Ray in functions alone."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import storage
import workbench
from workbench.core.errors import NotReady
from workbench.training.cluster.executor import RayExecutor, lost_nodes_reported, shared_inputs, task
from workbench.training.cluster.task import run_part
from workbench.training.dataset import Dataset
from workbench.training.reporter import Reporter, RunPaths
from workbench.training.search.search import search
from workbench.training.spec import BEST, TrainingSpec

if TYPE_CHECKING:
    from workbench.training.engine.train import Artefacts

log = logging.getLogger("cluster")
ANSWER_SECONDS = 5.0
NO_RAY = (
    "WORKBENCH_RAY_ADDRESS is set, but Ray is not installed. Install it (pip install 'ray>=2.60,<3'), or unset "
    "WORKBENCH_RAY_ADDRESS to train on this machine; then resume the run."
)
NO_ANSWER = (
    "The Ray cluster at {address} does not answer. Start it and resume the run, or unset WORKBENCH_RAY_ADDRESS to train on "
    "this machine."
)


def train_on_cluster(
    address: str, dataset: Dataset, spec: TrainingSpec, reporter: Reporter, place: RunPaths
) -> Artefacts:
    """Have a run trained on a node, or its search on all of them; what a node had is begun again where it is lost.

    Args:
        address: Of the cluster, as ``ray.init`` takes it.
        dataset: The pictures and their split.
        spec: The settings.
        reporter: As with :func:`workbench.training.engine.train.train`.
        place: Checkpoints are kept here as well as they arrive, and gone on with; the model's files end here.

    Raises:
        NotReady: There is no Ray, or the cluster does not answer.
        TrainingFailed: It failed on the node, or too many nodes were lost.
        StoppedEarly: A stop was asked for before the first epoch was finished.
        Paused: A pause was asked for.
    """
    with connected(address) as ray:
        errands = RayExecutor(ray, dataset, spec, place.weights)
        if spec.recipe == BEST:
            return search(dataset, spec, reporter, place, errands)
        return errands.train(dataset, spec, reporter, place)


class ClusterMapper:
    """Runs parts of a job on the nodes of a cluster, as :func:`workbench.training.search.cross_validation.one_by_one` does here."""

    def __init__(self, address: str) -> None:
        self._address = address

    def __call__(self, function: Any, dataset: Dataset, parts: Sequence[Any], place: RunPaths) -> list[Any]:
        """Call ``function(dataset, part, place)`` for every part, and give the results in the order of the parts.

        Raises:
            NotReady: There is no Ray, or the cluster does not answer.
            TrainingFailed: Too many nodes were lost.
        """
        with connected(self._address) as ray:
            shared = ray.put(shared_inputs(dataset, parts[0].spec, place.weights))
            call = task(ray, run_part, {"max_calls": 1})
            with lost_nodes_reported(ray):
                return list(ray.get([call.remote(shared, function, part) for part in parts]))


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
