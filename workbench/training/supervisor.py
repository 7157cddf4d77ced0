"""Starts workers and notices when one is gone. Knows no TensorFlow."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

from storage.errors import DiskFull, is_disk_full
from storage.records import Run
from workbench.stores import Stores
from workbench.training.processes import NO_ROOM, alive

log = logging.getLogger(__name__)
PAUSE_SECONDS = 0.5
LOG_LINES = 20
PROJECT = Path(__file__).resolve().parents[2]
GONE = "The training process is gone: it was ended from outside, or the machine was restarted. Start the run again."
KILLED = "The training process was killed (signal {signal}), often for lack of memory. Start the run again."
CANNOT_START = "The training process could not be started. The server's log says why; start the run again."
NO_RESULT = "The training process ended without a result. The last lines of its log say why."


class Supervisor:
    """Runs one worker at a time.

    A worker outlives the server: after a restart a run whose process is alive is adopted, one whose process is gone is
    marked as interrupted.
    """

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._child: tuple[int, subprocess.Popen[bytes]] | None = None
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
        """Stop watching; a worker that runs goes on."""
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
        own = self._child[1].pid if self._child else None  # looked after by _reap, which knows how it ended
        for run in running:
            if run.pid != own and not alive(run.pid, run.process_started):
                self._end(run.id, "interrupted", GONE)
        queued = [run for run in active if run.status == "queued"]
        if queued and not running and self._child is None:
            self._begin(queued[0])

    def _reap(self) -> None:
        """See to a worker of our own that has ended."""
        if self._child is None:
            return
        run_id, process = self._child
        code = process.poll()
        if code is None:
            return
        run = self._stores.runs.get(run_id)
        # Otherwise a worker that an earlier server started was first to take the run.
        if run.status != "running" or run.pid == process.pid:
            self._end(run_id, *_ending(code))
        self._child = None

    def _end(self, run_id: int, status: str, error: str) -> None:
        """Write down what became of a run whose worker is gone, and tidy up for it."""
        shutil.rmtree(self._stores.work_folder(run_id), ignore_errors=True)
        self._stores.runs.end(run_id, status, error)

    def _begin(self, run: Run) -> None:
        try:
            self._launch(run)
        except OSError as error:
            log.exception("run %s could not be started", run.id)
            reason = str(DiskFull()) if is_disk_full(error) else CANNOT_START
            self._stores.runs.end(run.id, "failed", reason)

    def _launch(self, run: Run) -> None:
        file = self._stores.log_file(run.id)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 - our own module, no shell
                [sys.executable, "-m", "workbench.training.worker", str(run.id)],
                cwd=PROJECT,
                env={**os.environ, "WORKBENCH_DATA": str(self._stores.root)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._child = (run.id, process)


def _ending(code: int) -> tuple[str, str]:
    """Status and error of a run whose worker wrote neither."""
    if code < 0:
        return "interrupted", KILLED.format(signal=-code)
    return "failed", str(DiskFull()) if code == NO_ROOM else NO_RESULT


def log_tail(file: Path) -> str:
    """The last lines of a log, empty where there is none."""
    try:
        with file.open("rb") as log_file:
            log_file.seek(max(0, file.stat().st_size - 64_000))
            return "\n".join(log_file.read().decode(errors="replace").splitlines()[-LOG_LINES:])
    except FileNotFoundError:
        return ""
