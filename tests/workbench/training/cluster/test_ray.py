"""Runs, folds and trials of a search on a real Ray cluster of two workers on this machine."""

from __future__ import annotations

import logging
import re
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from packaging.requirements import Requirement

from tests.running import ROOT, until
from tests.workbench import tiny_net
from tests.workbench.tiny_weights import SMALL, write_weights
from tests.workbench.training_data import bars
from workbench.core.errors import NotReady, Paused
from workbench.services import Services, build_services
from workbench.training.cluster.backend import NO_RAY, ClusterMapper, connected, train_on_cluster
from workbench.training.dataset import Dataset
from workbench.training.engine.train import Artefacts, train
from workbench.training.reporter import EpochRecord, Progress, RunPaths, SilentReporter
from workbench.training.search.cross_validation import cross_validate
from workbench.training.search.local_executor import LocalExecutor
from workbench.training.search.successive_halving import FoldPredictions
from workbench.training.search.trial import TrialExecutor, TrialReporter, TrialResult, TrialTask
from workbench.training.spec import TrainingSpec

pytestmark = pytest.mark.slow
EPOCHS = 30  # so many that the run is not finished when its first checkpoint has arrived and the answer to it is back
# A node that is gone is noticed within seconds rather than half a minute.
QUICK = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 3000,
    "health_check_failure_threshold": 6,
}
STORE_BYTES = 100_000_000


class TinySpec(TrainingSpec):
    """Trains the tiny net in every process that it is sent to; in this one the fixture ``tiny_net`` does."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _spec_with_tiny_net, (vars(self),)


def _spec_with_tiny_net(fields: dict[str, Any]) -> TrainingSpec:
    tiny_net.install()
    return TrainingSpec(**fields)


SPEC = TinySpec(epochs=EPOCHS, batch_size=4, patience=1000)


def require_ray() -> None:
    """Skip a test where there is no Ray for this platform; a Ray that is only not installed is a failure."""
    lines = (ROOT / "tests" / "requirements.txt").read_text("utf-8").splitlines()
    marker = Requirement(next(line for line in lines if line.startswith("ray"))).marker
    if marker is not None and not marker.evaluate():
        pytest.skip("there is no Ray for this platform")


@dataclass
class ActingReporter(SilentReporter):
    """A reporter that acts once, when the first checkpoint has arrived in a folder, and requests the action that this returns."""

    checkpoints: Path | None = None
    act: Callable[[], str] = str
    epochs: set[int] = field(default_factory=set)
    events: list[tuple[str, object]] = field(default_factory=list)
    action: str | None = None

    def phase(self, name: str) -> None:
        self.events.append(("phase", name))

    def step(self, progress: Progress) -> None:
        self.events.append(("step", progress.epoch))

    def epoch(self, record: EpochRecord) -> None:
        self.epochs.add(record.epoch)

    def requested_action(self) -> str:
        arrived = self.checkpoints is not None and any(self.checkpoints.rglob("*.checkpoint"))
        if arrived and self.action is None:
            self.action = self.act()
        return self.action or ""

    def first_epoch(self) -> object:
        """The epoch of the first step after the run was last started or resumed."""
        start = len(self.events) - self.events[::-1].index(("phase", "preparing"))
        return next(value for kind, value in self.events[start:] if kind == "step")


class RayCluster:
    """A cluster with two nodes that train, beside the one that this process belongs to."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        head = {"num_cpus": 0, "object_store_memory": STORE_BYTES, "include_dashboard": False}
        self._cluster = Cluster(initialize_head=True, head_node_args={**head, "_system_config": QUICK})
        self._nodes = [self._add_node(), self._add_node()]
        self.address = self._cluster.address

    def _add_node(self) -> Any:
        return self._cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES)

    def kill(self, node_id: str) -> str:
        """Kill a node as a power cut would, and add a new one; no action is requested of the run."""
        node = next(node for node in self._nodes if node.node_id.startswith(node_id))
        self._nodes.remove(node)
        self._cluster.remove_node(node, allow_graceful=False)
        self._nodes.append(self._add_node())
        return ""

    def close(self) -> None:
        self._cluster.shutdown()


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    require_ray()
    cluster = RayCluster()
    yield cluster
    cluster.close()


def paths(folder: Path) -> RunPaths:
    return RunPaths(folder / "model", folder / "checkpoints", folder / "features", folder / "weights")


def node_ids(log: str) -> list[str]:
    """The nodes that started a training, in that order."""
    return re.findall(r"node \S+ ([0-9a-f]{8}) ", log)


