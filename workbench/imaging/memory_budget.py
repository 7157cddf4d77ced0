"""A line before work that shares what a machine has little of."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from workbench.core.errors import Overloaded

PATIENCE = 30.0
"""Seconds that a request of a person or script waits in a line."""


class MemoryBudget:
    """Lets work begin, in the order in which it came, while all of it together takes no more than a total.

    Work that takes more than the total goes alone, so nothing waits for ever.

    Args:
        total: What all work under way may take, in a unit of the caller's choice.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._taken = 0
        self._line: deque[object] = deque()
        self._changed = threading.Condition()

    @property
    def waiting(self) -> int:
        """How much work waits in line."""
        return len(self._line)

    @contextmanager
    def taking(self, amount: int, patience: float | None = None) -> Iterator[None]:
        """Hold a part of the total; waits until it is free.

        Args:
            amount: The part.
            patience: Most seconds to wait; None waits as long as it takes.

        Raises:
            Overloaded: It took longer.
        """
        self._enter(amount, patience)
        try:
            yield
        finally:
            with self._changed:
                self._taken -= amount
                self._changed.notify_all()

    def _enter(self, amount: int, patience: float | None) -> None:
        ticket = object()
        with self._changed:
            self._line.append(ticket)
            try:
                if not self._changed.wait_for(
                    lambda: self._line[0] is ticket and self._fits(amount), patience
                ):
                    raise Overloaded
                self._taken += amount
            finally:
                self._line.remove(ticket)
                self._changed.notify_all()

    def _fits(self, amount: int) -> bool:
        return not self._taken or self._taken + amount <= self._total
