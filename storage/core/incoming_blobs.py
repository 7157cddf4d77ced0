"""Original pictures on their way into the catalogue: on the disk before their rows, and safe from whoever empties the bin."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from storage.core.blobs import Blobs
from storage.core.errors import is_disk_full
from storage.core.files import make_folder, part_of, sync, told_when_full, write_bytes

# The system writes several files that are waited for at once in little more time than one.
SYNCS_AT_ONCE = 8


class IncomingBlobs:
    """The originals of one import. Each has a second name until its row is committed, whatever happens to its own.

    For each batch: :meth:`take` (in any thread), :meth:`place` before the write, :meth:`confirm` within it, :meth:`release`
    after it. Whoever removes originals does so within a write too, and only where no row wants them.

    Args:
        blobs: Where originals are kept.
        kind: The kind of file that originals are.
    """

    def __init__(self, blobs: Blobs, kind: str) -> None:
        self._blobs = blobs
        self._kind = kind
        self._lock = threading.Lock()
        self._held: dict[str, list[Path]] = {}
        self._unplaced: dict[str, Path] = {}
        self._pool = ThreadPoolExecutor(SYNCS_AT_ONCE, "sync")

    def __enter__(self) -> IncomingBlobs:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give up what was taken and not released; no thread may take any more."""
        self._pool.shutdown()
        for names in self._held.values():
            for name in names:
                name.unlink(missing_ok=True)

    def take(self, sha256: str, data: bytes, file: Path | None = None) -> None:
        """Take an original: the one that is kept already where it is the same byte for byte, else these bytes.

        Args:
            sha256: Of the bytes.
            data: The bytes.
            file: A file of our own that holds them: where nobody else has a name for it, it need not be written again.

        Raises:
            DiskFull: There is no room for it.
        """
        path = self._blobs.path(self._kind, sha256)
        name = part_of(path)
        fresh = not (is_same(path, data) and _is_linked(path, name))
        if fresh and not (file and _is_ours_alone(file) and _is_linked(file, name)):
            _write(name, data)
        with self._lock:
            self._held.setdefault(sha256, []).append(name)
            if fresh:
                self._unplaced[sha256] = name

    def place(self, sha256s: Iterable[str]) -> None:
        """Put new originals where they belong, on the disk itself; damaged ones that lie there are replaced.

        Raises:
            DiskFull: There is no room for them.
        """
        with self._lock:
            new = {sha256: self._unplaced.pop(sha256) for sha256 in set(sha256s) if sha256 in self._unplaced}
        paths = {self._blobs.path(self._kind, sha256): name for sha256, name in new.items()}
        with told_when_full():
            self._each(sync, paths.values())
            for path, name in paths.items():
                _name_again(name, path)
            self._each(sync, {path.parent for path in paths})

    def confirm(self, sha256s: Iterable[str]) -> None:
        """Bring back originals that were removed since they were taken; to be called within the write of their rows."""
        for sha256 in set(sha256s):
            path = self._blobs.path(self._kind, sha256)
            if not path.is_file():
                with told_when_full():
                    make_folder(path.parent)
                    sync(held := self._held[sha256][0])
                    _name_again(held, path)
                    sync(path.parent)

    def release(self, sha256s: Sequence[str]) -> None:
        """Give up the second names of originals whose rows are committed, one for each time that they were taken."""
        with self._lock:
            names = [self._held[sha256].pop(0) for sha256 in sha256s]
            self._held = {sha256: left for sha256, left in self._held.items() if left}
        for name in names:
            name.unlink(missing_ok=True)

    def _each(self, work: Callable[[Path], None], paths: Iterable[Path]) -> None:
        for _ in self._pool.map(work, paths):
            pass


def is_same(path: Path, data: bytes) -> bool:
    """Whether a file holds these bytes; one that is not there or cannot be read does not."""
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except OSError:
        return False


def _write(name: Path, data: bytes) -> None:
    try:
        with told_when_full():
            write_bytes(name, data)
    except BaseException:
        name.unlink(missing_ok=True)
        raise


def _is_ours_alone(file: Path) -> bool:
    """Whether a file has one name only: one that has another may still be written to under it."""
    try:
        return file.stat().st_nlink == 1
    except OSError:
        return False


def _is_linked(path: Path, name: Path) -> bool:
    """Whether a file could be given a second name."""
    try:
        # Young, so that no check takes it for a stray before its picture has a row.
        os.utime(path)
        if not name.parent.is_dir():
            make_folder(name.parent)
        os.link(path, name)
    except OSError:  # removed in this moment, or a file system without second names
        return False
    return True


def _name_again(name: Path, path: Path) -> None:
    """Give a file its own name beside the second one, in place of what lies there."""
    part = part_of(path)
    try:
        try:
            os.link(name, part)
        except OSError as error:
            if is_disk_full(error):
                raise
            shutil.copyfile(name, part)  # a file system without second names
            sync(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
