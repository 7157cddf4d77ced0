"""A thread that polls: woken, kept busy, failing, closed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.running import until
from workbench.core.polling import PollingThread

LONG = 3600.0
NAME = "polled in a test"


class Poll:
    """Counts its calls, and does what it is told in each."""

    def __init__(self, *results: bool | Exception) -> None:
        self.calls = 0
        self._results = list(results)

    def __call__(self) -> bool:
        self.calls += 1
        result = self._results.pop(0) if self._results else False
        if isinstance(result, Exception):
            raise result
        return result


@contextmanager
def running(poll: Poll, pause_seconds: float = LONG) -> Iterator[PollingThread]:
    thread = PollingThread(NAME, poll, pause_seconds)
    thread.start()
    yield thread
    thread.close()


def test_it_polls_at_once_and_when_it_is_woken() -> None:
    poll = Poll()
    with running(poll) as thread:
        until(lambda: poll.calls == 1, "the first poll")
        thread.wake()
        until(lambda: poll.calls == 2, "the poll that was asked for")


def test_it_polls_after_the_pause() -> None:
    poll = Poll()
    with running(poll, 0.01):
        until(lambda: poll.calls > 3, "several polls")


def test_it_polls_again_at_once_while_there_may_be_more() -> None:
    poll = Poll(True, True)
    with running(poll):
        until(lambda: poll.calls == 3, "the polls without a pause")


def test_what_a_poll_raises_is_logged_and_it_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    poll = Poll(RuntimeError("the disk sleeps"))
    with running(poll, 0.01):
        until(lambda: poll.calls > 1, "another poll")
    assert [(record.levelno, str(record.exc_info[1])) for record in caplog.records] == [
        (logging.ERROR, "the disk sleeps")
    ]


def test_closing_ends_a_rest_and_the_polling() -> None:
    resting = threading.Event()

    def poll() -> None:
        resting.set()
        thread.rest(LONG)

    thread = PollingThread(NAME, poll, LONG)
    thread.start()
    assert resting.wait(10)
    thread.close()
    assert thread.closing
    assert NAME not in {running_thread.name for running_thread in threading.enumerate()}
