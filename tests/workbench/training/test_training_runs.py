"""Runs with real worker processes: what becomes of them, and of what they leave behind."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from storage.records import Run
from tests.pictures import shaded
from tests.running import until
from workbench.core.processes import started_at
from workbench.services import Services, build_services
from workbench.training.spec import TrainingSpec

pytestmark = pytest.mark.slow
SHORT = TrainingSpec(epochs=2)
LONG = TrainingSpec(epochs=1000, patience=1000)


@pytest.fixture
def training(labelled: Services) -> Iterator[Services]:
    """Services that look after runs; whatever still trains at the end is ended."""
    labelled.start()
    yield labelled
    labelled.close()
    for run in labelled.stores.runs.active():
        if run.pid and run.pid != os.getpid():
            worker = psutil.Process(run.pid)
            worker.kill()
            worker.wait(30)


def wait(services: Services, run_id: int, condition: Callable[[Run], object], what: str) -> Run:
    def met() -> Run | None:
        run = services.stores.runs.get(run_id)
        return run if condition(run) else None

    reached = until(met, f"run {run_id} to {what}", 180)
    assert reached is not None
    return reached


def ended(services: Services, run_id: int) -> Run:
    return wait(services, run_id, lambda run: not run.active, "end")


def running(services: Services, run_id: int) -> Run:
    return wait(services, run_id, lambda run: run.status == "running", "begin")


def workers(services: Services) -> list[psutil.Process]:
    """The worker processes of these services; those of an earlier test may still be on their way out."""
    pids, root = [], str(services.stores.root)
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            is_own = process.environ().get("WORKBENCH_DATA") == root
            pids += [process] if is_own and "workbench.training.worker" in process.cmdline() else []
    return pids


def left_behind(services: Services) -> list[Path]:
    return list(services.stores.root.glob("work/*"))


def test_runs_wait_for_one_another_and_each_leaves_a_version(training: Services) -> None:
    first, second = training.training.start(SHORT), training.training.start(SHORT)
    one = wait(training, first, lambda run: run.progress.get("epoch"), "train")
    assert (one.status, one.progress["epochs"]) == ("running", 2)
    assert training.stores.runs.get(second).status == "queued"
    one, two = ended(training, first), ended(training, second)
    assert [(run.status, run.version, run.error) for run in (one, two)] == [
        ("finished", "v1", None),
        ("finished", "v2", None),
    ]
    assert one.ended_at is not None
    assert two.started_at is not None
    assert one.ended_at < two.started_at
    report = training.training.report(first)
    items = training.stores.snapshots.items(one.snapshot_id)
    held_out = [(item.image_id, item.label) for item in items if item.split == "validation"]
    assert [(prediction.image_id, prediction.label) for prediction in report.predictions] == held_out
    assert [epoch["epoch"] for epoch in report.history] == [1, 2]
    version = training.stores.registry.get("v1")
    assert (version.manifest["classes"], version.manifest["snapshot"]) == (
        ["High", "Low"],
        report.snapshot.content_hash,
    )
    for name in ("model.keras", "model.tflite"):
        assert training.stores.registry.file(version, name).stat().st_size > 10_000
    training.stores.registry.promote("v1", "production", "", "ann")
    assert training.predictor.predict(shaded(0.7, 999)).version == "v1"
    until(lambda: not left_behind(training), "the worker to tidy up")


@pytest.mark.usefixtures("cold_workers")
def test_a_run_that_is_stopped_keeps_its_best_epoch(training: Services) -> None:
    run_id = training.training.start(replace(LONG, monitor="val_loss"))
    wait(training, run_id, lambda run: training.stores.runs.history(run_id), "finish an epoch")
    assert training.training.stop(run_id).stop_requested
    run = ended(training, run_id)
    history = training.stores.runs.history(run_id)
    assert (run.status, run.version, run.error) == ("stopped", "v1", None)
    assert run.best_epoch == min(history, key=lambda record: record["val_loss"])["epoch"]
    assert len(history) < 1000
    assert training.stores.registry.get("v1").manifest["best_epoch"] == run.best_epoch


def test_a_run_that_is_stopped_before_its_first_epoch_has_no_model(training: Services) -> None:
    run_id = training.training.start(replace(LONG, batch_size=2))
    running(training, run_id)
    training.training.stop(run_id)
    run = ended(training, run_id)
    assert (run.status, run.version) == ("stopped", None)
    assert run.error == "The run was stopped before its first epoch was finished, so there is no model."


@pytest.mark.usefixtures("tiny_net")
def test_a_killed_worker_is_an_interrupted_run_and_the_next_one_begins(training: Services) -> None:
    first, second = training.training.start(LONG), training.training.start(LONG)
    pid = running(training, first).pid
    until(lambda: left_behind(training), "pictures to be prepared")
    os.kill(pid or 0, signal.SIGKILL)
    run = ended(training, first)
    assert (run.status, run.version) == ("interrupted", None)
    assert (run.error or "").endswith("it goes on from its last finished epoch.")
    assert running(training, second).pid != pid
    assert training.stores.work_folder(first, 1) not in left_behind(training)


@pytest.mark.usefixtures("tiny_net")
def test_a_server_that_starts_again_adopts_a_worker_that_lives(training: Services) -> None:
    run_id = training.training.start(LONG)
    before = running(training, run_id)
    training.close()
    with closing(build_services(training.settings)) as later:
        later.start()
        wait(later, run_id, lambda run: later.stores.runs.history(run_id), "finish an epoch")
        assert later.stores.runs.get(run_id).pid == before.pid
        later.training.stop(run_id)
        assert (ended(later, run_id).status, ended(later, run_id).version) == ("stopped", "v1")


def test_a_server_that_starts_again_notices_a_worker_that_is_gone(training: Services) -> None:
    run_id = training.training.start(LONG)
    pid = running(training, run_id).pid
    training.close()
    os.kill(pid or 0, signal.SIGKILL)
    with closing(build_services(training.settings)) as later:
        later.start()
        run = ended(later, run_id)
    assert run.status == "interrupted"
    assert "The training process is gone" in (run.error or "")


def test_a_process_number_used_again_is_not_taken_for_the_worker(labelled: Services) -> None:
    run_id = labelled.training.start(LONG)
    labelled.stores.runs.claim(run_id, os.getpid(), f"{started_at(os.getpid())}0")
    with closing(labelled):
        labelled.start()
        assert ended(labelled, run_id).status == "interrupted"


@pytest.mark.usefixtures("cold_workers")
def test_a_run_that_another_process_took_is_left_to_it(training: Services) -> None:
    run_id = training.training.start(LONG)
    [worker] = until(lambda: workers(training), "a worker to be started")
    assert training.stores.runs.claim(run_id, os.getpid(), started_at(os.getpid()))
    until(lambda: not worker.is_running(), "the worker to find the run taken")
    later = training.training.start(LONG)
    assert training.training.stop(later).status == "stopped"
    run = training.stores.runs.get(run_id)
    assert (run.status, run.pid, run.error) == ("running", os.getpid(), None)


def test_a_run_whose_pictures_are_lost_fails_with_a_sentence_and_its_log(training: Services) -> None:
    shutil.rmtree(training.stores.root / "blobs")
    run_id = training.training.start(SHORT)
    run = ended(training, run_id)
    assert (run.status, run.version) == ("failed", None)
    assert "is not there any more" in (run.error or "")
    assert "NotFound" in training.training.log_tail(run_id)
    assert training.stores.registry.versions() == []


def test_a_worker_that_cannot_begin_is_a_failed_run_with_its_log(
    training: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_MAX_PIXELS", "many")
    run_id = training.training.start(SHORT)
    run = ended(training, run_id)
    assert run.status == "failed"
    assert (run.error or "").endswith("The last lines of its log say why.")
    assert "WORKBENCH_MAX_PIXELS" in training.training.log_tail(run_id)
