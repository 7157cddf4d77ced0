import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage.core.database import Database
from tests.running import ROOT

WRITES = 150
COUNT_UP = "UPDATE preferences SET value = value + 1 WHERE name = 'counter'"
IN_A_PROCESS = f"""
import sys
from pathlib import Path
from storage.core.database import Database
database = Database(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for _ in range({WRITES}):
    with database.write() as connection:
        connection.execute("{COUNT_UP}")
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "waterline.db"


@pytest.fixture
def database(path: Path) -> Database:
    opened = Database(path)
    with opened.write() as connection:
        connection.execute("INSERT INTO preferences VALUES ('counter', '0')")
    return opened


def counter(database: Database) -> int:
    return int(database.value("SELECT value FROM preferences WHERE name = 'counter'"))


def process(path: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", IN_A_PROCESS, str(path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_threads_and_processes_write_at_once_and_none_is_lost(database: Database, path: Path) -> None:
    def count_up() -> None:
        for _ in range(WRITES):
            with database.write() as connection:
                connection.execute(COUNT_UP)

    others = [process(path) for _ in range(2)]
    assert [process_.stdout.readline() for process_ in others] == ["ready\n"] * 2
    with ThreadPoolExecutor(2) as pool:
        writing = [pool.submit(count_up) for _ in range(2)]
        for other in others:
            other.communicate("go\n", timeout=60)
        for future in writing:
            future.result()
    assert [process_.returncode for process_ in others] == [0, 0]
    assert counter(database) == 4 * WRITES


def test_several_open_a_fresh_folder_at_once(path: Path) -> None:
    start = threading.Barrier(6)

    def opened(_: int) -> int:
        start.wait()
        return Database(path).value("SELECT count(*) FROM classes")

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(opened, range(6))) == [0] * 6


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_write_that_fails_changes_nothing(database: Database, error: type[BaseException]) -> None:
    with pytest.raises(error), database.write() as connection:
        connection.execute(COUNT_UP)
        raise error
    assert counter(database) == 0
    with database.write() as connection:
        connection.execute(COUNT_UP)
    assert counter(database) == 1


def test_a_reader_sees_the_state_before_until_the_write_is_done(database: Database) -> None:
    with ThreadPoolExecutor(1) as other, database.write() as connection:
        connection.execute(COUNT_UP)
        assert other.submit(counter, database).result() == 0
    assert counter(database) == 1


def test_what_was_written_is_there_for_the_next_process(database: Database, path: Path) -> None:
    with database.write() as connection:
        connection.execute(COUNT_UP)
    database.close()
    assert counter(Database(path)) == 1
    assert counter(database) == 1


def test_a_row_that_points_nowhere_is_refused(database: Database) -> None:
    with pytest.raises(sqlite3.IntegrityError), database.write() as connection:
        connection.execute("INSERT INTO aliases VALUES ('production', 7)")


def test_each_thread_has_a_connection_of_its_own(database: Database) -> None:
    ask: Callable[[], sqlite3.Connection] = database.connection
    assert ask() is ask()
    with ThreadPoolExecutor(1) as other:
        assert other.submit(ask).result() is not ask()
