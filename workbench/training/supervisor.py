"""Starts a worker process for every queued run and detects lost ones. Imports no TensorFlow.

A worker claims its run and writes the progress to the database. For a run on a cluster it uploads the pictures and writes down
what is reported; it is separate from the server because Ray terminates the client process when the cluster is lost.
"""

from __future__ import annotations

import logging
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from storage.core.errors import DiskFull, is_disk_full
from storage.records import Run
from storage.training.run_attempts import ENDED
from workbench.core.polling import PollingThread
from workbench.core.processes import EXIT_DISK_FULL, alive, start_module
from workbench.core.settings import Settings
from workbench.stores import Stores
from workbench.training.checkpoint_retention import prune_checkpoints

log = logging.getLogger(__name__)
PAUSE_SECONDS = 0.5
LOG_LINES = 40
GONE = (
    "The training process is gone: it was ended from outside, or the machine was restarted. Resume the run: it goes on from its "
    "last finished epoch."
)
KILLED = (
    "The training process was killed (signal {signal}), often for lack of memory. Resume the run: it goes on from its last "
    "finished epoch."
)
NO_RESULT = "The training process ended without a result. The last lines of its log say why."
CANNOT_START = "The training process could not be started. The server's log says why; start the run again."
UNDER_WAY = "runs under way"


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


class RunSupervisor:
    """Starts queued runs, at most ``settings.runs`` at once.

    Workers keep running when the server stops: after a restart a run whose worker is alive is adopted, and one whose worker is
    gone is marked as interrupted.

    Args:
        stores: Database and file stores.
        settings: Where workers find data, weights and the cluster, and their limits.
        ended: Called with every run that has ended, including those that ended while no server was running.
    """

    def __init__(self, stores: Stores, settings: Settings, ended: Callable[[Run], None]) -> None:
        self._stores = stores
        self._settings = settings
        self._ended = ended
        self._handles: dict[int, WorkerProcess] = {}
        self._thread = PollingThread("supervisor", self._poll, PAUSE_SECONDS)

    def start(self) -> None:
        """Start the background thread."""
        self._thread.start()

    def wake(self) -> None:
        """Check the queue immediately instead of at the next polling interval."""
        self._thread.wake()

    def close(self) -> None:
        """Stop the background thread; running workers continue."""
        self._thread.close()

    def _poll(self) -> None:
        self._handle_exits()
        active = self._stores.runs.active()
        running = [run for run in active if run.status == "running"]
        for run in running:
            if run.id not in self._handles and not alive(run.pid, run.process_started):
                self._record_ending(run, RunEnding("interrupted", GONE))
        waiting = [run for run in active if run.status == "queued" and run.id not in self._handles]
        busy = {run.id for run in running} | set(self._handles)
        for run in waiting[: max(0, self._settings.runs - len(busy))]:
            self._start(run)
        self._notify_ended([run.id for run in active])

    def _notify_ended(self, active: list[int]) -> None:
        previous = self._stores.preferences.get(UNDER_WAY, [])
        if previous == active:
            return
        self._stores.preferences.set(UNDER_WAY, active)
        no_longer_active = [self._stores.runs.get(run_id) for run_id in previous if run_id not in active]
        for run in no_longer_active:
            if run.status in ENDED:
                self._ended(run)
        if no_longer_active:
            prune_checkpoints(self._stores)

    def _handle_exits(self) -> None:
        """Record the final status of runs whose worker process has exited."""
        for run_id, handle in list(self._handles.items()):
            ending = handle.ending()
            if ending is None:
                continue
            run = self._stores.runs.get(run_id)
            # Otherwise another worker claimed the run first, or the run was paused and is queued again.
            responsible = run.pid == handle.pid() if run.status == "running" else not ending.quiet
            if responsible:
                self._record_ending(run, ending)
            del self._handles[run_id]

    def _record_ending(self, run: Run, ending: RunEnding) -> None:
        """Write the final status of a run whose worker is gone, and delete its work folder."""
        shutil.rmtree(self._stores.work_folder(run.id, run.attempt), ignore_errors=True)
        if run.status == "running":
            self._stores.runs.attempt_at(run).end(ending.status, ending.error)
        else:
            self._stores.runs.end(run.id, ending.status, ending.error)

    def _start(self, run: Run) -> None:
        try:
            self._handles[run.id] = WorkerProcess(self._start_worker(run))
        except OSError as error:
            log.exception("run %s could not be started", run.id)
            reason = str(DiskFull()) if is_disk_full(error) else CANNOT_START
            self._stores.runs.end(run.id, "failed", reason)

    def _start_worker(self, run: Run) -> subprocess.Popen[bytes]:
        """Start the worker of a run with its output appended to the run's log file; it outlives the server."""
        log_file = self._stores.log_file(run.id)
        log_file.parent.mkdir(parents=True, exist_ok=True)
        with log_file.open("ab") as output:
            return start_module(["workbench.training.worker", str(run.id)], output, self._environment())

    def _environment(self) -> dict[str, str]:
        settings = self._settings
        environment = {"WORKBENCH_DATA": str(self._stores.root), "WORKBENCH_RUNS": str(settings.runs)}
        if settings.weights:
            environment["WORKBENCH_WEIGHTS"] = str(settings.weights)
        if settings.memory_mb:
            environment["WORKBENCH_MEMORY_MB"] = str(settings.memory_mb)
        if settings.ray_address:
            environment["WORKBENCH_RAY_ADDRESS"] = settings.ray_address
        return environment


def log_tail(file: Path) -> str:
    """The last ``LOG_LINES`` lines of a log file, empty if it does not exist."""
    try:
        with file.open("rb") as log_file:
            log_file.seek(max(0, file.stat().st_size - 64_000))
            return "\n".join(log_file.read().decode(errors="replace").splitlines()[-LOG_LINES:])
    except FileNotFoundError:
        return ""


SILENT_SECONDS = 30.0
_SENTENCE = (
    "Nothing was heard of run {run} for {seconds:.0f} seconds: its process hangs, is suspended, or cannot write. "
    "If that lasts, end process {pid}; the run can be resumed from its last finished epoch."
)


def heartbeat_warning(run: Run) -> str:
    """Warning if the last heartbeat of a running run is older than ``SILENT_SECONDS``, else empty."""
    if run.status != "running" or run.heartbeat is None:
        return ""
    seconds = time.time() - run.heartbeat
    return _SENTENCE.format(run=run.id, seconds=seconds, pid=run.pid) if seconds > SILENT_SECONDS else ""
