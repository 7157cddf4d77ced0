"""Waterline does not import its own data, by whatever name it is reached."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from storage.core.disk_space import DiskSpace
from storage.core.errors import DomainError
from tests.pictures import picture
from tests.running import ROOT
from tests.sentences import raises_sentence
from workbench.core.settings import OWN_FOLDER, Limits, Settings, from_environment
from workbench.importing.server_folders import OUR_OWN, list_files, selectable_folders
from workbench.importing.service import NewImport
from workbench.importing.staging import Staging
from workbench.importing.uploads import OUR_DATABASE, OpenUpload, Upload, count, sources
from workbench.services import Services, build_services

OPENS_IT = """
import hashlib, os, pathlib, shutil, sys, zipfile
from pathlib import Path
from storage.core.database import Database
from storage.core.file_identity import ONLY_SQLITE, keep_databases_shut

keep_databases_shut()
database = Database(Path(sys.argv[1]))
twin = Path(sys.argv[1]).with_name("twin.jpg")
os.link(sys.argv[1], twin)
ways = [
    lambda: open(sys.argv[1], "rb"),
    lambda: os.open(sys.argv[1] + "-shm", os.O_RDONLY),
    lambda: Path(sys.argv[1] + "-wal").read_bytes(),
    lambda: shutil.copy(os.fsencode(twin), sys.argv[1] + ".copy"),
    lambda: zipfile.ZipFile(twin),
]
refused = 0
for way in ways:
    try:
        way()
    except PermissionError as error:
        refused += error.strerror == ONLY_SQLITE
database.probe()
print(refused, "of", len(ways), Path(sys.argv[1]).with_name("other").write_text("free"))
"""


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder of pictures that also holds the data folder and names that lead into it."""
    folder = tmp_path.resolve() / "shared"
    (folder / "Full").mkdir(parents=True)
    (folder / "Full" / "1.jpg").write_bytes(picture(1))
    return folder


@pytest.fixture
def around(shared: Path) -> Services:
    """Services whose data folder lies in the folder that may be imported from."""
    services = build_services(Settings(data=shared / "data", import_folders=(shared,), insight=False))
    database = shared / "data" / "waterline.db"
    (shared / "Full" / "link.jpg").symlink_to(database)
    (shared / "Full" / "lock.jpg").symlink_to(shared / "data" / "server.lock")
    os.link(database, shared / "Full" / "twin.jpg")
    (shared / "data" / "server.lock").write_text("held")
    (shared / "inside").symlink_to(shared / "data")
    return services


def test_the_data_folder_is_passed_over(around: Services, shared: Path) -> None:
    assert [source.name for source in list_files(str(shared), around.settings)] == ["Full/1.jpg"]
    assert selectable_folders(around.settings) == [str(shared), str(shared / "Full")]


@pytest.mark.parametrize("folder", ["data", "inside", "data/blobs", "Full/../data", "inside/models"])
def test_a_folder_of_the_data_is_refused(around: Services, shared: Path, folder: str) -> None:
    for named in (folder, str(shared / folder)):
        with raises_sentence(DomainError, OUR_OWN.format(folder=named[:80])):
            around.imports.start(NewImport(folder=named))


def test_an_import_of_all_around_the_data_leaves_the_locks_alone(around: Services, shared: Path) -> None:
    ended = around.imports.wait(around.imports.start(NewImport(folder=str(shared))))
    assert (ended.status, ended.total) == ("finished", 1)
    looks = f"import sqlite3; c = sqlite3.connect({str(shared / 'data' / 'waterline.db')!r}); c.execute('SELECT * FROM images'); c.close()"
    subprocess.run([sys.executable, "-c", looks], check=True)
    assert around.problem() == ""


@pytest.mark.parametrize("name", ["waterline.db", "waterline.db-wal", "waterline.db-shm"])
@pytest.mark.parametrize("called", ["1.jpg", "1.zip", "1.csv", "1"])
def test_a_file_of_the_database_is_not_read_as_an_upload(
    around: Services, shared: Path, name: str, called: str
) -> None:
    twin = shared / "upload"
    os.link(shared / "data" / name, twin)
    upload = Upload(twin, called)
    assert count(upload) == 1
    OpenUpload(upload, Limits()).list_names()
    for source in sources([upload], Limits()):
        with raises_sentence(DomainError, OUR_DATABASE):
            source.read()
    looks = f"import sqlite3; c = sqlite3.connect({str(shared / 'data' / 'waterline.db')!r}); c.execute('SELECT * FROM images'); c.close()"
    subprocess.run([sys.executable, "-c", looks], check=True)
    assert around.problem() == ""
    with raises_sentence(DomainError, OUR_DATABASE):
        Staging(shared / "staging", DiskSpace(shared)).take([upload])


@pytest.mark.parametrize("folder", ["", "inside", "link"])
def test_the_data_folder_cannot_be_allowed(tmp_path: Path, folder: str) -> None:
    data = tmp_path / "data"
    (data / "inside").mkdir(parents=True)
    (data / "link").symlink_to(data)
    (tmp_path / "elsewhere").symlink_to(data)
    for named in (data / folder, tmp_path / "elsewhere" / folder):
        environment = {"WORKBENCH_DATA": str(data), "WORKBENCH_IMPORT_FOLDERS": f"{tmp_path}:{named}"}
        with raises_sentence(DomainError, OWN_FOLDER.format(folder=named.resolve(), data=data.resolve())):
            from_environment(environment)
    allowed = from_environment({"WORKBENCH_DATA": str(data), "WORKBENCH_IMPORT_FOLDERS": str(tmp_path)})
    assert allowed.import_folders == (tmp_path.resolve(),)


def test_no_library_gets_to_open_the_database(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPENS_IT, str(tmp_path / "waterline.db")]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("5 of 5 4\n", "")
