"""Starts the worker process of a run, which trains here or on a Ray cluster. Imports neither TensorFlow nor Ray.

A worker claims its run (:meth:`storage.training.runs.Runs.claim`, with the engine's name) and writes heartbeat, epochs and final status
to the database. For a run on a cluster the worker uploads the pictures and writes down what is reported; it is separate from the server
because Ray terminates the client process when the cluster is lost.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from storage.core.errors import DiskFull
from storage.records import Run
from workbench.core.processes import EXIT_DISK_FULL, alive, start_module
from workbench.core.settings import Settings
from workbench.stores import Stores

KILLED = (
    "The training process was killed (signal {signal}), often for lack of memory. Resume the run: it goes on from its last "
    "finished epoch."
)
NO_RESULT = "The training process ended without a result. The last lines of its log say why."


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


@dataclass(frozen=True)
class WorkerProcess:
    """Handle of a worker process that this server started."""

    child: subprocess.Popen[bytes]

    def ending(self) -> RunEnding | None:
        """Final status derived from the exit code; ``None`` while the process runs."""
        code = self.child.poll()
        if code is None:
            return None
        if code < 0:
            return RunEnding("interrupted", KILLED.format(signal=-code))
        return RunEnding("failed", str(DiskFull()) if code == EXIT_DISK_FULL else NO_RESULT, quiet=code == 0)

    def pid(self) -> int:
        """Process id."""
        return self.child.pid


class Launcher:
    """Starts one worker process per run; the worker keeps running when the server stops."""

    engine = "local"

    def __init__(self, stores: Stores, settings: Settings) -> None:
        self._stores = stores
        self._settings = settings

    def launch(self, run: Run) -> WorkerProcess:
        """Start a worker process with its output appended to the run's log file.

        Raises:
            OSError: The process cannot be started.
        """
        log_file = self._stores.log_file(run.id)
        log_file.parent.mkdir(parents=True, exist_ok=True)
        with log_file.open("ab") as output:
            child = start_module(["workbench.training.worker", str(run.id)], output, self._environment())
        return WorkerProcess(child)

    def is_alive(self, run: Run) -> bool:
        """Whether the process that claimed the run is still alive."""
        return alive(run.pid, run.process_started)

    def _environment(self) -> dict[str, str]:
        environment = {"WORKBENCH_DATA": str(self._stores.root), "WORKBENCH_RUNS": str(self._settings.runs)}
        if self._settings.weights:
            environment["WORKBENCH_WEIGHTS"] = str(self._settings.weights)
        if self._settings.memory_mb:
            environment["WORKBENCH_MEMORY_MB"] = str(self._settings.memory_mb)
        return environment


class RayLauncher(Launcher):
    """Starts one client process per run, which trains on the cluster."""

    engine = "ray"

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), "WORKBENCH_RAY_ADDRESS": self._settings.ray_address}
