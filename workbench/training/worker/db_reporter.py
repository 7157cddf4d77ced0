"""Reporter that writes progress to the run's database row."""

from __future__ import annotations

import dataclasses
import logging
import os
import shutil
import threading
import time
from typing import Any

from storage.training.run_attempts import PAUSE, STOP, RunAttempt, Superseded
from workbench.core.errors import Paused, StoppedEarly
from workbench.core.processes import MemoryLimit
from workbench.stores import Stores
from workbench.training.checkpoint_retention import has_checkpoint
from workbench.training.reporter import EpochRecord, Progress, TrialRecord

log = logging.getLogger("worker")
HEARTBEAT_SECONDS = 0.4
MIN_RATE_SECONDS = 1.0
TOO_MUCH = (
    "Training took more than the {budget:,} MB of memory that a run may take, so it was ended. Allow more (WORKBENCH_MEMORY_MB) and "
    "resume the run from its last finished epoch, or start one with a smaller batch or backbone."
)


class DatabaseReporter:
    """Writes heartbeat, progress and epochs to the run's row, and reads the requested action from it.

    A background thread writes the row, so that a slow disk does not delay training steps and long phases still have a heartbeat.
    The thread also ends this process if another attempt has taken over the run, or if the process exceeds its memory limit;
    checkpoints are kept, and the kernel's out-of-memory killer is not triggered.
    """

    def __init__(self, stores: Stores, attempt: RunAttempt, budget: MemoryLimit) -> None:
        self._stores = stores
        self._attempt = attempt
        self._budget = budget
        self._phase = "starting"
        self._progress: dict[str, Any] = {}
        self._requested_action = ""
        self._count_start: tuple[float, int] | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._heartbeat_loop, name="heartbeat", daemon=True)

    def __enter__(self) -> DatabaseReporter:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stopped.set()
        self._thread.join(timeout=20)

    def phase(self, name: str) -> None:
        """A phase starts."""
        log.info("phase: %s", name)
        self._phase = name
        self._count_start = None
        if "done" in self._progress:
            self._progress = {}  # speed and remaining time referred to the previous phase

    def counted(self, done: int, total: int) -> None:
        """``done`` of ``total`` pictures are processed, in a phase without epochs."""
        if self._count_start is None or done < self._count_start[1]:
            self._count_start = time.monotonic(), done
        start_time, start_done = self._count_start
        seconds = time.monotonic() - start_time
        rate = (done - start_done) / seconds if done > start_done and seconds >= MIN_RATE_SECONDS else None
        self._progress = {
            "done": done,
            "total": total,
            "pictures_per_second": rate,
            "eta_seconds": (total - done) / rate if rate else None,
        }

    def step(self, progress: Progress) -> None:
        """A training step is finished."""
        self._progress = dataclasses.asdict(progress)

    def epoch(self, record: EpochRecord) -> None:
        """An epoch is finished and evaluated."""
        log.info("epoch %s", record)
        self._attempt.add_epoch(record.epoch, dataclasses.asdict(record))

    def trial(self, record: TrialRecord) -> None:
        """The state of a trial has changed."""
        log.info("trial %s", record)
        self._attempt.put_trial(dataclasses.asdict(record))

    def requested_action(self) -> str:
        """Action requested by the user: empty, ``stop`` or ``pause``."""
        return self._requested_action

    def report_progress(self, done: int, total: int) -> None:
        """Report progress before training, and end the run if requested; see :meth:`raise_if_requested`."""
        self.counted(done, total)
        self.raise_if_requested()

    def raise_if_requested(self) -> None:
        """End the run if requested. A run with a checkpoint is stopped during training instead, which keeps its best epoch.

        Raises:
            StoppedEarly: A stop was requested.
            Paused: A pause was requested.
        """
        if self._requested_action == PAUSE:
            raise Paused
        if self._requested_action == STOP and not has_checkpoint(
            self._stores, self._stores.runs.get(self._attempt.run_id)
        ):
            raise StoppedEarly

    def _heartbeat_loop(self) -> None:
        while not self._stopped.is_set():
            usage = self._budget.usage()
            try:
                progress = {**self._progress, "cpu_percent": usage.cpu_percent, "memory_mb": usage.memory_mb}
                self._requested_action = self._attempt.heartbeat(self._phase, progress)
                if usage.memory_mb > self._budget.megabytes:
                    self._fail_for_memory()
            except Superseded as error:
                self._terminate(str(error))
            except Exception:
                log.exception("the heartbeat could not be written; trying again")
            self._stopped.wait(HEARTBEAT_SECONDS)

    def _fail_for_memory(self) -> None:
        message = TOO_MUCH.format(budget=self._budget.megabytes)
        if self._attempt.end("failed", message):
            self._terminate(message)

    def _terminate(self, message: str) -> None:
        """Log a message, delete the work folder and terminate the process without waiting for other threads."""
        log.error(message)
        shutil.rmtree(
            self._stores.work_folder(self._attempt.run_id, self._attempt.number), ignore_errors=True
        )
        os._exit(1)
