from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage.core.errors import Conflict, NotFound
from storage.training.run_attempts import RunAttempt, Superseded
from storage.training.runs import ALREADY_PAUSED, NOT_RESUMABLE, NOT_WAITING, RUN_ENDED, QueueFull
from storage.training.snapshots import SplitDraft
from tests.sentences import raises_sentence
from workbench.core.settings import Limits, Settings
from workbench.stores import Stores, open_stores


@pytest.fixture
def snapshot_id(stores: Stores) -> int:
    return stores.snapshots.freeze(SplitDraft(("Full", "Half"), (), 0.2, 1, 0)).id


@pytest.fixture
def queued(stores: Stores, snapshot_id: int) -> int:
    return stores.runs.create(snapshot_id, {"epochs": 3})


@pytest.fixture
def attempt(stores: Stores, queued: int) -> RunAttempt:
    attempt = stores.runs.claim(queued, 4711, "then")
    assert attempt is not None
    return attempt


@pytest.fixture
def running(attempt: RunAttempt) -> int:
    return attempt.run_id


def test_a_run_waits_until_one_process_claims_it(stores: Stores, queued: int) -> None:
    run = stores.runs.get(queued)
    assert (run.status, run.active, run.spec) == ("queued", True, {"epochs": 3})
    assert stores.runs.claim(queued, 4711, "then")
    assert not stores.runs.claim(queued, 4712, "later")
    run = stores.runs.get(queued)
    assert (run.status, run.pid, run.process_started) == ("running", 4711, "then")


def test_what_runs_comes_before_what_waits(stores: Stores, snapshot_id: int) -> None:
    first, second, third = (stores.runs.create(snapshot_id, {}) for _ in range(3))
    stores.runs.claim(second, 1, "then")
    assert [run.id for run in stores.runs.active()] == [second, first, third]
    assert [run.id for run in stores.runs.recent(2)] == [third, second]


def test_stopping_a_run_that_waits_ends_it(stores: Stores, queued: int) -> None:
    run = stores.runs.request_stop(queued)
    assert (run.status, run.error) == ("stopped", "Stopped before it began, so there is no model.")
    assert not stores.runs.claim(queued, 4711, "then")


def test_stopping_a_run_that_runs_is_heard_with_the_next_beat(
    stores: Stores, running: int, attempt: RunAttempt
) -> None:
    assert not attempt.heartbeat("training", {"epoch": 1})
    assert stores.runs.request_stop(running).status == "running"
    assert attempt.heartbeat("training", {"epoch": 2}) == "stop"
    assert stores.runs.get(running).progress == {"epoch": 2}


def test_a_pause_is_heard_with_the_next_beat_and_the_run_goes_on_under_its_number(
    stores: Stores, running: int, attempt: RunAttempt
) -> None:
    assert stores.runs.request_pause(running).status == "running"
    assert attempt.heartbeat("training", {}) == "pause"
    stores.runs.end(running, "paused")
    with raises_sentence(Conflict, ALREADY_PAUSED.format(id=running)):
        stores.runs.request_pause(running)
    assert stores.runs.resume(running) == running
    run = stores.runs.get(running)
    assert (run.status, run.pause_requested, run.pid, run.ended_at) == ("queued", False, None, None)


def test_a_run_that_waits_is_paused_at_once(stores: Stores, queued: int) -> None:
    assert stores.runs.request_pause(queued).status == "paused"
    assert not stores.runs.claim(queued, 4711, "then")


def test_stopping_a_paused_run_with_epochs_lets_it_keep_the_best(
    stores: Stores, running: int, attempt: RunAttempt
) -> None:
    attempt.add_epoch(1, {"epoch": 1})
    stores.runs.end(running, "paused")
    assert stores.runs.request_stop(running).status == "queued"
    assert stores.runs.claim(running, 4711, "then")
    assert stores.runs.attempt_at(stores.runs.get(running)).heartbeat("starting", {}) == "stop"


def test_stopping_a_paused_run_without_epochs_ends_it(stores: Stores, queued: int) -> None:
    stores.runs.request_pause(queued)
    assert stores.runs.request_stop(queued).status == "stopped"


def test_a_resumed_run_that_is_taken_out_of_the_queue_can_go_on(
    stores: Stores, running: int, attempt: RunAttempt
) -> None:
    attempt.add_epoch(1, {"epoch": 1})
    stores.runs.end(running, "interrupted", "It is gone.")
    stores.runs.resume(running)
    run = stores.runs.request_stop(running)
    assert (run.status, run.error) == (
        "stopped",
        "Taken out of the queue; resume it to go on from its last finished epoch.",
    )
    assert stores.runs.resume(running) == running
    assert stores.runs.history(running) == [{"epoch": 1}]


def test_what_runs_or_is_finished_does_not_go_on(stores: Stores, running: int) -> None:
    with raises_sentence(Conflict, NOT_RESUMABLE.format(id=running, status="running")):
        stores.runs.resume(running)


