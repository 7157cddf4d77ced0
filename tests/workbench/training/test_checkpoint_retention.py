"""What runs leave behind: whose it is, and when it goes. No worker is started here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from storage.core.errors import Conflict
from storage.records import Run
from storage.training.run_attempts import RunAttempt, Superseded
from storage.training.runs import QueueFull
from tests.audit_events import before
from tests.sentences import raises_sentence
from workbench.core.processes import MemoryLimit, alive, started_at
from workbench.services import Services
from workbench.training import checkpoint_retention
from workbench.training.cluster.progress import Update, deliver_update
from workbench.training.reporter import EpochRecord, TrialRecord
from workbench.training.spec import TrainingSpec
from workbench.training.worker.db_reporter import DatabaseReporter

EPOCH = EpochRecord(9, 0.5, 0.5, 0.5, 0.5, 0.5, 1e-3, 1.0)
TRIAL = TrialRecord(1, "Instant", {}, "running", {}, 0.0)


def claimed(services: Services, run_id: int) -> RunAttempt:
    attempt = services.stores.runs.claim(run_id, os.getpid(), started_at(os.getpid()))
    assert attempt is not None
    return attempt


def begun(services: Services) -> RunAttempt:
    """An attempt that has written an epoch and its checkpoint."""
    attempt = claimed(services, services.training.start(TrainingSpec()))
    attempt.add_epoch(1, {"epoch": 1})
    write(
        checkpoint_retention.adopt_checkpoints(services.stores, attempt) / "epoch-000001.checkpoint", b"one"
    )
    return attempt


def write(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)


def run_of(services: Services, attempt: RunAttempt) -> Run:
    return services.stores.runs.get(attempt.run_id)


def stopped_with_a_model(services: Services) -> Run:
    """A run that was stopped, with a model (its row alone matters here) and a checkpoint."""
    attempt = begun(services)
    attempt.end("stopped")
    with services.stores.database.write() as connection:
        connection.execute("UPDATE runs SET version = 'v1' WHERE id = ?", (attempt.run_id,))
    return run_of(services, attempt)


def checkpoints(services: Services) -> list[str]:
    return sorted(path.name for path in (services.stores.root / "checkpoints").iterdir())


def test_a_worker_taken_for_gone_cannot_touch_the_checkpoints_of_the_one_after_it(labelled: Services) -> None:
    first = begun(labelled)
    stale = labelled.stores.checkpoint_folder(first.run_id, first.number)
    first.end("interrupted", "It is gone.")
    assert labelled.training.resume(first.run_id) == first.run_id
    second = claimed(labelled, first.run_id)
    own = checkpoint_retention.adopt_checkpoints(labelled.stores, second)
    write(stale / "epoch-000002.checkpoint", b"of the first")
    (stale / "epoch-000002.checkpoint").unlink()
    assert {path.name: path.read_bytes() for path in own.iterdir()} == {"epoch-000001.checkpoint": b"one"}


@pytest.mark.parametrize(
    "update",
    [
        Update((("epoch", (EPOCH,)),), {"a": b"stale"}),
        Update((("trial", (TRIAL,)),), {"a": b"stale"}),
    ],
    ids=["epoch", "trial"],
)
def test_what_a_cluster_tells_a_worker_that_was_given_up_is_not_written(
    labelled: Services, update: Update
) -> None:
    first = begun(labelled)
    first.end("interrupted", "It is gone.")
    labelled.training.resume(first.run_id)
    second = claimed(labelled, first.run_id)
    own = checkpoint_retention.adopt_checkpoints(labelled.stores, second)
    reporter = DatabaseReporter(labelled.stores, first, MemoryLimit(0, 1))
    with pytest.raises(Superseded):
        deliver_update(update, reporter, labelled.stores.checkpoint_folder(first.run_id, first.number))
    assert [path.name for path in own.iterdir()] == ["epoch-000001.checkpoint"]
    assert labelled.stores.runs.history(first.run_id) == [{"epoch": 1}]
    assert labelled.stores.trials.of(first.run_id) == []


def test_half_written_checkpoints_are_not_taken_over(labelled: Services) -> None:
    first = begun(labelled)
    folder = labelled.stores.checkpoint_folder(first.run_id, first.number)
    write(folder / "epoch-000002.part", b"half")
    first.end("interrupted", "It is gone.")
    labelled.training.resume(first.run_id)
    own = checkpoint_retention.adopt_checkpoints(labelled.stores, claimed(labelled, first.run_id))
    assert [path.name for path in own.iterdir()] == ["epoch-000001.checkpoint"]


def test_a_process_is_known_whatever_its_clock_says() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    start_time = started_at(child.pid)
    assert alive(child.pid, start_time)
    assert not alive(child.pid, started_at(os.getpid()))
    moved = "import time, psutil; psutil.boot_time = lambda: time.time() - 5; import sys\n"
    program = "from workbench.core.processes import alive; print(alive(int(sys.argv[1]), sys.argv[2]))"
    result = subprocess.run(
        [sys.executable, "-c", moved + program, str(child.pid), start_time],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "True"
    child.communicate(b"\n")
    assert not alive(child.pid, start_time)


def test_tidying_cannot_come_between_the_look_at_a_run_and_the_end_of_its_checkpoints(
    labelled: Services,
) -> None:
    for attempt in [begun(labelled) for _ in range(checkpoint_retention.KEPT_RUNS + 1)]:
        attempt.end("failed", "It broke.")
    busy: list[bool] = []

    def look(arguments: tuple[Any, ...]) -> None:
        busy.append(labelled.stores.database.connection().in_transaction)

    with before("os.rename", look):
        checkpoint_retention.prune_checkpoints(labelled.stores)
    assert busy == [True]
    assert len(checkpoints(labelled)) == checkpoint_retention.KEPT_RUNS


def test_no_write_waits_while_checkpoints_are_copied(labelled: Services) -> None:
    run = stopped_with_a_model(labelled)
    busy: list[bool] = []

    def look(arguments: tuple[Any, ...]) -> None:
        busy.append(labelled.stores.database.connection().in_transaction)

    with before("shutil.copytree", look):
        resumed = labelled.training.resume(run.id)
    assert busy == [False]
    copy = labelled.stores.checkpoint_folder(resumed) / "epoch-000001.checkpoint"
    assert (copy.read_bytes(), resumed != run.id) == (b"one", True)
    assert checkpoint_retention.has_checkpoint(labelled.stores, run)


@pytest.mark.parametrize("event", ["shutil.copytree", "os.rename"])
def test_a_resume_that_ends_midway_leaves_nothing_half(labelled: Services, event: str) -> None:
    run = stopped_with_a_model(labelled)
    kept, runs = checkpoints(labelled), len(labelled.stores.runs.recent())

    def end(arguments: tuple[Any, ...]) -> None:
        raise KeyboardInterrupt

    with before(event, end), pytest.raises(KeyboardInterrupt):
        labelled.training.resume(run.id)
    assert (checkpoints(labelled), len(labelled.stores.runs.recent())) == (kept, runs)


def test_a_stopped_run_whose_checkpoints_went_in_this_moment_says_so(labelled: Services) -> None:
    run = stopped_with_a_model(labelled)
    folder = labelled.stores.checkpoint_folder(run.id, run.attempt)
    with (
        before("shutil.copytree", lambda arguments: shutil.rmtree(folder, ignore_errors=True)),
        raises_sentence(Conflict, checkpoint_retention.CHECKPOINT_MISSING.format(run.id)),
    ):
        labelled.training.resume(run.id)
    assert len(labelled.stores.runs.recent()) == 1


@pytest.fixture
def dead() -> int:
    """The number of a process that has ended."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_what_killed_processes_left_goes_when_a_server_starts(labelled: Services, dead: int) -> None:
    stores, weights = labelled.stores, labelled.settings.weights_folder
    attempt = begun(labelled)
    leftovers = [
        weights / f"net.h5.{dead}.part",
        stores.features_folder / "ab" / "cd" / f"e.{dead}.part",
        stores.features_folder / "exports" / f"net.{dead}.x1.part" / "model.keras",
        stores.work_folder(attempt.run_id, 7) / "dataset" / "pixels.npy",
        stores.checkpoint_folder(attempt.run_id + 1) / "epoch-000001.checkpoint",
        stores.root / "checkpoints" / ".copy-of-a-killed-server" / "epoch-000001.checkpoint",
        stores.root / "checkpoints" / ".gone-run-7" / "epoch-000001.checkpoint",
        stores.registry.root / ".arriving-99.1" / "model.keras",
    ]
    stay = [
        weights / f"net.h5.{os.getpid()}.part",
        weights / "net.h5",
        weights / "mine.part",
        stores.features_folder / "ab" / "cd" / "e.feature",
        stores.work_folder(attempt.run_id, attempt.number) / "dataset" / "pixels.npy",
        stores.checkpoint_folder(attempt.run_id, attempt.number) / "epoch-000001.checkpoint",
    ]
    for file in (*leftovers, *stay):
        write(file, b"x")
    checkpoint_retention.remove_leftovers(stores, weights)
    assert [file for file in leftovers if file.exists()] == []
    assert [file for file in stay if not file.exists()] == []


def test_a_run_for_which_there_is_no_place_leaves_no_snapshot(labelled: Services) -> None:
    for _ in range(50):
        labelled.training.start(TrainingSpec(seed=1))
    with pytest.raises(QueueFull, match="50"):
        labelled.training.start(TrainingSpec(seed=2))
    assert labelled.stores.database.value("SELECT count(*) FROM snapshots") == 1
