"""The folder of uploads: what was sent and waits for a call, and small files that were made for whoever asked."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from storage.core.disk_space import DiskSpace

KEEP_SECONDS = 24 * 3600.0
ANSWERED_SECONDS = 600.0
SWEEP_SECONDS = 300.0
ARRIVING = ".arriving-"
OURS = re.compile(rf"[0-9a-f]{{64}}|[0-9a-f]{{32}}|{re.escape(ARRIVING)}.+")


class UploadFolder:
    """Removes what nobody has asked for in a day, or, where the disk is nearly full, what was answered already.

    An upload whose import has begun is no longer here: the import has its files. Of one that a call has answered it is kept
    for some minutes, in case it is named once more; a page that shows one names it in every call.

    Args:
        folder: Where uploads lie, each in a folder of its own.
        room: Of the disk of that folder.
    """

    def __init__(self, folder: Path, room: DiskSpace) -> None:
        self.folder = folder
        self.room = room
        self._closed = threading.Event()

    @contextmanager
    def arriving(self) -> Iterator[Path]:
        """A folder for an upload under way; what is in it when the request ends, however it ends, is removed."""
        place = self.folder / f"{ARRIVING}{secrets.token_hex(16)}"
        place.mkdir(parents=True)
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def arrived(self, file: Path) -> Path:
        """Put a file that has come whole into a folder of its own; only who uploaded it is told its name."""
        place = self.folder / secrets.token_hex(32)
        place.mkdir()
        return file.rename(place / file.name)

    def require(self, size: int) -> None:
        """Check that so many bytes may come, after removing what was answered where that is needed.

        Raises:
            NoRoom: They may not.
        """
        if not self.room.has(size):
            self.sweep(pressed=True)
            self.room.require(size)

    def sweep(self, pressed: bool = False) -> None:
        """Remove what has been asked for too long ago.

        Args:
            pressed: Whether room is needed, so that what was answered goes at once.
        """
        limit = time.time() - KEEP_SECONDS + (ANSWERED_SECONDS if pressed else 0.0)
        for place in list(self.folder.iterdir()) if self.folder.is_dir() else ():
            if OURS.fullmatch(place.name) and not place.is_symlink() and _last_used(place) < limit:
                shutil.rmtree(place, ignore_errors=True)

    def start(self) -> None:
        """Sweep now and then, in the background."""
        self._closed.clear()
        threading.Thread(target=self._work, name="uploads", daemon=True).start()

    def close(self) -> None:
        """Sweep no more."""
        self._closed.set()

    def _work(self) -> None:
        while not self._closed.wait(SWEEP_SECONDS):
            self.sweep()


def used(file: Path) -> None:
    """Keep an upload for another day: a call has named it."""
    with suppress(OSError):
        os.utime(file)


def answered(file: Path) -> None:
    """Let an upload go soon: the call that named it has its answer."""
    until = time.time() - KEEP_SECONDS + ANSWERED_SECONDS
    with suppress(OSError):
        os.utime(file.parent, (until, until))
        os.utime(file, (until, until))


def forget(file: Path) -> None:
    """Remove an upload that has another name now."""
    shutil.rmtree(file.parent, ignore_errors=True)


def _last_used(place: Path) -> float:
    """The newest of the times of a folder and of what is in it."""
    newest = 0.0
    for folder, _, names in os.walk(place):
        for path in (Path(folder), *(Path(folder, name) for name in names)):
            with suppress(OSError):
                newest = max(newest, path.lstat().st_mtime)
    return newest
