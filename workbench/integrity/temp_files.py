"""Files that a process began to write and never finished, since it was killed."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from storage.core.files import PART
from workbench.integrity.report import FaultLog, FaultType
from workbench.stores import Stores

STAGING, EXPORTS = "staging", "exports"
# What a process writes is in use, or has its row, within seconds.
STRAY_SECONDS = 3600.0
PART_OF_PROCESS = re.compile(r"\.part-(\d+)-\d+-.+")
# A file's time and a process's start are measured by different clocks.
CLOCKS_DIFFER_SECONDS = 2.0
UNFINISHED = FaultType(
    "Files that a killed process left unfinished", "file", "they were removed; nothing uses them."
)
STAGED = FaultType(
    "Uploaded files of imports that have ended",
    "folder",
    "they were removed; what was imported is in the catalogue.",
)
HALF_EXPORTS = FaultType(
    "Exports that a killed process left half-written", "file", "they were removed; export again."
)


def is_abandoned(path: Path) -> bool:
    """Whether a file is a part whose writer has ended; one that is being written, here or elsewhere, is not."""
    named = PART_OF_PROCESS.fullmatch(path.name)
    if named is None:
        return False
    try:
        begun = psutil.Process(int(named[1])).create_time()
        # The number of a process is given again, in a container after every start.
        return bool(path.stat().st_mtime < begun - CLOCKS_DIFFER_SECONDS)
    except (FileNotFoundError, psutil.AccessDenied):
        return False
    except psutil.NoSuchProcess:
        return True


def abandoned(root: Path) -> Iterator[Path]:
    """Abandoned parts anywhere below a folder."""
    for folder, _, names in os.walk(root):
        for name in names:
            if name.startswith(PART) and is_abandoned(path := Path(folder, name)):
                yield path


def sweep(root: Path, ledger: FaultLog) -> None:
    """Note abandoned parts below a folder, and remove them where the ledger repairs."""
    for path in abandoned(root):
        ledger.note(UNFINISHED, path.relative_to(root).as_posix())
        if ledger.repair:
            path.unlink(missing_ok=True)


def check_staging(stores: Stores, ledger: FaultLog) -> None:
    """Note folders of uploaded files whose import has ended, and remove them where the ledger repairs."""
    root = stores.root / STAGING
    places = list(root.iterdir()) if root.is_dir() else []
    # Read after the folders: an import that is queued now has its folder first.
    needed = {each.source.get("place") for each in stores.import_jobs.active()}
    for place in places:
        if place.name not in needed and _age(place) > STRAY_SECONDS:
            ledger.note(STAGED, place.name)
            if ledger.repair:
                shutil.rmtree(place, ignore_errors=True)


def check_exports(stores: Stores, ledger: FaultLog) -> None:
    """Note exports that nobody has written to for an hour, and remove them where the ledger repairs."""
    for path in (stores.root / EXPORTS).glob(f"{PART}*"):
        if not PART_OF_PROCESS.fullmatch(path.name) and _age(path) > STRAY_SECONDS:
            ledger.note(HALF_EXPORTS, path.name)
            if ledger.repair:
                path.unlink(missing_ok=True)


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:  # its import has ended in this moment
        return 0.0
