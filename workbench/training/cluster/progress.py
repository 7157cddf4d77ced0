"""Progress of a task: the reporter on its node, the actor that both sides call, and what the server does. Imports neither Ray nor TensorFlow."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from storage.core.files import write_atomic
from workbench.training.reporter import EpochRecord, Progress, Reporter, TrialRecord

REPORT_SECONDS = 0.4
CHECKPOINTS = "*.checkpoint"
_KEPT_CHECKPOINTS = 2  # the previous one is kept in case the latest is damaged
_CHECKPOINT_PAUSE = 4  # relative to the duration of sending one: at most a fifth of the time is spent on it
_LATEST_ONLY = {"counted", "step"}
_OTHER_NODE = "The node that trained is gone; node %s goes on from the last epoch that arrived."

Event = tuple[str, tuple[Any, ...]]
Files = Mapping[str, bytes]
"""Contents of files by name."""


@dataclass(frozen=True)
class Update:
    """Reporter calls and log records since the last update, and the newest checkpoint if there is a new one."""

    events: tuple[Event, ...] = ()
    checkpoint: Files = field(default_factory=dict)


class ProgressActor:
    """Ray actor that holds the latest checkpoint and the pending updates of one task. It must not be on a node that may be lost.

    Args:
        checkpoint: Checkpoint files to resume from.
    """

    def __init__(self, checkpoint: Files) -> None:
        self._checkpoint = checkpoint
        self._pending = Update()
        self._attempt = 0
        self._requested_action = ""

    def begin(self, node: str) -> tuple[int, Files]:
        """Register a node; returns the number of this attempt, and the checkpoint files to resume from."""
        self._attempt += 1
        level, message = (
            (logging.WARNING, _OTHER_NODE) if self._attempt > 1 else (logging.INFO, "node %s trains")
        )
        self._add(Update((("log", ("cluster", level, message % node)),)))
        return self._attempt, self._checkpoint

    def report(self, attempt: int, update: Update) -> str:
        """Add an update and return the requested action; a superseded attempt is not heard any more and is told to stop."""
        if attempt != self._attempt:
            return "stop"
        self._checkpoint = update.checkpoint or self._checkpoint
        self._add(update)
        return self._requested_action

    def fetch(self, requested_action: str) -> Update:
        """Remove and return what is pending, and set the requested action."""
        self._requested_action = requested_action
        pending, self._pending = self._pending, Update()
        return pending

    def _add(self, update: Update) -> None:
        self._pending = Update(
            self._pending.events + update.events, update.checkpoint or self._pending.checkpoint
        )


class NodeReporter(logging.Handler):
    """Reporter on the node: sends events, log records and the newest checkpoint, a few times a second between two steps.

    Args:
        report: Sends an update and returns the requested action.
        checkpoints: Folder of the checkpoints; the newest is sent in any case when the run ends.
    """

    def __init__(self, report: Callable[[Update], str], checkpoints: Path) -> None:
        super().__init__(logging.INFO)
        self._report = report
        self._folder = checkpoints
        self._sent_checkpoint = (0, "")
        self._new_checkpoint()  # what the run goes on from needs not be sent
        self._events: list[Event] = []
        self._events_lock = threading.Lock()  # log records come from any thread
        self._requested_action = ""
        self._next_report = self._next_checkpoint = 0.0

    def __enter__(self) -> NodeReporter:
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, *exception: object) -> None:
        logging.getLogger().removeHandler(self)
        self._next_checkpoint = 0.0
        self._send()

    def phase(self, name: str) -> None:
        """A phase starts. Sent at once, since it may take long."""
        self._add_event("phase", name)
        self._send()

    def counted(self, done: int, total: int) -> None:
        """``done`` of ``total`` pictures are processed, in a phase without epochs."""
        self._add_event("counted", done, total)
        self._send_if_due()

    def step(self, progress: Progress) -> None:
        """A training step is finished."""
        self._add_event("step", progress)
        self._send_if_due()

    def epoch(self, record: EpochRecord) -> None:
        """An epoch is finished and evaluated."""
        self._add_event("epoch", record)

    def trial(self, record: TrialRecord) -> None:
        """The state of a trial has changed."""
        self._add_event("trial", record)

    def requested_action(self) -> str:
        """Action requested by the user at the last report: empty, ``stop`` or ``pause``."""
        return self._requested_action

    def emit(self, record: logging.LogRecord) -> None:
        """Forward a log record."""
        self._add_event("log", record.name, record.levelno, record.getMessage())

    def _add_event(self, kind: str, *values: Any) -> None:
        with self._events_lock:
            if kind in _LATEST_ONLY and self._events and self._events[-1][0] == kind:
                self._events.pop()
            self._events.append((kind, values))

    def _send_if_due(self) -> None:
        if monotonic() >= self._next_report:
            self._send()

    def _send(self) -> None:
        start = monotonic()
        checkpoint = self._new_checkpoint() if start >= self._next_checkpoint else {}
        with self._events_lock:
            events, self._events = tuple(self._events), []
        self._requested_action = self._report(Update(events, checkpoint))
        self._next_report = monotonic() + REPORT_SECONDS
        if checkpoint:
            self._next_checkpoint = monotonic() + _CHECKPOINT_PAUSE * (monotonic() - start)

    def _new_checkpoint(self) -> Files:
        files = ((path.stat().st_mtime_ns, path.name) for path in self._folder.glob(CHECKPOINTS))
        newest = max(files, default=self._sent_checkpoint)
        if newest == self._sent_checkpoint:
            return {}
        self._sent_checkpoint = newest
        return {newest[1]: (self._folder / newest[1]).read_bytes()}


def deliver_update(update: Update, reporter: Reporter, checkpoints: Path) -> None:
    """Forward an update to the run's reporter and log, and write its checkpoint.

    Raises:
        DiskFull: There is not enough disk space for the checkpoint.
    """
    for kind, values in update.events:
        if kind == "log":
            name, level, message = values
            logging.getLogger(name).log(level, "%s", message)
        else:
            getattr(reporter, kind)(*values)
    if update.checkpoint:
        write_files(update.checkpoint, checkpoints)
        for old in sorted(checkpoints.glob(CHECKPOINTS))[:-_KEPT_CHECKPOINTS]:
            old.unlink()


def read_files(folder: Path, pattern: str = "*") -> Files:
    """Contents of the files in a folder; nothing if it does not exist."""
    return {path.name: path.read_bytes() for path in folder.glob(pattern)}


def write_files(files: Files, folder: Path) -> None:
    """Write files atomically into a folder, which is created if it does not exist.

    Raises:
        DiskFull: There is not enough disk space.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        write_atomic(folder / name, data)
