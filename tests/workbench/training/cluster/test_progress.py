"""What a node and the server tell each other through the progress actor, here called without a cluster."""

import logging
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.running import until
from workbench.core.errors import DomainError, InvalidSpec, Paused, StoppedEarly, TrainingFailed
from workbench.training.cluster.progress import (
    NodeReporter,
    ProgressActor,
    Update,
    deliver_update,
    read_files,
    write_files,
)
from workbench.training.reporter import Progress


class RecordingReporter:
    """A reporter that keeps all events."""

    def __init__(self) -> None:
        self.events: list[tuple] = []

    def __getattr__(self, kind: str) -> Callable[..., None]:
        return lambda *values: self.events.append((kind, *values))


def step(number: int) -> Progress:
    return Progress(1, 2, number, 9, None, None)


def phase(name: str) -> tuple[str, tuple[str]]:
    return "phase", (name,)


def report_step(reporter: NodeReporter) -> str:
    reporter.step(step(8))
    return reporter.requested_action()


def test_events_and_checkpoints_arrive_and_requests_go_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    node, server = tmp_path / "node", tmp_path / "server"
    write_files({"epoch-000000.checkpoint": b"old"}, server)
    actor, recorded = ProgressActor(read_files(server)), RecordingReporter()
    attempt, checkpoint = actor.begin("a")
    write_files(checkpoint, node)
    assert read_files(node) == {"epoch-000000.checkpoint": b"old"}
    with NodeReporter(lambda update: actor.report(attempt, update), node) as reporter:
        reporter.phase("training")
        started = actor.fetch("")
        assert started.checkpoint == {}
        for number in range(1, 8):
            reporter.step(step(number))
        (node / "epoch-000001.checkpoint").write_bytes(b"new")
        (node / "epoch-000000.checkpoint").unlink()
        (node / "epoch-000002.part").write_bytes(b"half")
        logging.getLogger("search").warning("no time for %s", "that")
        fetched = actor.fetch("pause")
        assert until(lambda: report_step(reporter), "the request to arrive", 10) == "pause"
        reporter.counted(3, 4)
    for update in (started, fetched, actor.fetch("")):
        deliver_update(update, recorded, server)
    others = [event for event in recorded.events if event[0] != "step"]
    assert others == [("phase", "training"), ("counted", 3, 4)]
    assert recorded.events.index(("step", step(8))) == len(recorded.events) - 2
    assert [
        (record.name, record.levelname, record.getMessage())
        for record in caplog.records
        if record.name != "cluster"
    ] == [("search", "WARNING", "no time for that")] * 2  # on the node and on the server
    assert read_files(server) == {"epoch-000000.checkpoint": b"old", "epoch-000001.checkpoint": b"new"}


def test_the_newest_checkpoint_arrives_when_the_run_ends_and_the_server_keeps_two(tmp_path: Path) -> None:
    node, server = tmp_path / "node", tmp_path / "server"
    actor = ProgressActor({})
    attempt, _ = actor.begin("a")
    for epoch in range(1, 4):
        with NodeReporter(lambda update: actor.report(attempt, update), node):
            write_files({f"epoch-{epoch:06}.checkpoint": b"%d" % epoch}, node)
        deliver_update(actor.fetch(""), RecordingReporter(), server)
    assert read_files(server) == {"epoch-000002.checkpoint": b"2", "epoch-000003.checkpoint": b"3"}


def test_another_node_goes_on_from_what_arrived_and_the_first_is_not_heard_any_more() -> None:
    actor = ProgressActor({})
    first, _ = actor.begin("a")
    assert actor.report(first, Update((), {"one": b"1"})) == ""
    assert actor.report(first, Update((), {"two": b"2"})) == ""
    assert actor.report(first, Update((phase("training"),))) == ""
    second, checkpoint = actor.begin("b")
    assert checkpoint == {"two": b"2"}
    assert actor.report(first, Update((phase("late"),), {"late": b"0"})) == "stop"
    assert actor.report(second, Update((phase("searching"),))) == ""
    update = actor.fetch("stop")
    assert [event for event in update.events if event[0] == "phase"] == [
        phase("training"),
        phase("searching"),
    ]
    assert update.checkpoint == checkpoint
    assert actor.fetch("stop") == Update()
    assert actor.report(second, Update()) == "stop"
    assert actor.begin("c")[1] == checkpoint


def test_a_server_that_is_not_reached_any_more_ends_the_run(tmp_path: Path) -> None:
    def report(update: Update) -> str:
        raise ConnectionError("gone")

    reporter = NodeReporter(report, tmp_path)
    with pytest.raises(ConnectionError):
        reporter.step(step(1))


@pytest.mark.parametrize(
    "error", [Paused(), StoppedEarly(), TrainingFailed("why"), InvalidSpec("why")], ids=repr
)
def test_what_ends_a_training_gets_from_a_node_to_the_server(error: DomainError) -> None:
    arrived = pickle.loads(pickle.dumps(error))
    assert (type(arrived), str(arrived)) == (type(error), str(error))
