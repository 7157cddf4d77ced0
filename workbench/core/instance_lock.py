"""One server a data folder: two would both start what waits."""

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
_PATIENCE_SECONDS = 2.0
_PAUSE_SECONDS = 0.05


class InstanceLock:
    """A data folder that is this server's until it ends, however it ends.

    The lock is the system's, so that nothing is left behind by a server that is killed. No child keeps it: an open file is
    not handed to programs that are started, and a forked child closes it, though only once it runs, which may be after its
    server was killed: a folder that is taken is asked for again for a moment.
    """

    def __init__(self, folder: Path, address: str) -> None:
        """Claim a folder for the server at ``address``.

        Raises:
            Conflict: Another server has it; the sentence names it.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / FILE).open("a+", encoding="utf-8")
        if not _locked(self._file):
            raise Conflict(self._taken(folder))
        os.register_at_fork(after_in_child=self._file.close)
        self._file.truncate(0)
        self._file.write(f"{address}, process {os.getpid()} on {socket.gethostname()} since {now()}")
        self._file.flush()

    def release(self) -> None:
        """Give the folder back."""
        self._file.truncate(0)
        self._file.close()

    def _taken(self, folder: Path) -> str:
        with self._file:
            self._file.seek(0)
            other = self._file.read().strip() or "it is just starting"
        return (
            f"Another Waterline works on the data folder {folder} ({other}). "
            "Open that one, end it first, or set WORKBENCH_DATA to another folder."
        )


def holder(folder: Path) -> str:
    """The address of the server that has a folder now; empty where none has."""
    try:
        with (folder / FILE).open(encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return ""
    except BlockingIOError:
        return (folder / FILE).read_text("utf-8").split(",")[0]
    except OSError:
        return ""


def _locked(file: IO[str]) -> bool:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(_PAUSE_SECONDS)
        else:
            return True
