"""What a node and the server say to one another, without a cluster between them."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.running import until
from workbench.training.cluster.mailbox import (
    FileChanges,
    Mailbox,
    RemoteReporter,
    Update,
    all_files,
    apply_changes,
    deliver_update,
)
from workbench.training.reporter import Progress


class Heard:
    """A reporter that keeps what it hears."""

    def __init__(self) -> None:
        self.events: list[tuple] = []

    def __getattr__(self, kind: str) -> Callable[..., None]:
        return lambda *values: self.events.append((kind, *values))


def step(number: int) -> Progress:
    return Progress(1, 2, number, 9, None, None)


def contents(folder: Path) -> dict[str, bytes]:
    return all_files(folder).changed  # type: ignore[return-value]


def test_news_and_checkpoints_arrive_and_requests_go_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir(), here.mkdir()
    (here / "epoch-000000.checkpoint").write_bytes(b"old")
    desk, heard = Mailbox(all_files(here)), Heard()
    attempt, begun = desk.begin("a")
    apply_changes(begun, there)
    assert contents(there) == {"epoch-000000.checkpoint": b"old"}
    with RemoteReporter(lambda news: desk.post(attempt, news), there) as relay:
        relay.phase("training")
        for number in range(1, 9):
            relay.step(step(number))
        (there / "epoch-000001.checkpoint").write_bytes(b"new")
        (there / "epoch-000000.checkpoint").unlink()
        (there / "epoch-000002.part").write_bytes(b"half")
        relay.counted(3, 4)
        logging.getLogger("search").warning("no time for %s", "that")
        early = desk.fetch("pause")
        assert until(relay.requested_action, "the request to arrive", 10) == "pause"
    for news in (early, desk.fetch("")):
        deliver_update(news, heard, here)
    assert [event for event in heard.events if event[0] != "step"] == [
        ("phase", "training"),
        ("counted", 3, 4),
    ]
    assert [(record.name, record.getMessage()) for record in caplog.records if record.name != "cluster"] == [
        ("search", "no time for that")
    ] * 2  # once there, once here
    assert ("step", step(8)) in heard.events
    assert contents(here) == {"epoch-000001.checkpoint": b"new"}


def test_another_node_goes_on_from_what_arrived_and_the_first_is_not_heard_any_more() -> None:
    desk = Mailbox(FileChanges())
    first, _ = desk.begin("a")
    assert (
        desk.post(first, Update((), FileChanges(frozenset({"one", "two"}), {"one": b"1", "two": b"2"}))) == ""
    )
    assert desk.post(first, Update((), FileChanges(frozenset({"two", "three"}), {"three": b"3"}))) == ""
    second, begun = desk.begin("b")
    assert begun == FileChanges(frozenset({"two", "three"}), {"two": b"2", "three": b"3"})
    assert desk.post(first, Update((("phase", ("late",)),), FileChanges())) == "stop"
    assert desk.post(second, Update((("phase", ("searching",)),))) == ""
    news = desk.fetch("stop")
    assert [event for event in news.events if event[0] == "phase"] == [("phase", ("searching",))]
    assert news.checkpoint == begun
    assert desk.fetch("stop") == Update()
    assert desk.post(second, Update()) == "stop"


def test_a_server_that_is_not_reached_any_more_stops_the_run(tmp_path: Path) -> None:
    def post(news: Update) -> str:
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError), RemoteReporter(post, tmp_path) as relay:
        assert until(relay.requested_action, "the run to be stopped", 10) == "stop"
