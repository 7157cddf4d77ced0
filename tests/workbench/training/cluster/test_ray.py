"""Runs, folds and tries of a search on a real Ray cluster of two workers on this machine."""

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

from tests.running import until
from tests.workbench.tiny_weights import SMALL, write_weights
from tests.workbench.training_data import bars
from workbench.core.errors import NotReady, Paused
from workbench.services import Services, build_services
from workbench.training.cluster.backend import NO_RAY, ClusterMapper, connected, train_on_cluster
from workbench.training.cluster.executor import RayExecutor
from workbench.training.engine.train import Artefacts, train
from workbench.training.reporter import EpochRecord, Progress, RunPaths, TrialRecord
from workbench.training.search.cross_validation import cross_validate
from workbench.training.search.successive_halving import FoldPredictions
from workbench.training.search.trial import TrialExecutor, TrialReporter, TrialResult, TrialTask
from workbench.training.spec import TrainingSpec

pytestmark = pytest.mark.slow
EPOCHS = 20
SPEC = TrainingSpec(epochs=EPOCHS, batch_size=4, patience=1000)
# A node that is gone is noticed within seconds rather than half a minute.
QUICK = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 3000,
    "health_check_failure_threshold": 6,
}
STORE_BYTES = 100_000_000


@dataclass
class Following:
    """A reporter that does something once, when the first checkpoint has arrived in a folder; what that gives is asked of the run."""

    checkpoints: Path | None = None
    act: Callable[[], str] = str
    epochs: set[int] = field(default_factory=set)
    said: list[tuple[str, object]] = field(default_factory=list)
    wish: str | None = None

    def phase(self, name: str) -> None:
        self.said.append(("phase", name))

    def counted(self, done: int, total: int) -> None: ...

    def step(self, progress: Progress) -> None:
        self.said.append(("step", progress.epoch))

    def epoch(self, record: EpochRecord) -> None:
        self.epochs.add(record.epoch)

    def trial(self, record: TrialRecord) -> None: ...

    def requested_action(self) -> str:
        arrived = self.checkpoints is not None and list(self.checkpoints.glob("*"))
        if arrived and self.wish is None:
            self.wish = self.act()
        return self.wish or ""

    def began_at(self) -> object:
        """The epoch of the first step after the run was last begun or gone on with."""
        begun = len(self.said) - self.said[::-1].index(("phase", "preparing"))
        return next(value for kind, value in self.said[begun:] if kind == "step")


class Workers:
    """A cluster with two nodes that train, beside the one that this process belongs to."""

    def __init__(self) -> None:
        cluster_utils = pytest.importorskip("ray.cluster_utils", reason="Ray is not installed here")
        head = {"num_cpus": 0, "object_store_memory": STORE_BYTES, "include_dashboard": False}
        self._cluster = cluster_utils.Cluster(
            initialize_head=True, head_node_args={**head, "_system_config": QUICK}
        )
        self._nodes = [self._add(), self._add()]
        self.address = self._cluster.address

    def _add(self) -> Any:
        return self._cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES)

    def kill(self, name: str) -> str:
        """Kill a node as a power cut would, and put a fresh one beside the other; nothing is asked of the run."""
        node = next(each for each in self._nodes if each.node_id.startswith(name))
        self._nodes.remove(node)
        self._cluster.remove_node(node, allow_graceful=False)
        self._nodes.append(self._add())
        return ""

    def close(self) -> None:
        self._cluster.shutdown()


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    found = Workers()
    yield found
    found.close()


def place(folder: Path) -> RunPaths:
    return RunPaths(folder / "model", folder / "checkpoints", folder / "features", folder / "weights")


def nodes_in(log: str) -> list[str]:
    """The nodes that took something up, in that order."""
    return re.findall(r"node \S+ ([0-9a-f]{8}) ", log)