def weights(artefacts: Artefacts) -> list[np.ndarray]:
    import keras

    return keras.models.load_model(artefacts.folder / "model.keras", compile=False).get_weights()


def assert_same(actual: Artefacts, expected: Artefacts) -> None:
    for actual_array, expected_array in zip(weights(actual), weights(expected), strict=True):
        np.testing.assert_array_equal(actual_array, expected_array)
    assert (actual.best_epoch, actual.predictions, actual.metrics) == (
        expected.best_epoch,
        expected.predictions,
        expected.metrics,
    )


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Artefacts:
    """The result of the same run on this machine, without an interruption."""
    folder = tmp_path_factory.mktemp("reference")
    with tiny_net.installed():
        return train(bars(folder / "data"), SPEC, SilentReporter(), paths(folder))


def test_a_run_whose_node_dies_ends_with_the_same_weights_on_another(
    cluster: RayCluster, reference: Artefacts, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "cluster")
    reporter = ActingReporter(paths(tmp_path).checkpoints, lambda: cluster.kill(node_ids(caplog.text)[0]))
    artefacts = train_on_cluster(cluster.address, bars(tmp_path / "data"), SPEC, reporter, paths(tmp_path))
    assert len(set(node_ids(caplog.text))) == 2
    assert ("cluster", "WARNING") in [(record.name, record.levelname) for record in caplog.records]
    assert reporter.first_epoch() in range(2, EPOCHS + 1)
    assert reporter.epochs == set(range(1, EPOCHS + 1))
    assert reporter.events[-1] == ("phase", "exporting")
    assert_same(artefacts, reference)


@pytest.mark.usefixtures("tiny_net")
def test_a_run_paused_on_the_cluster_goes_on_here(
    cluster: RayCluster, reference: Artefacts, tmp_path: Path
) -> None:
    data, reporter = bars(tmp_path / "data"), ActingReporter(paths(tmp_path).checkpoints, lambda: "pause")
    with pytest.raises(Paused):
        train_on_cluster(cluster.address, data, SPEC, reporter, paths(tmp_path))
    assert len(reporter.epochs) < EPOCHS
    local_reporter = ActingReporter()
    assert_same(train(data, SPEC, local_reporter, paths(tmp_path)), reference)
    assert local_reporter.first_epoch() == max(reporter.epochs) + 1


@pytest.mark.usefixtures("tiny_net")
def test_folds_on_the_cluster_give_the_figures_of_folds_here(cluster: RayCluster, tmp_path: Path) -> None:
    data, spec = bars(tmp_path / "data"), replace(SPEC, epochs=1)
    local = cross_validate(data, spec, 2, paths(tmp_path))
    remote = cross_validate(data, spec, 2, paths(tmp_path), ClusterMapper(cluster.address))
    assert remote.macro_f1 == local.macro_f1
    assert remote.accuracy == local.accuracy
    for local_fold, remote_fold in zip(local.folds, remote.folds, strict=True):
        np.testing.assert_array_equal(local_fold.probabilities, remote_fold.probabilities)


def trials(data: Dataset, specs: list[TrainingSpec], folder: Path) -> list[TrialTask]:
    return [TrialTask(number, data, spec, paths(folder / str(number))) for number, spec in enumerate(specs)]


def trial_reporters(reporter: SilentReporter) -> Callable[[], TrialReporter]:
    return lambda: TrialReporter(reporter, "searching", lambda: 60.0)


def run_trials(
    executor: TrialExecutor, tasks: list[TrialTask], reporter: SilentReporter
) -> dict[int, TrialResult]:
    """The result of each trial by its number."""
    results = executor.run_trials(iter(tasks), trial_reporters(reporter), lambda: False)
    return {task.number: result for task, result in results}


@pytest.fixture
def ray_executor(cluster: RayCluster, tmp_path: Path) -> Iterator[TrialExecutor]:
    with connected(cluster.address):
        from workbench.training.cluster.executor import RayExecutor

        yield RayExecutor(bars(tmp_path / "data"), SPEC, tmp_path / "weights")


