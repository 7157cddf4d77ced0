"""What happens to writes when the database is taken from under the process that has it open."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from storage.core.database import Database
from storage.core.errors import DatabaseReplaced
from storage.core.file_identity import is_open_database

WRITE = "INSERT INTO preferences VALUES (?, '1')"
SINCE = r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\b"
LOOKS_IN = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
print(sorted(name for name, in connection.execute("SELECT name FROM preferences")))
connection.close()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "waterline.db"


@pytest.fixture
def database(path: Path) -> Database:
    opened = Database(path)
    write(opened, "before")
    return opened


def write(database: Database, name: str) -> None:
    with database.write() as connection:
        connection.execute(WRITE, (name,))


def seen_by_another_process(path: Path) -> str:
    """What another process reads; as it closes last it removes the log, unless locks keep it from that."""
    command = [sys.executable, "-c", LOOKS_IN, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def drop_locks(path: Path) -> None:
    """Open and close the file, as a hash or a copy does, and let another process come and go."""
    path.open("rb").close()
    seen_by_another_process(path)


def put_back_a_copy(path: Path) -> None:
    copy = path.with_name("copy.db")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    copy.replace(path)


def remove_the_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


def remove_the_log(path: Path) -> None:
    Path(f"{path}-wal").unlink()


def replace_the_log(path: Path) -> None:
    remove_the_log(path)
    Path(f"{path}-wal").touch()


def move_the_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("moved"))


TAKEN = pytest.mark.parametrize(
    "take",
    [drop_locks, put_back_a_copy, remove_the_folder, remove_the_log, replace_the_log, move_the_folder],
)


@TAKEN
def test_writes_into_a_database_that_was_taken_away_are_refused(
    database: Database, path: Path, take: Callable[[Path], None]
) -> None:
    take(path)
    with pytest.raises(DatabaseReplaced, match=SINCE):
        write(database, "after")
    assert database.value("SELECT count(*) FROM preferences WHERE name = 'after'") == 0


@TAKEN
def test_a_thread_that_comes_later_is_refused_too(
    database: Database, path: Path, take: Callable[[Path], None]
) -> None:
    take(path)
    with ThreadPoolExecutor(1) as other, pytest.raises(DatabaseReplaced, match=SINCE):
        other.submit(write, database, "after").result()


@TAKEN
def test_the_probe_says_so(database: Database, path: Path, take: Callable[[Path], None]) -> None:
    database.probe()
    take(path)
    with pytest.raises(DatabaseReplaced, match=SINCE):
        database.probe()


def test_a_log_that_goes_during_a_write_is_told_of(database: Database, path: Path) -> None:
    with pytest.raises(DatabaseReplaced, match=SINCE), database.write() as connection:
        connection.execute(WRITE, ("during",))
        remove_the_log(path)


def test_a_file_that_was_written_over_is_found_by_the_probe(database: Database, path: Path) -> None:
    """``cp backup.db waterline.db`` keeps the inode, so only what is in the file tells."""
    database.probe()
    database.connection().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    backup = path.with_name("backup.db")
    subprocess.run(["cp", str(path), str(backup)], check=True)
    database.probe()
    database.connection().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    subprocess.run(["cp", str(backup), str(path)], check=True)
    database.close()
    with pytest.raises(DatabaseReplaced, match=SINCE):
        database.probe()
    with pytest.raises(DatabaseReplaced, match=SINCE):
        write(database, "after")


def test_what_others_do_through_sqlite_is_no_reason_to_refuse(database: Database, path: Path) -> None:
    assert seen_by_another_process(path) == "['before']"
    database.connection().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with ThreadPoolExecutor(3) as pool:
        for number in range(6):
            pool.submit(write, database, f"thread {number}").result()
            pool.submit(database.probe).result()
    write(database, "after")
    assert "'after', 'before'" in seen_by_another_process(path)


def test_a_database_that_was_closed_may_be_replaced(database: Database, path: Path) -> None:
    database.close()
    put_back_a_copy(path)
    write(database, "after")
    database.probe()
    assert "'after', 'before'" in seen_by_another_process(path)


def test_the_probe_does_not_wait_for_others(database: Database, path: Path) -> None:
    with ThreadPoolExecutor(1) as other, database.write():
        other.submit(database.probe).result(timeout=10)
    with closing(sqlite3.connect(path, isolation_level=None)) as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        database.probe()
        foreign.execute("ROLLBACK")
    assert database.value("PRAGMA busy_timeout") == 15_000


def test_the_files_of_a_database_are_known_by_every_name(database: Database, path: Path) -> None:
    link, twin = path.with_name("link.jpg"), path.with_name("twin.jpg")
    link.symlink_to(path)
    os.link(path, twin)
    files = [
        path,
        link,
        twin,
        Path(f"{path}-wal"),
        Path(f"{path}-shm"),
        path.parent / ".." / "data" / path.name,
    ]
    assert [is_open_database(file) for file in files] == [True] * len(files)
    assert not is_open_database(path.with_name("other.db"))
    assert not is_open_database(path.parent)
