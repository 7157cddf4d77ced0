"""Telling one process from another, even where a number is used again."""

from __future__ import annotations

import psutil

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
