"""Lock that allows one server per data folder: two servers would both run the queued jobs."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from pathlib import Path
from typing import IO

from storage.core.errors import Conflict
from storage.core.timestamps import now

FILE = "server.lock"
_TIMEOUT_SECONDS = 2.0
_RETRY_SECONDS = 0.05


class InstanceLock:
    """Exclusive lock on a data folder, held until the server process ends.

    Uses ``flock``, so that a killed server leaves no stale lock. Child processes do not keep it: the file descriptor is
    not inherited by started programs, and a forked child closes it. Since a fork may close it shortly after its server
    was killed, acquiring is retried for a moment.
    """

    def __init__(self, folder: Path, address: str) -> None:
        """Acquire the lock for the server at ``address``.

        Raises:
            Conflict: Another server holds it; the message names that server.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / FILE).open("a+", encoding="utf-8")
        if not _acquire(self._file):
            raise Conflict(self._conflict_message(folder))
        os.register_at_fork(after_in_child=self._file.close)
        self._file.truncate(0)
        self._file.write(f"{address}, process {os.getpid()} on {socket.gethostname()} since {now()}")
        self._file.flush()

    def release(self) -> None:
        """Release the lock."""
        self._file.truncate(0)
        self._file.close()

    def _conflict_message(self, folder: Path) -> str:
        with self._file:
            self._file.seek(0)
            holder_description = self._file.read().strip() or "it is just starting"
        return (
            f"Another Waterline works on the data folder {folder} ({holder_description}). "
            "Open that one, end it first, or set WORKBENCH_DATA to another folder."
        )


def lock_holder(folder: Path) -> str:
    """The address of the server that holds the lock of a folder; empty if none does."""
    try:
        with (folder / FILE).open(encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return ""
    except BlockingIOError:
        return (folder / FILE).read_text("utf-8").split(",")[0]
    except OSError:
        return ""


def _acquire(file: IO[str]) -> bool:
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(_RETRY_SECONDS)
        else:
            return True