def weights(artefacts: Artefacts) -> list[np.ndarray]:
    import keras

    return keras.models.load_model(artefacts.folder / "model.keras", compile=False).get_weights()


def assert_same(one: Artefacts, other: Artefacts) -> None:
    for mine, theirs in zip(weights(one), weights(other), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert (one.best_epoch, one.predictions, one.metrics) == (
        other.best_epoch,
        other.predictions,
        other.metrics,
    )


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Artefacts:
    """What the same run gives on this machine, without an interruption."""
    folder = tmp_path_factory.mktemp("reference")
    return train(bars(folder / "data"), SPEC, Following(), place(folder))


def test_a_run_whose_node_dies_ends_with_the_same_weights_on_another(
    workers: Workers, reference: Artefacts, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "cluster")
    reporter = Following(place(tmp_path).checkpoints, lambda: workers.kill(nodes_in(caplog.text)[0]))
    made = train_on_cluster(workers.address, bars(tmp_path / "data"), SPEC, reporter, place(tmp_path))
    assert len(set(nodes_in(caplog.text))) == 2
    assert "The node that trained is gone" in caplog.text
    assert reporter.began_at() in range(2, EPOCHS + 1)
    assert reporter.epochs == set(range(1, EPOCHS + 1))
    assert reporter.said[-1] == ("phase", "exporting")
    assert_same(made, reference)


def test_a_run_paused_on_the_cluster_goes_on_here(
    workers: Workers, reference: Artefacts, tmp_path: Path
) -> None:
    data, reporter = bars(tmp_path / "data"), Following(place(tmp_path).checkpoints, lambda: "pause")
    with pytest.raises(Paused):
        train_on_cluster(workers.address, data, SPEC, reporter, place(tmp_path))
    assert len(reporter.epochs) < EPOCHS
    here = Following()
    assert_same(train(data, SPEC, here, place(tmp_path)), reference)
    assert here.began_at() == max(reporter.epochs) + 1


def test_folds_on_the_cluster_give_the_figures_of_folds_here(workers: Workers, tmp_path: Path) -> None:
    data, spec = bars(tmp_path / "data"), replace(SPEC, epochs=1)
    here = cross_validate(data, spec, 2, place(tmp_path))
    there = cross_validate(data, spec, 2, place(tmp_path), ClusterMapper(workers.address))
    assert there.macro_f1 == here.macro_f1
    assert there.accuracy == here.accuracy
    for mine, theirs in zip(here.folds, there.folds, strict=True):
        np.testing.assert_array_equal(mine.probabilities, theirs.probabilities)


def listening(reporter: Following) -> Callable[[], TrialReporter]:
    return lambda: TrialReporter(reporter, "searching", lambda: 60.0)


def tried(hands: TrialExecutor, tries: list[TrialTask], reporter: Following) -> dict[int, TrialResult]:
    """What became of each try."""
    return {
        each.number: said for each, said in hands.run_trials(iter(tries), listening(reporter), lambda: False)
    }


def test_tries_whose_node_dies_answer_on_another_as_they_do_here(
    workers: Workers, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from workbench.training.search.local_executor import LocalExecutor

    caplog.set_level(logging.INFO, "cluster")
    data = bars(tmp_path / "data")
    specs = [
        SPEC,
        replace(SPEC, seed=2),
        replace(SPEC, seed=3, epochs=1),
        replace(SPEC, class_weights={"?": 1.0}),
    ]
    here, there = (
        [
            TrialTask(number, data, spec, place(tmp_path / name / str(number)))
            for number, spec in enumerate(specs)
        ]
        for name in ("here", "there")
    )
    reporter = Following(there[0].place.checkpoints, lambda: workers.kill(nodes_in(caplog.text)[0]))
    with connected(workers.address) as ray:
        errands = RayExecutor(ray, data, SPEC, there[0].place.weights)
        assert errands.count == 2
        found = tried(errands, there, reporter)
    assert len(set(nodes_in(caplog.text)[:2])) == 2
    assert "The node that trained is gone" in caplog.text
    for number, said in tried(LocalExecutor(), here, Following()).items():
        mine = found[number]
        if isinstance(said, FoldPredictions):
            assert isinstance(mine, FoldPredictions)
            np.testing.assert_array_equal(mine.answers, said.answers)
        else:
            assert (type(mine), str(mine)) == (type(said), str(said))
    assert [number for number in found if isinstance(found[number], Exception)] == [3]


def test_tries_are_paused_together_and_given_up_together(workers: Workers, tmp_path: Path) -> None:
    data = bars(tmp_path / "data")
    tries = [
        TrialTask(number, data, replace(SPEC, epochs=500), place(tmp_path / str(number)))
        for number in range(3)
    ]
    reporter = Following(tries[0].place.checkpoints, lambda: "pause")
    ended: list[TrialResult] = []
    with connected(workers.address) as ray:
        errands = RayExecutor(ray, data, SPEC, tries[0].place.weights)
        with pytest.raises(Paused):
            for _, said in errands.run_trials(iter(tries), listening(reporter), lambda: False):
                ended.append(said)
        assert ended == [None, None]
        silent = Following()
        given_up = errands.run_trials(iter(tries[:2]), listening(silent), lambda: bool(silent.said))
        assert [said for _, said in given_up] == [None, None]


@pytest.fixture
def on_the_cluster(labelled: Services, workers: Workers) -> Iterator[Services]:
    with_ray = build_services(replace(labelled.settings, ray_address=workers.address))
    with_ray.start()
    yield with_ray
    with_ray.close()


def test_the_server_writes_what_the_cluster_made(on_the_cluster: Services) -> None:
    stores = on_the_cluster.stores
    run_id = on_the_cluster.training.start(replace(SPEC, epochs=2))
    until(lambda: not stores.runs.get(run_id).active, "the run to end", 120)
    run = stores.runs.get(run_id)
    assert (run.status, run.version, run.error, run.engine) == ("finished", "v1", None, "ray")
    assert [each["epoch"] for each in stores.runs.history(run_id)] == [1, 2]
    version = stores.registry.get("v1")
    assert stores.registry.file(version, "model.tflite").stat().st_size > 10_000
    assert len(stores.runs.predictions(run_id)) == version.manifest["metrics"]["pictures"]


def test_a_search_is_shared_among_the_nodes_and_outlives_one(
    on_the_cluster: Services, workers: Workers
) -> None:
    stores = on_the_cluster.stores

    def nodes() -> list[str]:
        return nodes_in(stores.log_file(run_id).read_text("utf-8"))

    write_weights(on_the_cluster.settings.weights_folder)
    run_id = on_the_cluster.training.start(TrainingSpec.of("best", architecture=SMALL, max_minutes=1))
    until(lambda: stores.log_file(run_id).exists() and len(set(nodes())) == 2, "two nodes to begin", 120)
    workers.kill(nodes()[0])
    until(lambda: not stores.runs.get(run_id).active, "the run to end", 180)
    run = stores.runs.get(run_id)
    assert (run.status, run.version, run.error) == ("finished", "v1", None)
    trials = stores.trials.of(run_id)
    assert {trial.status for trial in trials} <= {"finished", "dropped"}
    assert [trial.metrics.get("chosen") for trial in trials].count(True) == 1
    told = stores.registry.get("v1").manifest["trials"]
    assert [(each["number"], each["status"]) for each in told] == [
        (trial.number, trial.status) for trial in trials
    ]
    assert stores.runs.history(run_id)


def test_a_cluster_that_does_not_answer_is_said_on_the_run(labelled: Services) -> None:
    pytest.importorskip("ray", reason="Ray is not installed here")
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


def test_ray_that_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(NotReady) as told, connected("auto"):
        pass
    assert str(told.value) == NO_RAY
