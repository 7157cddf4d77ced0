"""Telling one process from another, even where a number is used again, and what one takes of the machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

_SHARE = 0.85
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_MEGABYTE = 2**20
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_START, _AFTER_NAME = 22, 3

PROJECT = Path(__file__).resolve().parents[2]
NO_ROOM = 28
"""How a worker exits where the disk had no room even for how it ended; the number that POSIX systems give a full disk."""


def started_at(pid: int) -> str:
    """What tells a process from every other one that has had or will have its number.

    On Linux the start in clock ticks since the machine's, and which start of the machine that was: unlike psutil's
    ``create_time`` it does not move when the clock is set. Elsewhere the kernel keeps the time itself.

    Source: proc(5), ``/proc/pid/stat``, field 22.

    Raises:
        psutil.NoSuchProcess: There is no such process.
    """
    try:
        # The name of the program stands in brackets and may hold anything.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return f"{_BOOT.read_text().strip()}/{fields[_START - _AFTER_NAME]}"
    except (FileNotFoundError, ProcessLookupError):
        return f"created {psutil.Process(pid).create_time()}"


def alive(pid: int | None, started: str | None) -> bool:
    """Whether the process with this number that :func:`started_at` told apart still runs."""
    if pid is None or started is None:
        return False
    try:
        return started == started_at(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def start_module(
    arguments: Sequence[str], log: IO[bytes], environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start ``python -m`` with some arguments in a session of its own, so that it outlives this process.

    Args:
        arguments: The module and what it is given.
        log: Takes what it prints.
        environment: Added to this process's own.

    Raises:
        OSError: It cannot be started.
    """
    return subprocess.Popen(  # noqa: S603 - our own modules, no shell
        [sys.executable, "-m", *arguments],
        cwd=PROJECT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


@dataclass(frozen=True)
class Usage:
    """What a process takes: percent of one core, and megabytes of memory of its own."""

    cpu_percent: float
    memory_mb: int


class MemoryLimit:
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
