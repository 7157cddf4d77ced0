"""SQLite access: one connection per thread, WAL, and explicit write transactions."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import sqlite_utils

from storage.core.errors import DiskFull, is_disk_full
from storage.core.file_identity import Connection, FileWatch
from storage.core.migrations import migrations

# Some forty threads have a connection each, so that each cache is small (8 MB; with 4, scans take an eighth longer).
PRAGMAS = (
    "synchronous=NORMAL",
    "foreign_keys=ON",
    "cache_size=-8000",
)
BUSY_SECONDS = 15.0
PROBE_SECONDS = 1.0
PROBE = """
INSERT INTO preferences (name, value) VALUES ('health probe', '1')
ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) RETURNING CAST(value AS INTEGER)
"""
PROBED = "SELECT CAST(value AS INTEGER) FROM preferences WHERE name = 'health probe'"
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
        self._watch = FileWatch(path)
        self._probed = 0
        # Within one write, so that of two processes on a fresh folder one waits for the other.
        with self.write() as connection:
            migrations.apply(sqlite_utils.Database(connection))

    def connection(self) -> sqlite3.Connection:
        """The calling thread's own connection.

        Raises:
            DatabaseReplaced: It would not be of the same file as those of the other threads.
        """
        own: sqlite3.Connection | None = getattr(self._local, "connection", None)
        return own or self._connect()

    def _connect(self) -> sqlite3.Connection:
        # Before, since SQLite mixes up the old file and the new one.
        self._watch.check()
        opened = sqlite3.connect(
            self.path,
            isolation_level=None,
            check_same_thread=False,
            timeout=BUSY_SECONDS,
            factory=Connection,
        )
        opened.row_factory = sqlite3.Row
        _write_ahead(opened)
        for pragma in PRAGMAS:
            opened.execute(f"PRAGMA {pragma}")
        # SQLite's own NOCASE knows the letters of English only.
        opened.create_function("casefold", 1, str.casefold, deterministic=True)
        # The first look into the file opens its log.
        opened.execute("SELECT count(*) FROM sqlite_master").fetchone()
        self._watch.add(opened)
        self._local.connection = opened
        return opened

    def rows(self, sql: str, parameters: Parameters = ()) -> list[sqlite3.Row]:
        """All rows of a query."""
        with self._explained():
            return self.connection().execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Parameters = ()) -> sqlite3.Row | None:
        """The first row of a query, or None."""
        with self._explained():
            first: sqlite3.Row | None = self.connection().execute(sql, parameters).fetchone()
            return first

    def value(self, sql: str, parameters: Parameters = ()) -> Any:
        """The first column of the first row, or None."""
        row = self.row(sql, parameters)
        return None if row is None else row[0]

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A write transaction: all of it or nothing.

        ``BEGIN IMMEDIATE`` takes the write lock at once, so that a transaction never fails half-way on a lock. Within
        another write of the same thread it joins that one, which then decides over both. Threads of one process stand in
        line before it: SQLite lets a writer that waits sleep longer and longer, while others pass by.

        Raises:
            DiskFull: There is no room for the change.
            DatabaseReplaced: The file is not the one any more that was opened; the change is not made, or may be lost.
        """
        connection = self.connection()
        if connection.in_transaction:
            yield connection
            return
        with self._turn, self._explained(), _whole(connection):
            self._watch.check()
            yield connection
        # Again, since the log may have been removed in between.
        self._watch.check()

    def probe(self) -> None:
        """Write a row and read it back as another process would: whether what is written is kept.

        While another write is under way only the files are compared, so that this never waits long.

        Raises:
            DatabaseReplaced: What is written is not there for others, or what was written before is gone.
            DiskFull: There is no room for the row.
        """
        self._watch.check()
        if self._turn.locked():
            return
        try:
            written = self._count_up()
        except sqlite3.OperationalError as error:
            if "locked" in str(error):  # another process writes, and looks by itself
                return
            raise
        if self._read_anew() < written:
            raise self._watch.lost()
        self._probed = max(self._probed, written)

    def _count_up(self) -> int:
        self.connection().execute(f"PRAGMA busy_timeout={PROBE_SECONDS * 1000:.0f}")
        try:
            with self.write() as connection:
                written: int = connection.execute(PROBE).fetchone()[0]
                if written <= self._probed:  # an older copy was written over the file
                    raise self._watch.lost()
                return written
        finally:
            self.connection().execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000:.0f}")

    def _read_anew(self) -> int:
        address = f"{self.path.absolute().as_uri()}?mode=rw"
        with self._explained(), closing(sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS)) as anew:
            row = anew.execute(PROBED).fetchone()
        return 0 if row is None else int(row[0])

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say so where SQLite fails because its files were taken away."""
        try:
            yield
        except sqlite3.DatabaseError:
            self._watch.check()
            raise

    def close(self) -> None:
        """Close the calling thread's connection."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            self._watch.remove(connection)
            connection.close()
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
