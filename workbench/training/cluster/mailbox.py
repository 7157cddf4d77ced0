"""Message exchange between a training node and the server. Imports neither Ray nor TensorFlow."""

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

log = logging.getLogger("cluster")
BEAT_SECONDS = 0.4
_CHECKPOINT_PAUSE = 4  # pause after sending checkpoints, relative to the duration of sending: at most a fifth of the time is spent on it
_LATEST_ONLY = {"counted", "step"}

Event = tuple[str, tuple[Any, ...]]


@dataclass(frozen=True)
class FileChanges:
    """Changes in a folder: ``names`` are all present files, ``changed`` the contents of new or modified ones."""

    names: frozenset[str] = frozenset()
    changed: Mapping[str, bytes] = field(default_factory=dict)

    def after(self, before: FileChanges) -> FileChanges:
        """Merge earlier changes with these."""
        merged = {**before.changed, **self.changed}
        return FileChanges(self.names, {name: merged[name] for name in merged if name in self.names})


@dataclass(frozen=True)
class Update:
    """Reporter calls since the last update, and checkpoint changes if there are any."""

    events: tuple[Event, ...] = ()
    checkpoint: FileChanges | None = None


class Mailbox:
    """Buffer between the training node and the server: the node posts updates, the server fetches them and sets the requested action.

    Args:
        checkpoint: Checkpoint files to resume from.
    """

    def __init__(self, checkpoint: FileChanges) -> None:
        self._checkpoint = checkpoint
        self._changes: FileChanges | None = None
        self._events: list[Event] = []
        self._attempt = 0
        self._requested_action = ""

    def begin(self, node: str) -> tuple[int, FileChanges]:
        """Register a node; returns the number of this attempt, and the checkpoint files to resume from."""
        self._attempt += 1
        self._events.append(("began", (self._attempt, node)))
        return self._attempt, self._checkpoint

    def post(self, attempt: int, update: Update) -> str:
        """Post an update and return the requested action; updates of superseded attempts are discarded and answered with ``stop``."""
        if attempt != self._attempt:
            return "stop"
        self._events += update.events
        if update.checkpoint:
            self._checkpoint = update.checkpoint.after(self._checkpoint)
            self._changes = update.checkpoint.after(self._changes or FileChanges())
        return self._requested_action

    def fetch(self, requested_action: str) -> Update:
        """Remove and return the pending updates, and set the requested action."""
        self._requested_action = requested_action
        update = Update(tuple(self._events), self._changes)
        self._events, self._changes = [], None
        return update


class WatchedFolder:
    """Detects changes in a folder of atomically written files since the last call."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._states: dict[str, tuple[int, int]] = {}

    def changes(self) -> FileChanges | None:
        """New contents and all names, ``None`` if nothing changed."""
        states = {name: (stat.st_mtime_ns, stat.st_size) for name, stat in self._stats()}
        if states == self._states:
            return None
        changed = {}
        for name, state in states.items():
            if self._states.get(name) != state:
                try:
                    changed[name] = (self._path / name).read_bytes()
                except FileNotFoundError:
                    return None  # replaced concurrently: the next call sees the complete change
        self._states = states
        return FileChanges(frozenset(states), changed)

    def _stats(self) -> list[tuple[str, Any]]:
        entries = []
        for path in self._path.rglob("*"):
            try:
                if path.is_file() and path.suffix != ".part":
                    entries.append((path.relative_to(self._path).as_posix(), path.stat()))
            except FileNotFoundError:
                continue  # an old checkpoint that was just deleted
        return entries


def apply_changes(files: FileChanges, folder: Path) -> None:
    """Apply changes of another folder to ``folder``, including deletions.

    Raises:
        DiskFull: There is not enough disk space.
    """
    for name, data in files.changed.items():
        write_atomic(folder / name, data)
    for path in list(folder.rglob("*")):
        if path.is_file() and path.relative_to(folder).as_posix() not in files.names:
            path.unlink()


class RemoteReporter(logging.Handler):
    """Reporter on the node: collects events and log records, and posts them from a background thread.

    Args:
        leave: Posts an update to the mailbox and returns the requested action.
        checkpoints: Folder whose changes are sent as well, the last ones when the run ends.
    """

    def __init__(self, post: Callable[[Update], str], checkpoints: Path) -> None:
        super().__init__(logging.INFO)
        self._post_update = post
        self._folder = WatchedFolder(checkpoints)
        self._events: list[Event] = []
        self._lock = threading.Lock()
        self._requested_action = ""
        self._next_checkpoint_time = 0.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="relay", daemon=True)

    def __enter__(self) -> RemoteReporter:
        logging.getLogger().addHandler(self)
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stopped.set()
        self._thread.join()
        logging.getLogger().removeHandler(self)
        self._next_checkpoint_time = 0.0
        self._post()

    def phase(self, name: str) -> None:
        """A phase starts."""
        self._add_event("phase", name)

    def counted(self, done: int, total: int) -> None:
        """``done`` of ``total`` pictures are processed, in a phase without epochs."""
        self._add_event("counted", done, total)

    def step(self, progress: Progress) -> None:
        """A training step is finished."""
        self._add_event("step", progress)

    def epoch(self, record: EpochRecord) -> None:
        """An epoch is finished and evaluated."""
        self._add_event("epoch", record)

    def trial(self, record: TrialRecord) -> None:
        """The state of a trial has changed."""
        self._add_event("trial", record)

    def requested_action(self) -> str:
        """Action requested by the user at the last contact: empty, ``stop`` or ``pause``."""
        return self._requested_action

    def emit(self, record: logging.LogRecord) -> None:
        """Forward a log record."""
        self._add_event("log", record.name, record.getMessage())

    def _add_event(self, kind: str, *values: Any) -> None:
        with self._lock:
            if kind in _LATEST_ONLY and self._events and self._events[-1][0] == kind:
                self._events.pop()
            self._events.append((kind, values))

    def _loop(self) -> None:
        while not self._stopped.wait(BEAT_SECONDS):
            try:
                self._post()
            except Exception:
                log.exception("the server was not reached; the run stops")
                self._requested_action = "stop"
                return

    def _post(self) -> None:
        with self._lock:
            events, self._events = tuple(self._events), []
        start = monotonic()
        checkpoint = self._folder.changes() if start >= self._next_checkpoint_time else None
        self._requested_action = self._post_update(Update(events, checkpoint))
        if checkpoint:
            self._next_checkpoint_time = monotonic() + _CHECKPOINT_PAUSE * (monotonic() - start)


def deliver_update(update: Update, reporter: Reporter, checkpoints: Path) -> None:
    """Forward an update to the server's reporter, and write its checkpoint files.

    Raises:
        DiskFull: There is not enough disk space for the checkpoints.
    """
    for kind, values in update.events:
        if kind == "began":
            _log_start(*values)
        elif kind == "log":
            logging.getLogger(values[0]).info(values[1])
        else:
            getattr(reporter, kind)(*values)
    if update.checkpoint:
        apply_changes(update.checkpoint, checkpoints)


def _log_start(attempt: int, node: str) -> None:
    if attempt == 1:
        log.info("node %s trains", node)
    else:
        log.warning("The node that trained is gone; node %s goes on from the last epoch that arrived.", node)


def all_files(folder: Path) -> FileChanges:
    """All files in a folder, by relative path."""
    return WatchedFolder(folder).changes() or FileChanges()
