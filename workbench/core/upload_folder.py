"""Folder of uploaded files that wait for an API call, and of small generated files."""

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
    """Stores uploads, and removes those that were unused for a day, or earlier if the disk is nearly full.

    Uploads of a started import are moved to its staging area. An upload whose call was answered is kept for some more
    minutes, in case another call uses it.

    Args:
        folder: Folder of the uploads, with one subfolder per upload.
        room: Free space of the disk of that folder.
    """

    def __init__(self, folder: Path, room: DiskSpace) -> None:
        self.folder = folder
        self.room = room
        self._closed = threading.Event()

    @contextmanager
    def arriving(self) -> Iterator[Path]:
        """A temporary folder for an upload in progress; its remaining content is removed at the end of the request."""
        temporary_folder = self.folder / f"{ARRIVING}{secrets.token_hex(16)}"
        temporary_folder.mkdir(parents=True)
        try:
            yield temporary_folder
        finally:
            shutil.rmtree(temporary_folder, ignore_errors=True)

    def arrived(self, file: Path) -> Path:
        """Move a complete upload into its own folder, whose random name only the uploader gets."""
        upload_folder = self.folder / secrets.token_hex(32)
        upload_folder.mkdir()
        return file.rename(upload_folder / file.name)

    def require(self, size: int) -> None:
        """Check that there is space for ``size`` bytes, after removing answered uploads if necessary.

        Raises:
            DiskFull: There is not enough space.
        """
        if not self.room.has(size):
            self.sweep(pressed=True)
            self.room.require(size)

    def sweep(self, pressed: bool = False) -> None:
        """Remove expired uploads.

        Args:
            pressed: Whether disk space is needed, so that answered uploads are removed at once.
        """
        oldest_kept = time.time() - KEEP_SECONDS + (ANSWERED_SECONDS if pressed else 0.0)
        for upload_folder in list(self.folder.iterdir()) if self.folder.is_dir() else ():
            if (
                OURS.fullmatch(upload_folder.name)
                and not upload_folder.is_symlink()
                and _last_used(upload_folder) < oldest_kept
            ):
                shutil.rmtree(upload_folder, ignore_errors=True)

    def start(self) -> None:
        """Start sweeping periodically in a background thread."""
        self._closed.clear()
        threading.Thread(target=self._sweep_periodically, name="uploads", daemon=True).start()

    def close(self) -> None:
        """Stop the background thread."""
        self._closed.set()

    def _sweep_periodically(self) -> None:
        while not self._closed.wait(SWEEP_SECONDS):
            self.sweep()


def mark_used(file: Path) -> None:
    """Mark an upload as used, which keeps it for another day."""
    with suppress(OSError):
        os.utime(file)


def mark_answered(file: Path) -> None:
    """Mark an upload as answered, which lets it expire in ``ANSWERED_SECONDS``."""
    last_used = time.time() - KEEP_SECONDS + ANSWERED_SECONDS
    with suppress(OSError):
        os.utime(file.parent, (last_used, last_used))
        os.utime(file, (last_used, last_used))


def remove_upload(file: Path) -> None:
    """Remove an upload."""
    shutil.rmtree(file.parent, ignore_errors=True)


def _last_used(upload_folder: Path) -> float:
    """The newest modification time of a folder and its content, in seconds since 1970."""
    newest = 0.0
    for folder, _, names in os.walk(upload_folder):
        for path in (Path(folder), *(Path(folder, name) for name in names)):
            with suppress(OSError):
                newest = max(newest, path.lstat().st_mtime)
    return newest
