"""SQLite access: one connection per thread, WAL, and explicit write transactions."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlite_utils

from storage.errors import DiskFull, is_disk_full
from storage.migrations import migrations

# Some forty threads have a connection each, so that each cache is small (4 MB).
PRAGMAS = (
    "synchronous=NORMAL",
    "foreign_keys=ON",
    "cache_size=-4000",
)
BUSY_SECONDS = 15.0
Parameters = Sequence[Any] | Mapping[str, Any]


class Database:
    """A SQLite file. Opening it brings its schema up to date.

    Args:
        path: The database file; its folder is made where it is missing.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._local = threading.local()
        self._turn = threading.Lock()
        # Within one write, so that of two processes on a fresh folder one waits for the other.
        with self.write() as connection:
            migrations.apply(sqlite_utils.Database(connection))

    def connection(self) -> sqlite3.Connection:
        """The calling thread's own connection."""
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = sqlite3.connect(
                self.path, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS
            )
            found.row_factory = sqlite3.Row
            _write_ahead(found)
            for pragma in PRAGMAS:
                found.execute(f"PRAGMA {pragma}")
            # SQLite's own NOCASE knows the letters of English only.
            found.create_function("casefold", 1, str.casefold, deterministic=True)
            self._local.connection = found
        return found

    def rows(self, sql: str, parameters: Parameters = ()) -> list[sqlite3.Row]:
        """All rows of a query."""
        return self.connection().execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Parameters = ()) -> sqlite3.Row | None:
        """The first row of a query, or None."""
        found: sqlite3.Row | None = self.connection().execute(sql, parameters).fetchone()
        return found

    def value(self, sql: str, parameters: Parameters = ()) -> Any:
        """The first column of the first row, or None."""
        found = self.row(sql, parameters)
        return None if found is None else found[0]

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A write transaction: all of it or nothing.

        ``BEGIN IMMEDIATE`` takes the write lock at once, so that a transaction never fails half-way on a lock. Within
        another write of the same thread it joins that one, which then decides over both. Threads of one process stand in
        line before it: SQLite lets a writer that waits sleep longer and longer, while others pass by.

        Raises:
            DiskFull: There is no room for the change.
        """
        connection = self.connection()
        if connection.in_transaction:
            yield connection
            return
        with self._turn, _whole(connection):
            yield connection

    def close(self) -> None:
        """Close the calling thread's connection."""
        found = getattr(self._local, "connection", None)
        if found is not None:
            found.close()
            self._local.connection = None


@contextmanager
def _whole(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("COMMIT")
    except BaseException as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if is_disk_full(error):
            raise DiskFull from error
        raise


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to WAL; while several switch a fresh file at once SQLite refuses without waiting, so this waits."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            return
