"""Ray backend: trains on a cluster as :func:`workbench.training.engine.train.train` does locally. Imports Ray inside functions only."""

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
    """Train a run on a node, or run its search on all nodes; tasks of lost nodes are restarted.

    Args:
        address: Cluster address, as for ``ray.init``.
        dataset: The pictures and their split.
        spec: The settings.
        reporter: As with :func:`workbench.training.engine.train.train`.
        place: Local folders: checkpoints are copied here as they arrive and resumed from; model files are written here.

    Raises:
        NotReady: Ray is not installed, or the cluster does not answer.
        TrainingFailed: Training failed on the node, or too many nodes were lost.
        StoppedEarly: A stop was requested before the first epoch was finished.
        Paused: A pause was requested.
    """
    with connected(address):
        from workbench.training.cluster.executor import RayExecutor

        executor = RayExecutor(dataset, spec, place.weights)
        if spec.recipe == BEST:
            return search(dataset, spec, reporter, place, executor)
        return executor.train(dataset, spec, reporter, place)


class ClusterMapper:
    """Maps a function over the parts of a job on the nodes of a cluster, as :func:`workbench.training.search.cross_validation.map_sequentially` does locally."""

    def __init__(self, address: str) -> None:
        self._address = address

    def __call__(self, function: Any, dataset: Dataset, parts: Sequence[Any], place: RunPaths) -> list[Any]:
        """Call ``function(dataset, part, place)`` for every part and return the results in order.

        Raises:
            NotReady: Ray is not installed, or the cluster does not answer.
            TrainingFailed: Too many nodes were lost.
        """
        with connected(self._address):
            from workbench.training.cluster.executor import RayExecutor

            return RayExecutor(dataset, parts[0].spec, place.weights).map(function, parts)


@contextlib.contextmanager
def connected(address: str) -> Iterator[None]:
    """Connect Ray to a cluster; this project's packages are uploaded to its nodes.

    Raises:
        NotReady: Ray is not installed, or the cluster does not answer.
    """
    try:
        import ray
    except ImportError as error:
        raise NotReady(NO_RAY) from error
    _require_answer(address)
    packages = [str(Path(package.__path__[0])) for package in (workbench, storage)]
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
        yield
    finally:
        ray.shutdown()


def _require_answer(address: str) -> None:
    """Check that the address accepts connections: Ray itself waits two minutes and then terminates the process."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdigit():
        return  # a name such as “auto”, which Ray looks up at once
    try:
        socket.create_connection((host, int(port)), ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise NotReady(NO_ANSWER.format(address=address)) from error
