"""Protocols for launching runs: a launcher starts a run and returns a handle that reports how it ended. Imports no TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from storage.records import Run


@dataclass(frozen=True)
class RunEnding:
    """Final status of a run whose worker exited without writing one to the database.

    Attributes:
        status: ``failed`` or ``interrupted``.
        error: Sentence for the user.
        quiet: The worker exited with code 0; a run that is queued again by then stays queued.
    """

    status: str
    error: str
    quiet: bool = False


class RunHandle(Protocol):
    """Handle of a run that was started."""

    def ending(self) -> RunEnding | None:
        """Final status, ``None`` while the run goes on; ignored if the run's row already has a final status."""

    def pid(self) -> int | None:
        """Id of the local process that executes the run, ``None`` if there is none."""


class Launcher(Protocol):
    """Backend that executes runs.

    The worker claims the run (:meth:`storage.training.runs.Runs.claim`, with the engine's name) and writes its heartbeat, its epochs
    and its final status to the database.

    Attributes:
        engine: Name of the backend, stored with the run.
    """

    engine: str

    def launch(self, run: Run) -> RunHandle:
        """Start a queued run.

        Raises:
            DomainError: It cannot be started; the message is shown to the user.
            OSError: The worker process cannot be started.
        """

    def is_alive(self, run: Run) -> bool:
        """Whether the worker of a run that an earlier server process started is still alive."""
