"""Telling one process from another, even where a number is used again, and what one takes of the machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psutil

_SHARE = 0.85
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_MEGABYTE = 2**20

NO_ROOM = 28
"""How a worker exits where the disk had no room even for how it ended; the number that POSIX systems give a full disk."""


def started_at(pid: int) -> float:
    """When a process was created, in seconds since the epoch.

    Raises:
        psutil.NoSuchProcess: There is no such process.
    """
    return float(psutil.Process(pid).create_time())


def alive(pid: int | None, started: float | None) -> bool:
    """Whether the process that was created then still runs."""
    if pid is None or started is None:
        return False
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - started) < 1
        return bool(same and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@dataclass(frozen=True)
class Usage:
    """What a process takes: percent of one core, and megabytes of memory of its own."""

    cpu_percent: float
    memory_mb: int


class Budget:
    """What this process may take of the machine's memory.

    Attributes:
        megabytes: The most it may take.
    """

    def __init__(self, megabytes: int, runs: int) -> None:
        """Allow so many megabytes; 0 stands for a share of what the machine or its container has for so many runs at once."""
        self.megabytes = megabytes or int(_SHARE * memory_bytes() / _MEGABYTE / runs)
        self._process = psutil.Process()

    def usage(self) -> Usage:
        """What it takes now; mapped files, which the system takes back when it needs to, are not counted."""
        memory = self._process.memory_info()
        own = memory.rss - getattr(memory, "shared", 0)
        return Usage(self._process.cpu_percent(None), own // _MEGABYTE)


def memory_bytes() -> int:
    """Memory of the machine, or of the container where that has less."""
    limits = [int(psutil.virtual_memory().total)]
    for file in _LIMITS:
        try:
            text = file.read_text().strip()
        except OSError:
            continue
        limits += [int(text)] if text.isdigit() else []
    return min(limits)
