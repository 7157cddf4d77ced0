"""Where runs are carried out: a launcher starts one, and its handle tells how it ended. Imports no TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from storage.records import Run


@dataclass(frozen=True)
class RunEnding:
    """How a run ended that did not write so itself: ``status`` and a sentence.

    ``quiet`` is the end of a worker that had no complaint: a run that waits by then simply waits on.
    """

    status: str
    error: str
    quiet: bool = False


class RunHandle(Protocol):
    """A run that was started."""

    def ending(self) -> RunEnding | None:
        """How it ended, ``None`` while it goes on. It counts only where the run has not ended in its row already."""

    def pid(self) -> int | None:
        """The process of this machine that carries it out, ``None`` where it is none."""


class Launcher(Protocol):
    """An engine that carries runs out.

    Whoever carries a run out claims it (:meth:`storage.training.runs.Runs.claim`, with the name of the engine) and writes what becomes
    of it: its heartbeat, its epochs, and how it ended.

    Attributes:
        engine: Its name, as the run remembers it.
    """

    engine: str

    def launch(self, run: Run) -> RunHandle:
        """Start a queued run.

        Raises:
            DomainError: It cannot be started; the message is the reason.
            OSError: It cannot be started.
        """

    def lives(self, run: Run) -> bool:
        """Whether a run that an earlier server started is still carried out."""
