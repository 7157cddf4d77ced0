import pytest

from storage.errors import Conflict, NotFound
from storage.snapshots import Draft
from workbench.stores import Stores


@pytest.fixture
def snapshot_id(stores: Stores) -> int:
    return stores.snapshots.freeze(Draft(("Full", "Half"), (), 0.2, 1, 0)).id


@pytest.fixture
def queued(stores: Stores, snapshot_id: int) -> int:
    return stores.runs.create(snapshot_id, {"epochs": 3})


@pytest.fixture
def running(stores: Stores, queued: int) -> int:
    assert stores.runs.claim(queued, 4711, 1.5)
    return queued


def test_a_run_waits_until_one_process_claims_it(stores: Stores, queued: int) -> None:
    run = stores.runs.get(queued)
    assert (run.status, run.active, run.spec) == ("queued", True, {"epochs": 3})
    assert stores.runs.claim(queued, 4711, 1.5)
    assert not stores.runs.claim(queued, 4712, 2.5)
    run = stores.runs.get(queued)
    assert (run.status, run.pid, run.process_started) == ("running", 4711, 1.5)


def test_what_runs_comes_before_what_waits(stores: Stores, snapshot_id: int) -> None:
    first, second, third = (stores.runs.create(snapshot_id, {}) for _ in range(3))
    stores.runs.claim(second, 1, 1.0)
    assert [each.id for each in stores.runs.active()] == [second, first, third]
    assert [each.id for each in stores.runs.recent(2)] == [third, second]


def test_stopping_a_run_that_waits_ends_it(stores: Stores, queued: int) -> None:
    run = stores.runs.request_stop(queued)
    assert (run.status, run.error) == ("stopped", "Stopped before it began, so there is no model.")
    assert not stores.runs.claim(queued, 4711, 1.5)


def test_stopping_a_run_that_runs_is_heard_with_the_next_beat(stores: Stores, running: int) -> None:
    assert not stores.runs.beat(running, "training", {"epoch": 1})
    assert stores.runs.request_stop(running).status == "running"
    assert stores.runs.beat(running, "training", {"epoch": 2}) == "stop"
    assert stores.runs.get(running).progress == {"epoch": 2}


def test_a_pause_is_heard_with_the_next_beat_and_the_run_goes_on_under_its_number(
    stores: Stores, running: int
) -> None:
    assert stores.runs.request_pause(running).status == "running"
    assert stores.runs.beat(running, "training", {}) == "pause"
    stores.runs.end(running, "paused")
    with pytest.raises(Conflict, match="is paused, so it cannot be paused"):
        stores.runs.request_pause(running)
    assert stores.runs.go_on(running) == running
    run = stores.runs.get(running)
    assert (run.status, run.pause_requested, run.pid, run.ended_at) == ("queued", False, None, None)


def test_a_run_that_waits_is_paused_at_once(stores: Stores, queued: int) -> None:
    assert stores.runs.request_pause(queued).status == "paused"
    assert not stores.runs.claim(queued, 4711, 1.5)


def test_stopping_a_paused_run_with_epochs_lets_it_keep_the_best(stores: Stores, running: int) -> None:
    stores.runs.add_epoch(running, 1, {"epoch": 1})
    stores.runs.end(running, "paused")
    assert stores.runs.request_stop(running).status == "queued"
    assert stores.runs.claim(running, 4711, 1.5)
    assert stores.runs.beat(running, "starting", {}) == "stop"


def test_stopping_a_paused_run_without_epochs_ends_it(stores: Stores, queued: int) -> None:
    stores.runs.request_pause(queued)
    assert stores.runs.request_stop(queued).status == "stopped"


def test_a_resumed_run_that_is_taken_out_of_the_queue_can_go_on(stores: Stores, running: int) -> None:
    stores.runs.add_epoch(running, 1, {"epoch": 1})
    stores.runs.end(running, "interrupted", "It is gone.")
    stores.runs.go_on(running)
    run = stores.runs.request_stop(running)
    assert (run.status, run.error) == (
        "stopped",
        "Taken out of the queue; resume it to go on from its last finished epoch.",
    )
    assert stores.runs.go_on(running) == running
    assert stores.runs.history(running) == [{"epoch": 1}]


def test_what_runs_or_is_finished_does_not_go_on(stores: Stores, running: int) -> None:
    with pytest.raises(Conflict, match="is running, so there is nothing to go on with"):
        stores.runs.go_on(running)


def test_waiting_runs_change_places(stores: Stores, snapshot_id: int) -> None:
    first, second, third, fourth = (stores.runs.create(snapshot_id, {}) for _ in range(4))
    stores.runs.claim(first, 1, 1.0)
    assert [each.id for each in stores.runs.move(fourth, 1)] == [fourth, second, third]
    assert [each.id for each in stores.runs.move(fourth, 2)] == [second, fourth, third]
    assert [each.id for each in stores.runs.move(second, 99)] == [fourth, third, second]
    last = stores.runs.create(snapshot_id, {})
    assert [each.id for each in stores.runs.active()] == [first, fourth, third, second, last]
    with pytest.raises(Conflict, match="does not wait any more"):
        stores.runs.move(first, 1)


def test_a_run_ends_once(stores: Stores, running: int) -> None:
    assert stores.runs.end(running, "failed", "It broke.")
    assert not stores.runs.end(running, "interrupted", "It is gone.")
    run = stores.runs.get(running)
    assert (run.status, run.error, run.active) == ("failed", "It broke.", False)
    assert run.ended_at is not None
    with pytest.raises(Conflict, match="has ended already"):
        stores.runs.request_stop(running)


def test_a_beat_after_the_end_changes_nothing(stores: Stores, running: int) -> None:
    stores.runs.end(running, "interrupted", "It is gone.")
    ended = stores.runs.get(running)
    stores.runs.beat(running, "training", {"epoch": 3})
    assert stores.runs.get(running) == ended


def test_epochs_come_back_in_order_and_once(stores: Stores, running: int) -> None:
    for epoch in (2, 1, 10, 2):
        stores.runs.add_epoch(running, epoch, {"epoch": epoch})
    assert [each["epoch"] for each in stores.runs.history(running)] == [1, 2, 10]


def test_an_unknown_run(stores: Stores) -> None:
    for ask in (stores.runs.get, stores.runs.request_stop):
        with pytest.raises(NotFound, match="There is no run 9"):
            ask(9)
