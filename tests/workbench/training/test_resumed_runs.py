"""Runs with real workers that are paused, stopped or killed, and go on."""

from __future__ import annotations

import hashlib
import os
import re
import signal
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from gradio_client import handle_file

from storage.records import Run
from tests.forked_workers import fork_python
from tests.pictures import class_zip
from tests.running import Server, until
from tests.workbench.tiny_weights import SMALL, write_weights
from workbench.core.settings import Settings
from workbench.services import Services, build_services
from workbench.stores import open_stores
from workbench.training import checkpoint_retention
from workbench.training.spec import TrainingSpec

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tiny_nets")]
SHORT = TrainingSpec(epochs=3, patience=1000)
LONG = TrainingSpec(epochs=1000, patience=1000)
KILLED_IN = """
import os, signal, sys
from workbench.training.worker import __main__ as worker

class Reporter(worker.DatabaseReporter):
    def phase(self, name):
        super().phase(name)
        self.die(name)

    def epoch(self, record):
        super().epoch(record)
        self.die(f"epoch {record.epoch}")

    def trial(self, record):
        super().trial(record)
        self.die(f"try {record.number} {record.status}")

    def die(self, where):
        if where == sys.argv[2]:
            os.kill(os.getpid(), signal.SIGKILL)

worker.DatabaseReporter = Reporter
worker.main(int(sys.argv[1]))
"""


@pytest.fixture
def training(labelled: Services) -> Iterator[Services]:
    """Services that look after runs; what still trains at the end is stopped."""
    labelled.start()
    yield labelled
    for run in labelled.stores.runs.active():
        labelled.training.stop(run.id)
    until(lambda: not labelled.stores.runs.active(), "the runs to end", 60)
    labelled.close()


def in_status(services: Services, run_id: int, *statuses: str) -> Run:
    def reached() -> Run | None:
        run = services.stores.runs.get(run_id)
        return run if run.status in statuses else None

    ended = until(reached, f"run {run_id} to be {' or '.join(statuses)}", 180)
    assert ended is not None
    return ended


def epochs(services: Services, run_id: int) -> list[int]:
    return [epoch["epoch"] for epoch in services.stores.runs.history(run_id)]


def killed_in(services: Services, run_id: int, where: str) -> Run:
    """Carry a run out in a worker that dies at once when it comes there, and let a server find that out."""
    environment = {**os.environ, "WORKBENCH_DATA": str(services.stores.root)}
    with services.stores.log_file(run_id).open("ab") as output:
        killed = fork_python(["-c", KILLED_IN, str(run_id), where], environment, output)
    assert killed.wait(120) == -signal.SIGKILL
    assert services.stores.runs.get(run_id).status == "running"
    with closing(build_services(services.settings)) as server:
        server.start()
        return in_status(server, run_id, "interrupted")


def test_a_run_killed_in_every_phase_goes_on_and_finishes(labelled: Services) -> None:
    run_id = labelled.training.start(SHORT)
    labelled.stores.log_file(run_id).parent.mkdir(exist_ok=True)
    for where in ("preparing", "training", "epoch 2", "evaluating", "exporting"):
        run = killed_in(labelled, run_id, where)
        assert "Resume the run" in (run.error or "")
        assert list(labelled.stores.root.glob("work/*")) == []
        assert labelled.training.resume(run_id) == run_id
    with closing(build_services(labelled.settings)) as server:
        server.start()
        run = in_status(server, run_id, "finished", "failed")
    assert (run.error, run.version) == (None, "v1")
    assert epochs(labelled, run_id) == [1, 2, 3]
    assert not checkpoint_retention.has_checkpoint(labelled.stores, run)
    log = labelled.stores.log_file(run_id).read_text()
    assert re.findall(r"\bepoch-0*(\d+)\.checkpoint\b", log) == ["1", "3", "3"]


def test_a_run_killed_while_it_computes_features_goes_on_and_finishes(labelled: Services) -> None:
    weights = write_weights(labelled.settings.weights_folder)
    run_id = labelled.training.start(TrainingSpec.of("instant", architecture=SMALL, epochs=2, variants=1))
    labelled.stores.log_file(run_id).parent.mkdir(exist_ok=True)
    killed_in(labelled, run_id, "features")
    assert labelled.training.resume(run_id) == run_id
    with closing(build_services(labelled.settings)) as server:
        server.start()
        run = in_status(server, run_id, "finished", "failed")
    assert (run.error, run.version) == (None, "v1")
    kept = labelled.stores.registry.get("v1").manifest["weights"]
    assert hashlib.sha256(weights.read_bytes()).hexdigest() in kept.values()


def begun_tries(services: Services, run_id: int) -> list[int]:
    """The tries of a search in the order in which they were begun, over all its workers."""
    log = services.stores.log_file(run_id).read_text()
    return [int(number) for number in re.findall(r"TrialRecord\(number=(\d+),.* status='running'", log)]


