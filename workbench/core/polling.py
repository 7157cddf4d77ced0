"""A background thread that looks for work at intervals, and at once when it is woken."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)
CLOSE_SECONDS = 5.0


class PollingThread:
    """Calls a function again and again until it is closed; what it raises is logged, and it is called again.

    Args:
        name: The thread's name, for the log.
        poll: Looks for work and does it; ``True`` if there may be more, so that it is called again at once.
        pause_seconds: Seconds between two calls otherwise.
    """

    def __init__(self, name: str, poll: Callable[[], bool | None], pause_seconds: float) -> None:
        self._poll = poll
        self._pause_seconds = pause_seconds
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)

    @property
    def closing(self) -> bool:
        """Whether the thread was asked to stop; a long poll should then return."""
        return self._closing.is_set()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Look for work at once instead of after the pause."""
        self._wake.set()

    def rest(self, seconds: float) -> None:
        """Wait within a poll, at most until the thread is closed."""
        self._closing.wait(seconds)

    def close(self) -> None:
        """Stop the thread, waiting at most ``CLOSE_SECONDS`` for a poll that is under way."""
        self._closing.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=CLOSE_SECONDS)

    def _loop(self) -> None:
        while not self.closing:
            if not self._poll_once():
                self._wake.wait(self._pause_seconds)
            self._wake.clear()

    def _poll_once(self) -> bool | None:
        try:
            return self._poll()
        except Exception:
            log.exception("the thread “%s” failed; trying again", self._thread.name)
            return False
