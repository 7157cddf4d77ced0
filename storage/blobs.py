"""Files addressed by the sha256 of an original picture, written whole or not at all."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path

from storage.errors import DiskFull, NotFound, is_disk_full

SHA256 = re.compile(r"[0-9a-f]{64}")


class Blobs:
    """A folder of files, by kind (``originals``, ``thumbnails``, ...) and sha256.

    Args:
        root: The folder; made where it is missing.
    """

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root = root

    def path(self, kind: str, sha256: str) -> Path:
        """Where the file of this kind lies, there or not.

        Raises:
            NotFound: ``sha256`` is not 64 hexadecimal digits.
        """
        if not SHA256.fullmatch(sha256):
            raise NotFound("A picture is named by the 64 hexadecimal digits of its sha256.")
        return self.root.joinpath(kind, sha256[:2], sha256)

    def has(self, kind: str, sha256: str) -> bool:
        """Whether the file is there."""
        return self.path(kind, sha256).is_file()

    def read(self, kind: str, sha256: str) -> bytes:
        """The bytes of a file.

        Raises:
            NotFound: The file is not there.
        """
        try:
            return self.path(kind, sha256).read_bytes()
        except FileNotFoundError:
            raise NotFound(f"The {kind} file of picture {sha256[:12]} is not there any more.") from None

    def put(self, kind: str, sha256: str, data: bytes, file: Path | None = None) -> Path:
        """Store a file; a reader sees all of it or nothing.

        Args:
            kind: What it is.
            sha256: Of the original picture.
            data: Its bytes.
            file: A file that holds them and that nobody changes: it is given a second name where the file system can,
                which spares writing them again.

        Raises:
            DiskFull: There is no room for it.
        """
        path = self.path(kind, sha256)
        try:
            # Young again, so that no check takes it for a stray before its picture has a row.
            os.utime(path)
        except FileNotFoundError:
            if file is None or not _linked(file, path):
                write_whole(path, data)
        return path

    def drop(self, kind: str, sha256: str) -> None:
        """Remove a file, there or not."""
        self.path(kind, sha256).unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file beside its place and rename it there.

    Raises:
        DiskFull: There is no room for it.
    """
    temporary = path.with_name(f".part-{os.getpid()}-{threading.get_ident()}-{path.name}")
    try:
        try:
            _write(temporary, data)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(temporary, data)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if is_disk_full(error):
            raise DiskFull from error
        raise


def _linked(file: Path, path: Path) -> bool:
    try:
        os.utime(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(file, path)
    except FileExistsError:  # another thread had the same picture
        return True
    except OSError:  # another file system, or one without links
        return False
    return True


def _write(path: Path, data: bytes) -> None:
    # Without a buffer: what is written is there already, and whole.
    with path.open("wb", buffering=0) as file:
        left = memoryview(data)
        while left:
            left = left[file.write(left) :]
