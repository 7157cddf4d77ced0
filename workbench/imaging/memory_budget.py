"""A fair (first in, first out) budget for a shared resource such as memory."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from workbench.core.errors import Overloaded

PATIENCE = 30.0
"""Default timeout in seconds of a request that waits for the budget."""


class MemoryBudget:
    """Admits work in order of arrival while the sum of all reserved amounts stays within a total.

    Work that needs more than the total is admitted alone, so that nothing waits forever.

    Args:
        total: The budget, in any unit such as bytes.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._reserved = 0
        self._queue: deque[object] = deque()
        self._changed = threading.Condition()

    @property
    def waiting(self) -> int:
        """The number of waiting callers."""
        return len(self._queue)

    @contextmanager
    def reserve(self, amount: int, timeout: float | None = None) -> Iterator[None]:
        """Reserve an amount of the budget within the ``with`` block; waits until it is available.

        Args:
            amount: The amount.
            timeout: Timeout in seconds; None for no timeout.

        Raises:
            Overloaded: The timeout has passed.
        """
        self._reserve(amount, timeout)
        try:
            yield
        finally:
            with self._changed:
                self._reserved -= amount
                self._changed.notify_all()

    def _reserve(self, amount: int, timeout: float | None) -> None:
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
            try:
                if not self._changed.wait_for(
                    lambda: self._queue[0] is ticket and self._fits(amount), timeout
                ):
                    raise Overloaded
                self._reserved += amount
            finally:
                self._queue.remove(ticket)
                self._changed.notify_all()

    def _fits(self, amount: int) -> bool:
        return not self._reserved or self._reserved + amount <= self._total
