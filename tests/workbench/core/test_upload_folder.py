"""The folder of uploads holds what somebody may still ask for, and nothing else."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from storage.core.disk_space import DiskSpace, ReserveReached
from workbench.core.upload_folder import (
    ANSWERED_SECONDS,
    KEEP_SECONDS,
    UploadFolder,
    mark_answered,
    mark_used,
)


@pytest.fixture
def uploads(tmp_path: Path) -> UploadFolder:
    return UploadFolder(tmp_path / "uploads", DiskSpace(tmp_path))


def sent(uploads: UploadFolder, name: str = "a.jpg") -> Path:
    with uploads.arriving() as place:
        (place / name).write_bytes(b"picture")
        return uploads.arrived(place / name)


def age(file: Path, seconds: float) -> Path:
    past = time.time() - seconds
    for path in (file, file.parent):
        os.utime(path, (past, past))
    return file


def test_an_upload_lies_under_its_name_in_a_folder_of_its_own(uploads: UploadFolder) -> None:
    first, second = sent(uploads), sent(uploads)
    assert (first.name, first.read_bytes()) == ("a.jpg", b"picture")
    assert first.parent != second.parent
    assert {file.parent.name for file in (first, second)} == {path.name for path in uploads.folder.iterdir()}
    assert len(first.parent.name) == 64


def test_of_an_upload_that_is_broken_off_nothing_is_left(uploads: UploadFolder) -> None:
    with pytest.raises(ConnectionError), uploads.arriving() as place:
        (place / "half").write_bytes(b"pic")
        raise ConnectionError
    assert list(uploads.folder.iterdir()) == []


def test_what_nobody_asked_for_in_a_day_goes_and_what_somebody_did_stays(uploads: UploadFolder) -> None:
    young, old, asked_for = sent(uploads), sent(uploads), sent(uploads)
    age(old, KEEP_SECONDS + 60)
    mark_used(age(asked_for, KEEP_SECONDS + 60))
    killed = uploads.folder / ".arriving-of-a-killed-server" / "half"
    killed.parent.mkdir()
    killed.write_bytes(b"pic")
    age(killed, KEEP_SECONDS + 60)
    uploads.sweep()
    assert [file.exists() for file in (young, old, asked_for, killed)] == [True, False, True, False]


def test_what_was_answered_goes_soon_and_at_once_where_room_is_needed(uploads: UploadFolder) -> None:
    waiting, done, long_done = sent(uploads), sent(uploads), sent(uploads)
    mark_answered(done)
    age(long_done, KEEP_SECONDS + 1)
    uploads.sweep()
    assert [file.exists() for file in (waiting, done, long_done)] == [True, True, False]
    uploads.sweep(pressed=True)
    assert [file.exists() for file in (waiting, done)] == [True, False]
    assert 0 < ANSWERED_SECONDS < KEEP_SECONDS


def test_what_is_not_ours_in_a_folder_that_others_use_stays(uploads: UploadFolder, tmp_path: Path) -> None:
    other = uploads.folder / "deep_links" / "state.json"
    other.parent.mkdir(parents=True)
    other.write_text("{}")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_bytes(b"")
    age(outside / "precious", 2 * KEEP_SECONDS)
    (uploads.folder / ("a" * 64)).symlink_to(outside, target_is_directory=True)
    age(other, 2 * KEEP_SECONDS)
    uploads.sweep()
    assert other.exists()
    assert (outside / "precious").exists()


def test_a_large_upload_makes_room_of_what_was_answered(disk: Path) -> None:
    uploads = UploadFolder(disk / "uploads", DiskSpace(disk, 2 * 2**20))
    with uploads.arriving() as place:
        (place / "a.zip").write_bytes(bytes(4 * 2**20))
        done = uploads.arrived(place / "a.zip")
    with pytest.raises(ReserveReached):
        uploads.require(4 * 2**20)
    assert done.exists()
    mark_answered(done)
    uploads.require(4 * 2**20)
    assert not done.exists()
