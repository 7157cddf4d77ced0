"""Deduplicates concurrent calls for the same work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

from workbench.core.errors import Overloaded

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Runs work once per key at a time; concurrent callers with the same key share the result."""

    def __init__(self) -> None:
        self._futures: dict[Hashable, Future[T]] = {}
        self._lock = threading.Lock()

    def run(self, key: Hashable, work: Callable[[], T], timeout: float | None = None) -> T:
        """Return the result of the work, or raise its exception.

        Args:
            key: Identifies the work.
            work: Computes the result; called by the first caller.
            timeout: Timeout in seconds while waiting for another caller's result; None for no timeout.

        Raises:
            Overloaded: The timeout has passed.
        """
        with self._lock:
            existing = self._futures.get(key)
            future = self._futures.setdefault(key, Future())
        if existing is None:
            return self._compute(key, future, work)
        try:
            return existing.result(timeout)
        except TimeoutError:
            if existing.done():  # raised by the work itself
                raise
            raise Overloaded from None
        except Overloaded:
            if timeout is None:  # the first caller had a shorter timeout
                return self.run(key, work)
            raise

    def _compute(self, key: Hashable, future: Future[T], work: Callable[[], T]) -> T:
        try:
            result = work()
        except BaseException as error:
            future.set_exception(error)
            raise
        else:
            future.set_result(result)
            return result
        finally:
            with self._lock:
                del self._futures[key]
