"""Acting in the very moment in which a system call is about to happen, by Python's audit events."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

Act = Callable[[tuple[Any, ...]], object]

_acts: list[tuple[str, Act]] = []


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    for wanted, act in list(_acts):
        if event == wanted:
            act(arguments)


@cache
def _install() -> None:
    sys.addaudithook(_hear)  # it cannot be taken away again


@contextmanager
def before(event: str, act: Act) -> Iterator[None]:
    """While this lasts, call ``act`` with the arguments of every audit event of a name, such as ``os.utime`` or ``open``."""
    _install()
    entry = (event, act)
    _acts.append(entry)
    try:
        yield
    finally:
        _acts.remove(entry)
