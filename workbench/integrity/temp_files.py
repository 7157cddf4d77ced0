"""Finds and removes partial files of killed processes."""

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
# Files of running processes are in use, or have their rows, within seconds.
STRAY_SECONDS = 3600.0
PART_OF_PROCESS = re.compile(r"\.part-(\d+)-\d+-.+")
# File times and process start times come from different clocks.
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
    """Whether a file is a partial file whose writing process has ended."""
    match = PART_OF_PROCESS.fullmatch(path.name)
    if match is None:
        return False
    try:
        process_start = psutil.Process(int(match[1])).create_time()
        # PIDs are reused, in a container after every start.
        return bool(path.stat().st_mtime < process_start - CLOCKS_DIFFER_SECONDS)
    except (FileNotFoundError, psutil.AccessDenied):
        return False
    except psutil.NoSuchProcess:
        return True


def abandoned(root: Path) -> Iterator[Path]:
    """Abandoned partial files below a folder, recursively."""
    for folder, _, names in os.walk(root):
        for name in names:
            if name.startswith(PART) and is_abandoned(path := Path(folder, name)):
                yield path


def sweep(root: Path, ledger: FaultLog) -> None:
    """Log abandoned partial files below a folder, and remove them if repairing."""
    for path in abandoned(root):
        ledger.note(UNFINISHED, path.relative_to(root).as_posix())
        if ledger.repair:
            path.unlink(missing_ok=True)


def check_staging(stores: Stores, ledger: FaultLog) -> None:
    """Log staging folders whose import has ended, and remove them if repairing."""
    root = stores.root / STAGING
    folders = list(root.iterdir()) if root.is_dir() else []
    # Read after listing the folders, since a new import creates its folder before its job.
    active_tokens = {job.source.get("place") for job in stores.import_jobs.active()}
    for folder in folders:
        if folder.name not in active_tokens and _age_seconds(folder) > STRAY_SECONDS:
            ledger.note(STAGED, folder.name)
            if ledger.repair:
                shutil.rmtree(folder, ignore_errors=True)


def check_exports(stores: Stores, ledger: FaultLog) -> None:
    """Log partial exports that were not written to for an hour, and remove them if repairing."""
    for path in (stores.root / EXPORTS).glob(f"{PART}*"):
        if not PART_OF_PROCESS.fullmatch(path.name) and _age_seconds(path) > STRAY_SECONDS:
            ledger.note(HALF_EXPORTS, path.name)
            if ledger.repair:
                path.unlink(missing_ok=True)


def _age_seconds(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:  # removed concurrently
        return 0.0