def test_a_search_that_is_killed_does_not_try_again_what_was_tried(labelled: Services) -> None:
    write_weights(labelled.settings.weights_folder)
    run_id = labelled.training.start(TrainingSpec.of("best", architecture=SMALL, max_minutes=30))
    labelled.stores.log_file(run_id).parent.mkdir(exist_ok=True)
    assert killed_in(labelled, run_id, "try 2 running").phase == "searching"
    first = labelled.stores.trials.of(run_id)[0]
    assert first.metrics["folds"] == 1
    assert labelled.training.resume(run_id) == run_id
    with closing(build_services(labelled.settings)) as server:
        server.start()
        until(lambda: len(begun_tries(server, run_id)) > 2, "another try", 180)
        server.training.stop(run_id)
        run = in_status(server, run_id, "stopped", "finished", "failed")
    assert begun_tries(labelled, run_id) == [1, 2, 2]
    assert (run.status, run.error, run.version) == ("stopped", None, "v1")
    [chosen] = [trial for trial in labelled.stores.trials.of(run_id) if trial.metrics.get("chosen")]
    assert (chosen.number, chosen.metrics["macro_f1"]) == (1, first.metrics["macro_f1"])


def test_a_paused_run_goes_on_and_can_be_stopped_while_it_is_paused(training: Services) -> None:
    run_id = training.training.start(LONG)
    until(lambda: epochs(training, run_id), "an epoch", 180)
    assert training.training.pause(run_id).status == "running"
    paused = in_status(training, run_id, "paused", "failed")
    assert (paused.status, paused.error, paused.ended_at, paused.version) == ("paused", None, None, None)
    before = epochs(training, run_id)
    assert training.training.resume(run_id) == run_id
    until(lambda: len(epochs(training, run_id)) > len(before), "another epoch", 180)
    training.training.pause(run_id)
    in_status(training, run_id, "paused", "failed")
    training.training.stop(run_id)
    run = in_status(training, run_id, "stopped", "failed")
    assert (run.status, run.version, run.error) == ("stopped", "v1", None)
    done = epochs(training, run_id)
    assert done == list(range(1, len(done) + 1))


def test_a_stopped_run_goes_on_as_a_new_one(training: Services) -> None:
    first = training.training.start(LONG)
    until(lambda: len(epochs(training, first)) > 1, "two epochs", 180)
    training.training.stop(first)
    stopped = in_status(training, first, "stopped", "failed")
    assert stopped.version == "v1"
    assert training.training.resumable(stopped)
    manifest = training.stores.registry.get("v1").manifest_sha256
    before = epochs(training, first)
    second = training.training.resume(first)
    assert (second, training.stores.runs.get(second).continues) == (first + 1, first)
    until(lambda: len(epochs(training, second)) > len(before), "another epoch", 180)
    training.training.stop(second)
    assert in_status(training, second, "stopped", "failed").version == "v2"
    assert epochs(training, first) == before
    assert training.stores.runs.history(second)[: len(before)] == training.stores.runs.history(first)
    assert training.stores.registry.get("v1").manifest_sha256 == manifest


def test_as_many_runs_train_at_once_as_are_allowed(labelled: Services) -> None:
    with closing(build_services(replace(labelled.settings, runs=2))) as server:
        ids = [server.training.start(SHORT) for _ in range(4)]
        server.training.move(ids[3], 1)
        server.training.stop(ids[0])
        server.start()
        last, second, third = (server.stores.runs.get(run_id) for run_id in (ids[3], ids[1], ids[2]))
        until(lambda: len(_running(server)) == 2, "two runs to train", 60)
        assert {run.id for run in _running(server)} == {last.id, second.id}
        assert server.stores.runs.get(third.id).status == "queued"
        ended = [in_status(server, run_id, "finished", "failed") for run_id in (ids[3], ids[1], ids[2])]
    assert [run.status for run in ended] == ["finished"] * 3
    assert {run.version for run in ended} == {"v1", "v2", "v3"}
    assert server.stores.runs.get(ids[0]).status == "stopped"


def _running(services: Services) -> list[Run]:
    return [run for run in services.stores.runs.active() if run.status == "running"]


def test_a_run_that_takes_too_much_memory_ends_with_a_sentence(labelled: Services) -> None:
    with closing(build_services(replace(labelled.settings, memory_mb=200))) as server:
        server.start()
        run = in_status(server, server.training.start(LONG), "failed", "finished")
        until(lambda: not list(server.stores.root.glob("work/*")), "the worker to tidy up")
    assert "Training took more than the 200 MB of memory that a run may take" in (run.error or "")
    assert run.progress["memory_mb"] > 200
    assert run.version is None


def test_classes_may_change_while_a_run_trains(training: Services) -> None:
    run_id = training.training.start(SHORT)
    in_status(training, run_id, "running")
    training.labelling.rename("High", "Tall", "ann")
    training.labelling.add("Empty", "ann")
    run = in_status(training, run_id, "finished", "failed")
    assert run.error is None
    assert training.stores.registry.get("v1").manifest["classes"] == ["High", "Low"]


def test_a_run_outlives_a_killed_server(server: Server, tmp_path: Path) -> None:
    client = server.client()
    client.predict(files=[handle_file(str(class_zip(tmp_path / "classes.zip")))], api_name="/import_images")
    run_id = client.predict(spec={"epochs": 1000, "patience": 1000}, api_name="/start_training")["run_id"]
    stores = open_stores(Settings(data=server.data / "workbench"))
    until(lambda: stores.runs.history(run_id), "an epoch", 180)
    before = stores.runs.get(run_id)
    server.end(signal.SIGKILL)
    seen = len(stores.runs.history(run_id))
    until(lambda: len(stores.runs.history(run_id)) > seen, "an epoch without a server", 180)
    server.start()
    server.client().predict(run_id=run_id, api_name="/stop_training")
    until(lambda: not stores.runs.get(run_id).active, "the run to end", 180)
    run = stores.runs.get(run_id)
    assert (run.status, run.version, run.error, run.pid) == ("stopped", "v1", None, before.pid)
