import threading

import pytest

from tests.running import until
from workbench.core.errors import Overloaded
from workbench.core.single_flight import SingleFlight
from workbench.imaging.memory_budget import MemoryBudget


class Job:
    """Work in a thread of its own that holds its part of a budget until it is let go."""

    def __init__(self, budget: MemoryBudget, amount: int) -> None:
        self.begun, self._go_on = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, args=(budget, amount), daemon=True)
        self._thread.start()

    def _run(self, budget: MemoryBudget, amount: int) -> None:
        with budget.reserve(amount):
            self.begun.set()
            self._go_on.wait(60)

    def end(self) -> None:
        self._go_on.set()
        self._thread.join(60)


def test_work_waits_until_there_is_room_and_comes_in_its_order() -> None:
    budget = MemoryBudget(10)
    first, second = Job(budget, 6), Job(budget, 4)
    assert first.begun.wait(60)
    assert second.begun.wait(60)
    large = Job(budget, 9)
    until(lambda: budget.waiting == 1, "the third to wait")
    small = Job(budget, 1)
    until(lambda: budget.waiting == 2, "the fourth to wait")
    second.end()
    assert (large.begun.is_set(), small.begun.is_set()) == (False, False)
    first.end()
    assert large.begun.wait(60)
    assert small.begun.wait(60)
    large.end()
    small.end()


def test_work_that_takes_more_than_all_goes_alone() -> None:
    budget = MemoryBudget(10)
    small = Job(budget, 1)
    assert small.begun.wait(60)
    huge = Job(budget, 1000)
    until(lambda: budget.waiting == 1, "the huge one to wait")
    after = Job(budget, 1)
    until(lambda: budget.waiting == 2, "the next to wait")
    small.end()
    assert huge.begun.wait(60)
    assert not after.begun.is_set()
    huge.end()
    assert after.begun.wait(60)
    after.end()


def test_a_wait_that_takes_too_long_ends_and_holds_nobody_up() -> None:
    budget = MemoryBudget(10)
    first = Job(budget, 8)
    assert first.begun.wait(60)
    with pytest.raises(Overloaded), budget.reserve(5, timeout=0.05):
        pass
    assert budget.waiting == 0
    with budget.reserve(2, timeout=0.05):
        pass
    first.end()
    with budget.reserve(10, timeout=0.05):
        pass


def test_what_work_took_is_free_again_when_it_fails() -> None:
    budget = MemoryBudget(10)
    with pytest.raises(KeyError), budget.reserve(10):
        raise KeyError
    with budget.reserve(10, timeout=0.05):
        pass


class ConcurrentCalls:
    """Several threads that ask for the same work, which goes on until it is told to end."""

    def __init__(self, work: object, timeout: float | None = None) -> None:
        self.flight: SingleFlight[int] = SingleFlight()
        self.calls, self.results, self.resume = 0, [], threading.Event()  # type: ignore[var-annotated]
        self._work = work
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(4)]

    def _slow(self) -> int:
        self.calls += 1
        self.resume.wait(60)
        return self._work()  # type: ignore[operator, no-any-return]

    def _ask(self) -> None:
        try:
            self.results.append(self.flight.run("key", self._slow))
        except Exception as error:
            self.results.append(type(error))

    def together(self) -> list[object]:
        self._threads[0].start()
        until(lambda: self.calls == 1, "the first to begin")
        for thread in self._threads[1:]:
            thread.start()
        with pytest.raises(Overloaded):
            self.flight.run("key", self._slow, timeout=0.05)
        until(lambda: all(thread.is_alive() for thread in self._threads), "all to ask")
        self.resume.set()
        for thread in self._threads:
            thread.join(60)
        return self.results


def test_work_under_way_is_shared_and_not_remembered() -> None:
    callers = ConcurrentCalls(lambda: 7)
    assert callers.together() == [7] * 4
    assert callers.flight.run("key", lambda: 8) == 8


def test_who_waits_for_work_that_fails_hears_why() -> None:
    def fail() -> int:
        raise KeyError

    assert ConcurrentCalls(fail).together() == [KeyError] * 4


def test_one_who_has_time_does_the_work_that_another_gave_up() -> None:
    def give_up() -> int:
        if callers.calls == 1:
            raise Overloaded
        return 7

    callers = ConcurrentCalls(give_up)
    assert sorted(map(str, callers.together())) == sorted(map(str, [Overloaded, 7, 7, 7]))
