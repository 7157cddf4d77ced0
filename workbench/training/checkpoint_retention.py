"""Checkpoint folders of runs: hand-over between attempts, copying, and deletion.

Each attempt at a run has its own checkpoint folder, so that a superseded worker that is still alive never writes into the folder
of its successor. A new attempt takes over the folder of the previous one by renaming it.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from uuid import uuid4

import psutil

from storage.core.errors import Conflict
from storage.records import Run
from storage.training.run_attempts import RunAttempt
from storage.training.runs import RESUMABLE
from workbench.backbones.weights import keras_cache
from workbench.stores import Stores

KEPT_RUNS, MOST_RUNS = 5, 1000
CHECKPOINTS = re.compile(r"run-(\d+)(?:\.(\d+))?")
PART = re.compile(r".+\.(\d+)(?:\.[^.]+)?\.part")
# Tolerance between file times and process start times, which come from different clocks that may be adjusted.
CLOCK_TOLERANCE_SECONDS = 600.0
COPY, GONE = ".copy-", ".gone-"
_OWN_COPY = f"{COPY}{uuid4().hex}-"
CHECKPOINT_MISSING = "What run {} needs to go on is no longer there. Train again instead."


def has_checkpoint(stores: Stores, run: Run) -> bool:
    """Whether a run has a checkpoint to resume from."""
    return _latest_folder(stores, run.id) is not None


def adopt_checkpoints(stores: Stores, attempt: RunAttempt) -> Path:
    """Checkpoint folder of an attempt, with the checkpoints of the previous attempts moved into it.

    Raises:
        OSError: The folder cannot be moved.
    """
    own = stores.checkpoint_folder(attempt.run_id, attempt.number)
    previous = _latest_folder(stores, attempt.run_id)
    if previous is not None and previous != own:
        previous.rename(own)
        for partial_file in own.rglob("*.part"):
            partial_file.unlink(missing_ok=True)
    return own


def delete_checkpoints(stores: Stores, attempt: RunAttempt) -> None:
    """Delete the checkpoints of an attempt."""
    shutil.rmtree(stores.checkpoint_folder(attempt.run_id, attempt.number), ignore_errors=True)


def copy_checkpoints(stores: Stores, run: Run) -> Path:
    """Copy the checkpoints of a run for another run; an abandoned copy is deleted at the next server start.

    Raises:
        Conflict: The run has no checkpoints, or they are being deleted concurrently.
    """
    source = _latest_folder(stores, run.id)
    copy = stores.root / "checkpoints" / f"{_OWN_COPY}{run.id}-{uuid4().hex}"
    try:
        if source is not None:
            shutil.copytree(source, copy)
            return copy
    except (FileNotFoundError, shutil.Error) as error:
        shutil.rmtree(copy, ignore_errors=True)
        if source is not None and source.exists():
            raise
        raise Conflict(CHECKPOINT_MISSING.format(run.id)) from error
    raise Conflict(CHECKPOINT_MISSING.format(run.id))


def prune_checkpoints(stores: Stores) -> None:
    """Delete checkpoints of finished runs, and of all but the ``KEPT_RUNS`` newest stopped, failed or interrupted runs.

    Checkpoints of queued, running and paused runs are kept.
    """
    renamed = []
    # In a transaction, so that none of the runs is resumed meanwhile; the slow deletion follows after it.
    with stores.database.write():
        for run in _runs_to_prune(stores):
            for folder in _folders(stores, run.id):
                aside = folder.with_name(f"{GONE}{folder.name}-{uuid4().hex}")
                renamed.append(folder.rename(aside))
    for folder in renamed:
        shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers(stores: Stores, weights: Path) -> None:
    """At server start: delete partial files of killed processes and folders that belong to no run.

    Args:
        stores: Database and file stores.
        weights: Folder of pretrained weights, which may be outside the data folder.
    """
    with stores.database.write() as connection:
        run_ids = {row["id"] for row in connection.execute("SELECT id FROM runs")}
        strays = [folder for folder in _children(stores.root / "checkpoints") if _is_stray(folder, run_ids)]
    work_folders = _children(stores.root / "work")
    # Read after listing the folders: a worker claims its run before it creates its work folder.
    running = {stores.work_folder(run.id, run.attempt) for run in stores.runs.active()}
    for folder in (*strays, *(work_folder for work_folder in work_folders if work_folder not in running)):
        shutil.rmtree(folder, ignore_errors=True)
    for folder in (weights, keras_cache()):
        remove_stale_parts(_children(folder))
    remove_stale_parts(stores.features_folder.rglob("*.part"))
    stores.registry.tidy()


def remove_stale_parts(paths: Iterable[Path]) -> None:
    """Delete files and folders named ``NAME.PID.part`` or ``NAME.PID.SUFFIX.part`` whose process no longer exists."""
    for path in paths:
        match = PART.fullmatch(path.name)
        if match is None or _may_be_written(path, int(match[1])):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _runs_to_prune(stores: Stores) -> Iterator[Run]:
    """Runs whose checkpoints are no longer needed."""
    ended = 0
    for run in stores.runs.recent(MOST_RUNS):
        if run.active or run.status == "paused" or not _folders(stores, run.id):
            continue
        ended += run.status in RESUMABLE
        if run.status not in RESUMABLE or ended > KEPT_RUNS:
            yield run


def _may_be_written(path: Path, pid: int) -> bool:
    """Whether the process that created a partial file may still be alive; a reused process id does not count."""
    try:
        return bool(path.stat().st_mtime > psutil.Process(pid).create_time() - CLOCK_TOLERANCE_SECONDS)
    except (FileNotFoundError, psutil.NoSuchProcess):
        return False
    except psutil.AccessDenied:
        return True


def _is_stray(folder: Path, run_ids: set[int]) -> bool:
    if match := CHECKPOINTS.fullmatch(folder.name):
        return int(match[1]) not in run_ids
    return folder.name.startswith((COPY, GONE)) and not folder.name.startswith(_OWN_COPY)


def _latest_folder(stores: Stores, run_id: int) -> Path | None:
    """The newest non-empty checkpoint folder of a run."""
    return next((folder for folder in _folders(stores, run_id) if _children(folder)), None)


def _folders(stores: Stores, run_id: int) -> list[Path]:
    """Checkpoint folders of a run, the latest attempt first."""
    matches = [
        (CHECKPOINTS.fullmatch(folder.name), folder) for folder in _children(stores.root / "checkpoints")
    ]
    attempts = [
        (int(match[2] or 0), folder) for match, folder in matches if match and int(match[1]) == run_id
    ]
    return [folder for _, folder in sorted(attempts, reverse=True)]


def _children(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
