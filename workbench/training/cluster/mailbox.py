"""What a run on another machine and the server say to one another. Imports neither Ray nor TensorFlow."""

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
_SPARING = 4  # sending checkpoints takes at most a fifth of the time
_LATEST_ONLY = {"counted", "step"}

Event = tuple[str, tuple[Any, ...]]


@dataclass(frozen=True)
class FileChanges:
    """What changed in a folder: ``names`` are all files that are there now, ``changed`` the bytes of those that are new."""

    names: frozenset[str] = frozenset()
    changed: Mapping[str, bytes] = field(default_factory=dict)

    def after(self, before: FileChanges) -> FileChanges:
        """Both changes as one."""
        both = {**before.changed, **self.changed}
        return FileChanges(self.names, {name: both[name] for name in both if name in self.names})


@dataclass(frozen=True)
class Update:
    """What happened since the last time: calls of a reporter, and the checkpoints where they changed."""

    events: tuple[Event, ...] = ()
    checkpoint: FileChanges | None = None


class Mailbox:
    """Stands between the node that trains and the server: one leaves news, the other fetches it and leaves requests.

    Args:
        checkpoint: What the run goes on from.
    """

    def __init__(self, checkpoint: FileChanges) -> None:
        self._checkpoint = checkpoint
        self._changes: FileChanges | None = None
        self._events: list[Event] = []
        self._attempt = 0
        self._asked = ""

    def begin(self, node: str) -> tuple[int, FileChanges]:
        """A node takes the run up: gives the number of this attempt, and what to go on from."""
        self._attempt += 1
        self._events.append(("began", (self._attempt, node)))
        return self._attempt, self._checkpoint

    def leave(self, attempt: int, news: Update) -> str:
        """Leave news, and hear what is asked; a node that was given up while it still ran is asked to stop, and not heard."""
        if attempt != self._attempt:
            return "stop"
        self._events += news.events
        if news.checkpoint:
            self._checkpoint = news.checkpoint.after(self._checkpoint)
            self._changes = news.checkpoint.after(self._changes or FileChanges())
        return self._asked

    def fetch(self, asked: str) -> Update:
        """Take the news away, and leave what is asked of the run."""
        self._asked = asked
        news = Update(tuple(self._events), self._changes)
        self._events, self._changes = [], None
        return news


class WatchedFolder:
    """Tells what changed in a folder of whole files since it was last asked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, tuple[int, int]] = {}

    def changes(self) -> FileChanges | None:
        """New bytes and all names, ``None`` where nothing changed."""
        states = {name: (stat.st_mtime_ns, stat.st_size) for name, stat in self._stats()}
        if states == self._known:
            return None
        changed = {}
        for name, state in states.items():
            if self._known.get(name) != state:
                try:
                    changed[name] = (self._path / name).read_bytes()
                except FileNotFoundError:
                    return None  # replaced in this moment: the next look sees all of it
        self._known = states
        return FileChanges(frozenset(states), changed)

    def _stats(self) -> list[tuple[str, Any]]:
        found = []
        for path in self._path.rglob("*"):
            try:
                if path.is_file() and path.suffix != ".part":
                    found.append((path.relative_to(self._path).as_posix(), path.stat()))
            except FileNotFoundError:
                continue  # an old checkpoint that was just taken away
        return found


def apply(files: FileChanges, folder: Path) -> None:
    """Bring a folder to where another one is.

    Raises:
        DiskFull: There is no room.
    """
    for name, data in files.changed.items():
        write_atomic(folder / name, data)
    for path in list(folder.rglob("*")):
        if path.is_file() and path.relative_to(folder).as_posix() not in files.names:
            path.unlink()


class RemoteReporter(logging.Handler):
    """The reporter on the node: collects what a run says and logs, and passes it on from a thread of its own.

    Args:
        leave: Takes news to the desk and brings back what is asked.
        checkpoints: The folder whose changes go along, the last ones when the run ends.
    """

    def __init__(self, leave: Callable[[Update], str], checkpoints: Path) -> None:
        super().__init__(logging.INFO)
        self._leave = leave
        self._folder = WatchedFolder(checkpoints)
        self._events: list[Event] = []
        self._gathering = threading.Lock()
        self._asked = ""
        self._next = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="relay", daemon=True)

    def __enter__(self) -> RemoteReporter:
        logging.getLogger().addHandler(self)
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._done.set()
        self._thread.join()
        logging.getLogger().removeHandler(self)
        self._next = 0.0
        self._pass_on()

    def phase(self, name: str) -> None:
        """A phase begins."""
        self._say("phase", name)

    def counted(self, done: int, total: int) -> None:
        """So many pictures of a phase are done that has no epochs."""
        self._say("counted", done, total)

    def step(self, progress: Progress) -> None:
        """A step is done."""
        self._say("step", progress)

    def epoch(self, record: EpochRecord) -> None:
        """An epoch is done and judged."""
        self._say("epoch", record)

    def trial(self, record: TrialRecord) -> None:
        """A try of a search begins or ends."""
        self._say("trial", record)

    def asked(self) -> str:
        """What was asked of the run when it was last heard of: nothing, ``stop`` or ``pause``."""
        return self._asked

    def emit(self, record: logging.LogRecord) -> None:
        """A line of the log."""
        self._say("log", record.name, record.getMessage())

    def _say(self, kind: str, *values: Any) -> None:
        with self._gathering:
            if kind in _LATEST_ONLY and self._events and self._events[-1][0] == kind:
                self._events.pop()
            self._events.append((kind, values))

    def _beat(self) -> None:
        while not self._done.wait(BEAT_SECONDS):
            try:
                self._pass_on()
            except Exception:
                log.exception("the server was not reached; the run stops")
                self._asked = "stop"
                return

    def _pass_on(self) -> None:
        with self._gathering:
            events, self._events = tuple(self._events), []
        began = monotonic()
        checkpoint = self._folder.changes() if began >= self._next else None
        self._asked = self._leave(Update(events, checkpoint))
        if checkpoint:
            self._next = monotonic() + _SPARING * (monotonic() - began)


def tell(news: Update, reporter: Reporter, checkpoints: Path) -> None:
    """Pass news on to the reporter of the server, and keep the checkpoints.

    Raises:
        DiskFull: There is no room for the checkpoints.
    """
    for kind, values in news.events:
        if kind == "began":
            _log_beginning(*values)
        elif kind == "log":
            logging.getLogger(values[0]).info(values[1])
        else:
            getattr(reporter, kind)(*values)
    if news.checkpoint:
        apply(news.checkpoint, checkpoints)


def _log_beginning(attempt: int, node: str) -> None:
    if attempt == 1:
        log.info("node %s trains", node)
    else:
        log.warning("The node that trained is gone; node %s goes on from the last epoch that arrived.", node)


def whole(folder: Path) -> FileChanges:
    """All that lies in a folder, with paths below it."""
    return WatchedFolder(folder).changes() or FileChanges()
