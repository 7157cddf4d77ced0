"""Whether the files that SQLite has open are still those that their names lead to.

SQLite keeps other processes off with locks of POSIX, and the system drops all locks that a process has on a file as soon
as that process closes the file once, however it opened it. From then on another process takes itself for the last one,
and removes the write-ahead log into which this one goes on writing. So a process opens these files through SQLite only,
and looks before and after each write whether the log is still the one it opened.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import sys
import threading
import time
import weakref
from datetime import UTC, datetime
from pathlib import Path

from storage.core.errors import DatabaseReplaced

BESIDE = ("", "-wal", "-shm")
ONLY_SQLITE = "only SQLite may open this file"
Identity = tuple[int, int]


class Connection(sqlite3.Connection):
    """A connection that a weak reference can point to."""


class FileWatch:
    """Remembers which files the connections of a process have open.

    Args:
        path: The database file.
    """

    def __init__(self, path: Path) -> None:
        self.seen: tuple[Identity | None, ...] = ()
        self._names = [f"{path.absolute()}{ending}" for ending in BESIDE]
        self._opening = threading.Lock()
        self._connections: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._lost = False
        self._well = time.time()
        with _registering:
            _watches.add(self)

    def add(self, connection: Connection) -> None:
        """Take in a connection that has read, so that its files are open.

        Raises:
            DatabaseReplaced: Its files are not those of the connections that are open already.
        """
        with self._opening:
            if self._connections:
                self.check()
            else:
                self.seen = tuple(map(identity, self._names))
            self._connections.add(connection)

    def remove(self, connection: Connection) -> None:
        """Forget a connection that is about to be closed."""
        self._connections.discard(connection)

    def check(self) -> None:
        """Look whether the names still lead to the open files; takes microseconds.

        Raises:
            DatabaseReplaced: They do not.
        """
        if not self._connections:
            return
        database, log = self.seen[:2]
        # There was no log where the file system cannot share memory, which a log needs.
        moved = identity(self._names[0]) != database or (log and identity(self._names[1]) != log)
        if moved or self._lost:
            raise self._replaced()
        self._well = time.time()

    def lost(self) -> DatabaseReplaced:
        """The error for a database whose names are right and whose content is not; from now on every check fails."""
        self._lost = True
        return self._replaced()

    def _replaced(self) -> DatabaseReplaced:
        return DatabaseReplaced(datetime.fromtimestamp(self._well, UTC).strftime("%Y-%m-%d %H:%M:%S UTC"))


# Locks belong to the process, and so do these. The lock is one that its own thread may take again: while the list is
# copied, memory may be tidied up, and what goes may open a file.
_watches: weakref.WeakSet[FileWatch] = weakref.WeakSet()
_registering = threading.RLock()


def identity(path: str | Path) -> Identity | None:
    """Device and inode of a file, links followed; None where there is none."""
    try:
        facts = os.stat(path)  # noqa: PTH116 - before and after each write, so without making a Path
    except (OSError, ValueError):
        return None
    return facts.st_dev, facts.st_ino


def lies_in(path: Path, folder: Path) -> bool:
    """Whether a path is a folder or leads into it, links followed and mounts seen through."""
    place, wanted = path.resolve(), identity(folder)
    if place.is_relative_to(folder.resolve()):
        return True
    return wanted is not None and any(identity(above) == wanted for above in (place, *place.parents))


def is_open_database(path: str | Path) -> bool:
    """Whether a path leads, by whatever name or link, to a file of a database that this process has opened.

    Looking does not drop locks; opening and closing does.
    """
    wanted = identity(path)
    if wanted is None:
        return False
    with _registering:
        return any(wanted in watch.seen for watch in _watches)


def keep_databases_shut() -> None:
    """Refuse, in this process, to open the files of its databases other than through SQLite: no library gets to it either.

    Python asks this before it opens a file; it cannot be taken back.
    """
    sys.addaudithook(_refuse_to_open)


def _refuse_to_open(event: str, arguments: tuple[object, ...]) -> None:
    if event != "open" or not isinstance(arguments[0], str | bytes | os.PathLike):
        return
    path = os.fsdecode(arguments[0])
    if is_open_database(path):
        raise PermissionError(errno.EACCES, ONLY_SQLITE, path)