@pytest.mark.usefixtures("tiny_net")
def test_trials_whose_node_dies_give_on_another_what_they_give_here(
    cluster: RayCluster, ray_executor: TrialExecutor, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "cluster")
    data = Dataset.open(tmp_path / "data")
    specs = [
        SPEC,
        replace(SPEC, seed=2),
        replace(SPEC, seed=3, epochs=1),
        replace(SPEC, class_weights={"?": 1.0}),
    ]
    reporter = ActingReporter(tmp_path / "remote", lambda: cluster.kill(node_ids(caplog.text)[0]))
    assert ray_executor.count == 2
    results = run_trials(ray_executor, trials(data, specs, tmp_path / "remote"), reporter)
    assert len(set(node_ids(caplog.text)[:2])) == 2
    assert ("cluster", "WARNING") in [(record.name, record.levelname) for record in caplog.records]
    local_results = run_trials(LocalExecutor(), trials(data, specs, tmp_path / "local"), SilentReporter())
    assert results.keys() == local_results.keys()
    for number, expected in local_results.items():
        result = results[number]
        if isinstance(expected, FoldPredictions):
            assert isinstance(result, FoldPredictions)
            np.testing.assert_array_equal(result.answers, expected.answers)
        else:
            assert (type(result), str(result)) == (type(expected), str(expected))
    assert [number for number in results if isinstance(results[number], Exception)] == [3]


def test_trials_are_paused_together_and_cancelled_together(
    ray_executor: TrialExecutor, tmp_path: Path
) -> None:
    tasks = trials(Dataset.open(tmp_path / "data"), [replace(SPEC, epochs=500)] * 3, tmp_path)
    reporter = ActingReporter(tasks[0].place.checkpoints, lambda: "pause")
    results: list[TrialResult] = []
    with pytest.raises(Paused):
        for _, result in ray_executor.run_trials(iter(tasks), trial_reporters(reporter), lambda: False):
            results.append(result)
    assert results == [None, None]
    reporter = ActingReporter()
    cancelled = ray_executor.run_trials(
        iter(tasks[:2]), trial_reporters(reporter), lambda: bool(reporter.events)
    )
    assert [result for _, result in cancelled] == [None, None]


@pytest.fixture
def ray_services(labelled: Services, cluster: RayCluster) -> Iterator[Services]:
    services = build_services(replace(labelled.settings, ray_address=cluster.address))
    services.start()
    yield services
    services.close()


def test_the_server_registers_what_the_cluster_trained(ray_services: Services) -> None:
    stores = ray_services.stores
    run_id = ray_services.training.start(replace(SPEC, epochs=2))
    until(lambda: not stores.runs.get(run_id).active, "the run to end", 120)
    run = stores.runs.get(run_id)
    assert (run.status, run.version, run.error, run.engine) == ("finished", "v1", None, "ray")
    assert [record["epoch"] for record in stores.runs.history(run_id)] == [1, 2]
    version = stores.registry.get("v1")
    assert stores.registry.file(version, "model.tflite").stat().st_size > 10_000
    assert len(stores.runs.predictions(run_id)) == version.manifest["metrics"]["pictures"]


def test_a_search_is_shared_among_the_nodes_and_outlives_one(
    ray_services: Services, cluster: RayCluster
) -> None:
    stores = ray_services.stores

    def nodes() -> list[str]:
        return node_ids(stores.log_file(run_id).read_text("utf-8"))

    write_weights(ray_services.settings.weights_folder)
    run_id = ray_services.training.start(TrainingSpec.of("best", architecture=SMALL, max_minutes=1))
    until(lambda: stores.log_file(run_id).exists() and len(set(nodes())) == 2, "two nodes to begin", 120)
    cluster.kill(nodes()[0])
    until(lambda: not stores.runs.get(run_id).active, "the run to end", 300)
    run = stores.runs.get(run_id)
    assert (run.status, run.version, run.error) == ("finished", "v1", None)
    records = stores.trials.of(run_id)
    assert {record.status for record in records} <= {"finished", "dropped"}
    assert [record.metrics.get("chosen") for record in records].count(True) == 1
    assert [(trial["number"], trial["status"]) for trial in stores.registry.get("v1").manifest["trials"]] == [
        (record.number, record.status) for record in records
    ]
    assert stores.runs.history(run_id)


def test_a_cluster_that_does_not_answer_is_named_in_the_error_of_the_run(labelled: Services) -> None:
    require_ray()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        services = build_services(replace(labelled.settings, ray_address=address))
        services.start()
        run_id = services.training.start(SPEC)
        until(lambda: not services.stores.runs.get(run_id).active, "the run to end", 60)
        services.close()
    run = services.stores.runs.get(run_id)
    assert run.status == "failed"
    assert run.error == (
        f"The Ray cluster at {address} does not answer. Start it and resume the run, or unset WORKBENCH_RAY_ADDRESS to "
        "train on this machine."
    )


def test_a_missing_ray_is_named_in_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(NotReady) as raised, connected("auto"):
        pass
    assert str(raised.value) == NO_RAY
