"""A disk of some megabytes that fills up. Needs the right to mount one."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(place: Path, megabytes: int) -> Iterator[Path]:
    """Mount a disk for a while. Fails where root cannot on Linux, so that nothing hides there; others skip the test."""
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place)]
    if problem := _problem(command):
        if sys.platform == "linux" and os.geteuid() == 0:
            pytest.fail(f"root must be able to mount a small disk: {problem}")
        pytest.skip(f"only root on Linux can mount a small disk: {problem}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def _problem(command: Sequence[str]) -> str:
    if not shutil.which(command[0]):
        return f"there is no {command[0]}"
    mounting = subprocess.run(command, capture_output=True, text=True, check=False)
    return mounting.stderr.strip() or str(mounting.returncode) if mounting.returncode else ""


def fill(disk: Path) -> Path:
    """A file that takes what is left, to the last page."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            return filler
    raise AssertionError("the disk has no end")
