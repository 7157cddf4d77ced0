"""Starts runs and notices when one is gone. Knows no TensorFlow."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from storage.core.errors import DiskFull, DomainError, is_disk_full
from storage.records import Run
from storage.training.run_attempts import ENDED
from workbench.stores import Stores
from workbench.training.checkpoint_retention import tidy
from workbench.training.launcher import Launcher, RunEnding, RunHandle

log = logging.getLogger(__name__)
PAUSE_SECONDS = 0.5
LOG_LINES = 40
GONE = (
    "The training process is gone: it was ended from outside, or the machine was restarted. Resume the run: it goes on from its "
    "last finished epoch."
)
CANNOT_START = "The training process could not be started. The server's log says why; start the run again."
UNDER_WAY = "runs under way"


class RunSupervisor:
    """Runs what waits, one run at a time or as many as are allowed.

    A worker outlives the server: after a restart a run that is still carried out is adopted, one that is gone is marked as
    interrupted.

    Args:
        stores: Where the runs are.
        launchers: What carries runs out; the first is for those that begin now.
        most: How many runs at once.
        ended: Hears of every run that is over, also of one that ended while no server was there.
    """

    def __init__(
        self, stores: Stores, launchers: Sequence[Launcher], most: int, ended: Callable[[Run], None]
    ) -> None:
        self._stores = stores
        self._launchers = launchers
        self._most = most
        self._ended = ended
        self._handles: dict[int, RunHandle] = {}
        self._wake = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def start(self) -> None:
        """Begin to watch, in a thread of its own."""
        self._thread.start()

    def wake(self) -> None:
        """Look at the queue now rather than in a moment."""
        self._wake.set()

    def close(self) -> None:
        """Stop watching; what runs goes on."""
        self._closing = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _watch(self) -> None:
        while not self._closing:
            try:
                self._look()
            except Exception:
                log.exception("looking after the training runs failed; trying again")
            self._wake.wait(PAUSE_SECONDS)
            self._wake.clear()

    def _look(self) -> None:
        self._reap()
        active = self._stores.runs.active()
        running = [run for run in active if run.status == "running"]
        for run in running:
            if run.id not in self._handles and not self._lives(run):
                self._end(run, RunEnding("interrupted", GONE))
        waiting = [run for run in active if run.status == "queued" and run.id not in self._handles]
        busy = {run.id for run in running} | set(self._handles)
        for run in waiting[: max(0, self._most - len(busy))]:
            self._begin(run)
        self._announce([run.id for run in active])

    def _lives(self, run: Run) -> bool:
        return any(launcher.engine == run.engine and launcher.lives(run) for launcher in self._launchers)

    def _announce(self, active: list[int]) -> None:
        known = self._stores.preferences.get(UNDER_WAY, [])
        if known == active:
            return
        self._stores.preferences.set(UNDER_WAY, active)
        over = [self._stores.runs.get(run_id) for run_id in known if run_id not in active]
        for run in over:
            if run.status in ENDED:
                self._ended(run)
        if over:
            tidy(self._stores)

    def _reap(self) -> None:
        """See to what ended by itself."""
        for run_id, handle in list(self._handles.items()):
            ending = handle.ending()
            if ending is None:
                continue
            run = self._stores.runs.get(run_id)
            # Otherwise a worker that an earlier server started was first to take the run, or it was paused and goes on.
            own = run.pid == handle.pid() if run.status == "running" else not ending.quiet
            if own:
                self._end(run, ending)
            del self._handles[run_id]

    def _end(self, run: Run, ending: RunEnding) -> None:
        """Write down what became of a run whose worker is gone, and tidy up for it."""
        shutil.rmtree(self._stores.work_folder(run.id, run.attempt), ignore_errors=True)
        if run.status == "running":
            self._stores.runs.attempt_at(run).end(ending.status, ending.error)
        else:
            self._stores.runs.end(run.id, ending.status, ending.error)

    def _begin(self, run: Run) -> None:
        try:
            self._handles[run.id] = self._launchers[0].launch(run)
        except DomainError as error:
            self._stores.runs.end(run.id, "failed", str(error))
        except OSError as error:
            log.exception("run %s could not be started", run.id)
            reason = str(DiskFull()) if is_disk_full(error) else CANNOT_START
            self._stores.runs.end(run.id, "failed", reason)


def log_tail(file: Path) -> str:
    """The last lines of a log, empty where there is none."""
    try:
        with file.open("rb") as log_file:
            log_file.seek(max(0, file.stat().st_size - 64_000))
            return "\n".join(log_file.read().decode(errors="replace").splitlines()[-LOG_LINES:])
    except FileNotFoundError:
        return ""
