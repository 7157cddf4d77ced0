"""Originals are on the disk before their rows, are what was brought, and nobody takes them away in between."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from storage.core.blobs import Blobs
from storage.core.incoming_blobs import IncomingBlobs

DATA = b"picture"
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


@pytest.fixture
def incoming(blobs: Blobs) -> IncomingBlobs:
    return IncomingBlobs(blobs, "originals")


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def bring(blobs: Blobs, *pictures: bytes, file: Path | None = None) -> None:
    sha256s = [hashlib.sha256(data).hexdigest() for data in pictures]
    with IncomingBlobs(blobs, "originals") as incoming:
        for sha256, data in zip(sha256s, pictures, strict=True):
            incoming.take(sha256, data, file)
        incoming.place(sha256s)
        incoming.confirm(sha256s)
        incoming.release(sha256s)


def test_what_comes_in_is_there_and_nothing_else(blobs: Blobs) -> None:
    bring(blobs, b"one", b"two", b"one")
    assert sorted(file.read_bytes() for file in files(blobs.root)) == [b"one", b"two"]


@pytest.mark.parametrize("damaged", [b"", b"pict", b"PICTURE", b"picture and more"])
def test_a_file_that_is_not_what_comes_is_replaced(blobs: Blobs, damaged: bytes) -> None:
    bring(blobs, DATA)
    path = blobs.path("originals", SHA256)
    path.write_bytes(damaged)
    bring(blobs, DATA)
    assert files(blobs.root) == [path]
    assert path.read_bytes() == DATA


def test_one_that_is_whole_is_not_written_again_and_is_young(blobs: Blobs) -> None:
    bring(blobs, DATA)
    path = blobs.path("originals", SHA256)
    os.utime(path, (1, 1))
    inode = path.stat().st_ino
    bring(blobs, DATA)
    assert path.stat().st_ino == inode
    assert path.stat().st_mtime > 1


@pytest.mark.parametrize("there", [True, False])
def test_one_that_is_removed_before_its_row_is_written_is_brought_back(
    blobs: Blobs, incoming: IncomingBlobs, there: bool
) -> None:
    if there:
        bring(blobs, DATA)
    with incoming:
        incoming.take(SHA256, DATA)
        incoming.place([SHA256])
        blobs.drop("originals", SHA256)
        incoming.confirm([SHA256])
        incoming.release([SHA256])
    assert blobs.read("originals", SHA256) == DATA
    assert len(files(blobs.root)) == 1


def test_what_is_taken_again_while_it_comes_stays_safe(blobs: Blobs, incoming: IncomingBlobs) -> None:
    with incoming:
        incoming.take(SHA256, DATA)
        incoming.take(SHA256, DATA)
        incoming.place([SHA256])
        incoming.confirm([SHA256])
        incoming.release([SHA256])
        blobs.drop("originals", SHA256)
        incoming.place([SHA256])
        incoming.confirm([SHA256])
        incoming.release([SHA256])
    assert blobs.read("originals", SHA256) == DATA
    assert len(files(blobs.root)) == 1


def test_what_never_got_a_row_leaves_no_second_name(blobs: Blobs, incoming: IncomingBlobs) -> None:
    with pytest.raises(KeyboardInterrupt), incoming:
        incoming.take(SHA256, DATA)
        raise KeyboardInterrupt
    assert files(blobs.root) == []


def test_a_file_of_our_own_is_not_written_again(blobs: Blobs, tmp_path: Path) -> None:
    staged = tmp_path / "staged"
    staged.write_bytes(DATA)
    os.utime(staged, (1, 1))
    bring(blobs, DATA, file=staged)
    path = blobs.path("originals", SHA256)
    assert path.stat().st_ino == staged.stat().st_ino
    assert path.stat().st_mtime > 1


def test_a_file_that_somebody_has_another_name_for_is_never_an_original(blobs: Blobs, tmp_path: Path) -> None:
    upload, staged = tmp_path / "upload", tmp_path / "staged"
    upload.write_bytes(DATA)
    os.link(upload, staged)
    bring(blobs, DATA, file=staged)
    upload.write_bytes(b"other")
    assert blobs.read("originals", SHA256) == DATA


def test_a_file_and_its_name_are_on_the_disk_before_the_row_may_be_written(
    blobs: Blobs, incoming: IncomingBlobs, synced: set[tuple[int, int]]
) -> None:
    with incoming:
        incoming.take(SHA256, DATA)
        incoming.place([SHA256])
        path = blobs.path("originals", SHA256)
        for place in (path, path.parent, path.parent.parent, blobs.root):
            assert (place.stat().st_dev, place.stat().st_ino) in synced, place
        incoming.release([SHA256])


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> set[tuple[int, int]]:
    """What the system was asked to write to the disk."""
    inodes: set[tuple[int, int]] = set()
    ask = os.fsync

    def fsync(descriptor: int) -> None:
        facts = os.fstat(descriptor)
        inodes.add((facts.st_dev, facts.st_ino))
        ask(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return inodes