def test_waiting_runs_change_places(stores: Stores, snapshot_id: int) -> None:
    first, second, third, fourth = (stores.runs.create(snapshot_id, {}) for _ in range(4))
    stores.runs.claim(first, 1, "then")
    assert [run.id for run in stores.runs.move(fourth, 1)] == [fourth, second, third]
    assert [run.id for run in stores.runs.move(fourth, 2)] == [second, fourth, third]
    assert [run.id for run in stores.runs.move(second, 99)] == [fourth, third, second]
    last = stores.runs.create(snapshot_id, {})
    assert [run.id for run in stores.runs.active()] == [first, fourth, third, second, last]
    with raises_sentence(Conflict, NOT_WAITING.format(id=first)):
        stores.runs.move(first, 1)


def test_a_run_ends_once(stores: Stores, running: int) -> None:
    assert stores.runs.end(running, "failed", "It broke.")
    assert not stores.runs.end(running, "interrupted", "It is gone.")
    run = stores.runs.get(running)
    assert (run.status, run.error, run.active) == ("failed", "It broke.", False)
    assert run.ended_at is not None
    with raises_sentence(Conflict, RUN_ENDED.format(id=running, status="failed", act="stop")):
        stores.runs.request_stop(running)


def writes(attempt: RunAttempt) -> list[Callable[[], object]]:
    """All that a worker writes while its run goes."""
    trial = {"number": 1, "name": "Instant", "spec": {}, "status": "running", "metrics": {}, "seconds": 0}
    return [
        lambda: attempt.heartbeat("training", {"epoch": 3}),
        lambda: attempt.add_epoch(9, {"epoch": 9}),
        lambda: attempt.put_trial(trial),
    ]


def refused(attempt: RunAttempt) -> None:
    for write in writes(attempt):
        with pytest.raises(Superseded):
            write()
    assert not attempt.end("failed", "It broke.")


def test_a_worker_whose_run_has_ended_writes_nothing_more(
    stores: Stores, running: int, attempt: RunAttempt
) -> None:
    stores.runs.end(running, "interrupted", "It is gone.")
    before = stores.runs.get(running)
    refused(attempt)
    assert (stores.runs.get(running), stores.runs.history(running), stores.trials.of(running)) == (
        before,
        [],
        [],
    )


@pytest.mark.parametrize("taken", [False, True], ids=["waits", "runs"])
def test_a_worker_that_was_taken_for_gone_does_not_write_into_what_goes_on_without_it(
    stores: Stores, running: int, attempt: RunAttempt, taken: bool
) -> None:
    attempt.add_epoch(1, {"epoch": 1})
    attempt.end("interrupted", "It is gone.")
    stores.runs.resume(running)
    second = stores.runs.claim(running, 4711, "then") if taken else None
    before = stores.runs.get(running)
    refused(attempt)
    assert (stores.runs.get(running), stores.runs.history(running)) == (before, [{"epoch": 1}])
    if second:
        assert (second.number, attempt.number) == (2, 1)
        assert second.heartbeat("training", {}) == ""
        second.add_epoch(2, {"epoch": 2})
        assert second.end("finished")


def test_no_more_runs_wait_than_may(folder: Path, snapshot_id: int) -> None:
    runs = open_stores(Settings(data=folder, limits=Limits(queued_runs=3))).runs
    first, second, _ = (runs.create(snapshot_id, {}) for _ in range(3))
    with pytest.raises(QueueFull, match="3"):
        runs.create(snapshot_id, {})
    runs.claim(first, 1, "then")
    runs.create(snapshot_id, {})
    runs.end(first, "failed", "It broke.")
    with pytest.raises(QueueFull):
        runs.resume(first)
    assert runs.get(first).status == "failed"
    runs.request_stop(second)
    assert runs.resume(first) == first


def test_a_paused_run_can_be_stopped_where_the_queue_is_full(folder: Path, snapshot_id: int) -> None:
    runs = open_stores(Settings(data=folder, limits=Limits(queued_runs=1))).runs
    attempt = runs.claim(runs.create(snapshot_id, {}), 1, "then")
    assert attempt is not None
    attempt.add_epoch(1, {"epoch": 1})
    attempt.end("paused")
    runs.create(snapshot_id, {})
    assert runs.request_stop(attempt.run_id).status == "queued"


def test_processes_that_queue_at_once_stay_within_the_limit(folder: Path, snapshot_id: int) -> None:
    several = [open_stores(Settings(data=folder, limits=Limits(queued_runs=5))).runs for _ in range(4)]

    def queue(number: int) -> bool:
        try:
            return bool(several[number % 4].create(snapshot_id, {}))
        except QueueFull:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(queue, range(40))) == 5


def test_epochs_come_back_in_order_and_once(stores: Stores, running: int, attempt: RunAttempt) -> None:
    for epoch in (2, 1, 10, 2):
        attempt.add_epoch(epoch, {"epoch": epoch})
    assert [epoch["epoch"] for epoch in stores.runs.history(running)] == [1, 2, 10]


def test_an_unknown_run(stores: Stores) -> None:
    for ask in (stores.runs.get, stores.runs.request_stop):
        with pytest.raises(NotFound, match="9"):
            ask(9)
