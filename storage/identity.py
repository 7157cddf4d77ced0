"""Whether the files that SQLite has open are still those that their names lead to.

SQLite keeps other processes off with locks of POSIX, and the system drops all locks that a process has on a file as soon
as that process closes the file once, however it opened it. From then on another process takes itself for the last one,
and removes the write-ahead log into which this one goes on writing. So a process opens these files through SQLite only,
and looks before and after each write whether the log is still the one it opened.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from datetime import UTC, datetime
from pathlib import Path

from storage.errors import DatabaseReplaced

LOG = "-wal"
BESIDE = ("", LOG, "-shm", "-journal")
Identity = tuple[int, int]
_opened: set[str] = set()
"""Every database that this process has opened. Locks belong to the process, and so does this."""


class Connection(sqlite3.Connection):
    """A connection that a weak reference can point to."""


class Watch:
    """Remembers which files the connections of a process have open.

    Args:
        path: The database file.
    """

    def __init__(self, path: Path) -> None:
        self._names = str(path), f"{path}{LOG}"
        self._opening = threading.Lock()
        self._connections: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._files: tuple[Identity | None, Identity | None] | None = None
        self._well = time.time()
        _opened.add(os.path.abspath(path))

    def add(self, connection: Connection) -> None:
        """Take in a connection that has read, so that its files are open.

        Raises:
            DatabaseReplaced: Its files are not those of the connections that are open already.
        """
        with self._opening:
            if not self._connections:
                self._files = None
            if self._files is None:
                self._files = identity(self._names[0]), identity(self._names[1])
            else:
                self.check()
            self._connections.add(connection)

    def remove(self, connection: Connection) -> None:
        """Forget a connection that is closed."""
        self._connections.discard(connection)

    def check(self) -> None:
        """Look whether the names still lead to the open files; takes microseconds.

        Raises:
            DatabaseReplaced: They do not.
        """
        if self._files is None or not self._connections:
            return
        database, log = self._files
        # Without a log where the file system cannot share memory, which WAL needs.
        if identity(self._names[0]) != database or (log and identity(self._names[1]) != log):
            raise self.replaced()
        self._well = time.time()

    def replaced(self) -> DatabaseReplaced:
        """The error that says since when changes may be lost."""
        return DatabaseReplaced(datetime.fromtimestamp(self._well, UTC).strftime("%Y-%m-%d %H:%M:%S UTC"))


def identity(path: str | Path) -> Identity | None:
    """Device and inode of a file, links followed; None where there is none."""
    try:
        facts = os.stat(path)
    except (OSError, ValueError):
        return None
    return facts.st_dev, facts.st_ino


def is_open_database(path: str | Path) -> bool:
    """Whether a path leads, by whatever name or link, to a file of a database that this process has opened.

    Looking does not drop locks; opening and closing does.
    """
    wanted = identity(path)
    return wanted is not None and any(
        identity(f"{database}{ending}") == wanted for database in list(_opened) for ending in BESIDE
    )
