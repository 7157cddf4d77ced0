"""Work that several ask for at once is done once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

from workbench.core.errors import Overloaded

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Gives the result of work under way to whoever asks for the same meanwhile."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, Future[T]] = {}
        self._lock = threading.Lock()

    def run(self, key: Hashable, work: Callable[[], T], patience: float | None = None) -> T:
        """The result of the work, or what it raises.

        Args:
            key: What tells it from other work.
            work: Does it; called by the first who asks.
            patience: Most seconds to wait for another's result; None waits as long as it takes.

        Raises:
            Overloaded: It took longer.
        """
        with self._lock:
            theirs = self._under_way.get(key)
            mine = self._under_way.setdefault(key, Future())
        if theirs is None:
            return self._lead(key, mine, work)
        try:
            return theirs.result(patience)
        except TimeoutError:
            if theirs.done():  # the work's own
                raise
            raise Overloaded from None
        except Overloaded:
            if patience is None:  # who began it was in more of a hurry
                return self.run(key, work)
            raise

    def _lead(self, key: Hashable, mine: Future[T], work: Callable[[], T]) -> T:
        try:
            result = work()
        except BaseException as error:
            mine.set_exception(error)
            raise
        else:
            mine.set_result(result)
            return result
        finally:
            with self._lock:
                del self._under_way[key]
