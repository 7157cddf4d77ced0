import hashlib
import threading
from pathlib import Path

import pytest

from storage.core.blobs import INVALID_NAME, NO_FILE, Blobs
from storage.core.errors import NotFound
from storage.core.files import write_atomic
from tests.sentences import raises_sentence

SHA256 = hashlib.sha256(b"picture").hexdigest()


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_file_is_read_back_as_it_was(blobs: Blobs) -> None:
    assert not blobs.has("originals", SHA256)
    path = blobs.put("originals", SHA256, b"picture")
    assert blobs.read("originals", SHA256) == b"picture"
    assert blobs.has("originals", SHA256)
    assert not blobs.has("thumbnails", SHA256)
    assert files(blobs.root) == [path]


def test_a_file_that_is_whole_is_not_written_again(blobs: Blobs) -> None:
    inode = blobs.put("originals", SHA256, b"picture").stat().st_ino
    assert blobs.put("originals", SHA256, b"picture").stat().st_ino == inode


@pytest.mark.parametrize("kind", ["originals", "thumbnails"])
@pytest.mark.parametrize("damaged", [b"pict", b"picture and more"])
def test_a_file_of_another_length_is_written_again(blobs: Blobs, kind: str, damaged: bytes) -> None:
    blobs.put(kind, SHA256, b"picture").write_bytes(damaged)
    path = blobs.put(kind, SHA256, b"picture")
    assert path.read_bytes() == b"picture"
    assert files(blobs.root) == [path]


def test_what_a_power_cut_left_empty_is_not_there_and_is_written_again(blobs: Blobs) -> None:
    blobs.put("thumbnails", SHA256, b"picture").write_bytes(b"")
    assert not blobs.has("thumbnails", SHA256)
    blobs.put("thumbnails", SHA256, b"picture")
    assert blobs.read("thumbnails", SHA256) == b"picture"


def test_a_missing_file(blobs: Blobs) -> None:
    with raises_sentence(NotFound, NO_FILE.format(kind="originals", sha256=SHA256)):
        blobs.read("originals", SHA256)


@pytest.mark.parametrize("name", ["", "../../secret", "a" * 63, "A" * 64, "g" * 64, SHA256 + "\n"])
def test_a_name_that_is_no_sha256_is_refused(blobs: Blobs, name: str) -> None:
    for ask in (blobs.path, blobs.has, blobs.read):
        with raises_sentence(NotFound, INVALID_NAME):
            ask("originals", name)
    with pytest.raises(NotFound):
        blobs.put("originals", name, b"picture")
    assert files(blobs.root) == []


def test_a_reader_sees_a_whole_file_or_none(tmp_path: Path) -> None:
    path = tmp_path / "file"
    versions = {bytes([number]) * 400_000 for number in range(8)}
    threads = [threading.Thread(target=write_atomic, args=(path, data)) for data in versions]
    for thread in threads:
        thread.start()
    seen = set()
    while any(thread.is_alive() for thread in threads):
        if path.exists():
            seen.add(path.read_bytes())
    assert seen <= versions
    assert path.read_bytes() in versions
    assert files(tmp_path) == [path]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(IsADirectoryError):
        write_atomic(tmp_path / "taken", b"data")
    assert files(tmp_path) == []
