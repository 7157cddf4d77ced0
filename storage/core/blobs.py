"""Files addressed by the sha256 of an original picture, written whole or not at all."""

from __future__ import annotations

import re
from pathlib import Path

from storage.core.errors import NotFound
from storage.core.files import write_atomic

SHA256 = re.compile(r"[0-9a-f]{64}")
INVALID_NAME = "A picture is named by the 64 hexadecimal digits of its sha256."
NO_FILE = "The {kind} file of picture {sha256:.12} is not there any more."


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
            raise NotFound(INVALID_NAME)
        return self.root.joinpath(kind, sha256[:2], sha256)

    def has(self, kind: str, sha256: str) -> bool:
        """Whether the file is there; an empty one is what a power cut left of it."""
        return _length(self.path(kind, sha256)) > 0

    def read(self, kind: str, sha256: str) -> bytes:
        """The bytes of a file.

        Raises:
            NotFound: The file is not there.
        """
        try:
            return self.path(kind, sha256).read_bytes()
        except FileNotFoundError:
            raise NotFound(NO_FILE.format(kind=kind, sha256=sha256)) from None

    def put(self, kind: str, sha256: str, data: bytes) -> Path:
        """Store what can be made again from an original; a reader sees all of it or nothing.

        A file of the same length stays; one of another length is damaged, or of an earlier version, and is replaced.
        Originals come in through :class:`storage.core.incoming_blobs.IncomingBlobs`, which compares every byte.

        Args:
            kind: What it is.
            sha256: Of the original picture.
            data: Its bytes.

        Raises:
            DiskFull: There is no room for it.
        """
        path = self.path(kind, sha256)
        if _length(path) != len(data):
            write_atomic(path, data, durable=False)
        return path

    def drop(self, kind: str, sha256: str) -> None:
        """Remove a file, there or not."""
        self.path(kind, sha256).unlink(missing_ok=True)


def _length(path: Path) -> int:
    """Bytes of a file; 0 if it is not there."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
