"""What a run has to say, written into its row of the database."""

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
BEAT_SECONDS = 0.4
SURE_SECONDS = 1.0
TOO_MUCH = (
    "Training took more than the {budget:,} MB of memory that a run may take, so it was ended. Allow more (WORKBENCH_MEMORY_MB) and "
    "resume the run from its last finished epoch, or start one with a smaller batch or backbone."
)


class DatabaseReporter:
    """Writes heartbeat, progress and epochs into the run's row, and reads requests from it.

    The row is written by a thread of its own, so that a slow disk never holds a training step up and a long phase still
    has a heartbeat. The thread also ends this process where the run is not its own any more, and where it takes more memory
    than it may: its checkpoint stands, and the machine does not choose a process to kill.
    """

    def __init__(self, stores: Stores, attempt: RunAttempt, budget: MemoryLimit) -> None:
        self._stores = stores
        self._attempt = attempt
        self._budget = budget
        self._phase = "starting"
        self._progress: dict[str, Any] = {}
        self._asked = ""
        self._began: tuple[float, int] | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> DatabaseReporter:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._done.set()
        self._thread.join(timeout=20)

    def phase(self, name: str) -> None:
        """A phase begins."""
        log.info("phase: %s", name)
        self._phase = name
        self._began = None
        if "done" in self._progress:
            self._progress = {}  # its speed and its end were those of what was counted

    def counted(self, done: int, total: int) -> None:
        """So many pictures of a phase are done that has no epochs."""
        if self._began is None or done < self._began[1]:
            self._began = time.monotonic(), done
        began, before = self._began
        seconds = time.monotonic() - began
        rate = (done - before) / seconds if done > before and seconds >= SURE_SECONDS else None
        self._progress = {
            "done": done,
            "total": total,
            "pictures_per_second": rate,
            "eta_seconds": (total - done) / rate if rate else None,
        }

    def step(self, progress: Progress) -> None:
        """A step is done."""
        self._progress = dataclasses.asdict(progress)

    def epoch(self, record: EpochRecord) -> None:
        """An epoch is done and judged."""
        log.info("epoch %s", record)
        self._attempt.add_epoch(record.epoch, dataclasses.asdict(record))

    def trial(self, record: TrialRecord) -> None:
        """A try of a search begins or ends."""
        log.info("trial %s", record)
        self._attempt.put_trial(dataclasses.asdict(record))

    def asked(self) -> str:
        """What was asked of the run: nothing, ``stop`` or ``pause``."""
        return self._asked

    def told(self, done: int, total: int) -> None:
        """Report work before training, and end the run where that was asked for; see :meth:`heed`."""
        self.counted(done, total)
        self.raise_if_requested()

    def raise_if_requested(self) -> None:
        """End the run where that was asked for. One that has a checkpoint is stopped by :func:`train`, which keeps its best.

        Raises:
            StoppedEarly: A stop was asked for.
            Paused: A pause was asked for.
        """
        if self._asked == PAUSE:
            raise Paused
        if self._asked == STOP and not has_checkpoint(
            self._stores, self._stores.runs.get(self._attempt.run_id)
        ):
            raise StoppedEarly

    def _beat(self) -> None:
        while not self._done.is_set():
            usage = self._budget.usage()
            try:
                progress = {**self._progress, "cpu_percent": usage.cpu_percent, "memory_mb": usage.memory_mb}
                self._asked = self._attempt.heartbeat(self._phase, progress)
                if usage.memory_mb > self._budget.megabytes:
                    self._give_up()
            except Superseded as error:
                self._leave(str(error))
            except Exception:
                log.exception("the heartbeat could not be written; trying again")
            self._done.wait(BEAT_SECONDS)

    def _give_up(self) -> None:
        sentence = TOO_MUCH.format(budget=self._budget.megabytes)
        if self._attempt.end("failed", sentence):
            self._leave(sentence)

    def _leave(self, why: str) -> None:
        """End this process, whatever its other threads do: the run is over for it."""
        log.error(why)
        shutil.rmtree(
            self._stores.work_folder(self._attempt.run_id, self._attempt.number), ignore_errors=True
        )
        os._exit(1)
