"""Identifies processes despite PID reuse, starts background processes, and measures memory use."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

_MEMORY_SHARE = 0.85
_CGROUP_LIMIT_FILES = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_MEGABYTE = 2**20
_BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")
_START_FIELD, _FIRST_FIELD_AFTER_NAME = 22, 3

PROJECT = Path(__file__).resolve().parents[2]
EXIT_DISK_FULL = 28
"""Exit code of a worker that could not write its result to a full disk (ENOSPC)."""


def started_at(pid: int) -> str:
    """An identifier of the start of a process, which together with the PID identifies it despite PID reuse.

    On Linux the boot id and the start time in clock ticks since boot, which unlike psutil's ``create_time`` is not
    affected by changes of the system clock. On other systems psutil's ``create_time``.

    Source: proc(5), ``/proc/pid/stat``, field 22.

    Raises:
        psutil.NoSuchProcess: There is no such process.
    """
    try:
        # The program name is in parentheses and may contain any characters.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return f"{_BOOT_ID_FILE.read_text().strip()}/{fields[_START_FIELD - _FIRST_FIELD_AFTER_NAME]}"
    except (FileNotFoundError, ProcessLookupError):
        return f"created {psutil.Process(pid).create_time()}"


def alive(pid: int | None, started: str | None) -> bool:
    """Whether the process with this PID and this :func:`started_at` identifier is still running."""
    if pid is None or started is None:
        return False
    try:
        return started == started_at(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def start_module(
    arguments: Sequence[str], log: IO[bytes], environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start ``python -m`` in a new session, so that it outlives this process.

    Args:
        arguments: The module and its arguments.
        log: File for stdout and stderr.
        environment: Variables added to the environment of this process.

    Raises:
        OSError: The process cannot be started.
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
    """Resource usage of a process: CPU in percent of one core, and unshared memory in megabytes."""

    cpu_percent: float
    memory_mb: int


class MemoryLimit:
    """Memory limit of this process.

    Attributes:
        megabytes: The limit.
    """

    def __init__(self, megabytes: int, runs: int) -> None:
        """Set the limit in megabytes; 0 derives it from the memory of the machine or container and the number of parallel runs."""
        self.megabytes = megabytes or int(_MEMORY_SHARE * memory_bytes() / _MEGABYTE / runs)
        self._process = psutil.Process()

    def usage(self) -> Usage:
        """The current usage; mapped files, which the system can reclaim, are not counted."""
        memory = self._process.memory_info()
        own = memory.rss - getattr(memory, "shared", 0)
        return Usage(self._process.cpu_percent(None), own // _MEGABYTE)


def memory_bytes() -> int:
    """Memory in bytes of the machine, or of the container if that has less."""
    limits = [int(psutil.virtual_memory().total)]
    for file in _CGROUP_LIMIT_FILES:
        try:
            text = file.read_text().strip()
        except OSError:
            continue
        limits += [int(text)] if text.isdigit() else []
    return min(limits)
