"""Files that are written whole or not at all, and that a power cut does not take back."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from storage.core.errors import DiskFull, is_disk_full

PART = ".part-"
_numbers = count()


def part_of(path: Path) -> Path:
    """A name beside a file's place for what is still being written; it tells by whom, so that leftovers are known."""
    return path.with_name(f"{PART}{os.getpid()}-{threading.get_ident()}-{next(_numbers)}-{path.name}")


def write_atomic(path: Path, data: bytes, durable: bool = True) -> None:
    """Write a file beside its place and rename it there: a reader sees the old one or all of the new one.

    Args:
        path: Its place; the folder is made where it is missing.
        data: Its bytes.
        durable: Whether it has to outlive a power cut from now on; what can be made again need not, and is written faster.

    Raises:
        DiskFull: There is no room for it.
    """
    with whole_file(path, durable) as part:
        write_bytes(part, data)


@contextmanager
def whole_file(path: Path, durable: bool = True) -> Iterator[Path]:
    """A place to write a file to, which is then put where it belongs, or removed where that fails.

    Args:
        path: Where it belongs; the folder is made where it is missing.
        durable: As in :func:`write_atomic`.

    Raises:
        DiskFull: There is no room for it.
    """
    part = part_of(path)
    try:
        with told_when_full():
            yield part
            if durable:
                sync(part)
            part.replace(path)
            if durable:
                sync(path.parent)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def told_when_full() -> Iterator[None]:
    """What the system raises where there is no room left becomes the sentence for it.

    Raises:
        DiskFull: There is no room left.
    """
    try:
        yield
    except OSError as error:
        if is_disk_full(error):
            raise DiskFull from error
        raise


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file in place, making its folder where it is missing."""
    try:
        _write(path, data)
    except FileNotFoundError:
        make_folder(path.parent)
        _write(path, data)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, so that it outlives a power cut; there or not."""
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for parent in missing:
        sync(parent.parent)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk and not in memory alone."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(path: Path, data: bytes) -> None:
    # Without a buffer: what is written is there already, and whole.
    with path.open("wb", buffering=0) as file:
        left = memoryview(data)
        while left:
            left = left[file.write(left) :]
