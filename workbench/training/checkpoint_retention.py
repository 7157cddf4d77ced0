"""What runs leave behind so that they can go on, and when it is thrown away.

Each attempt at a run has a folder of checkpoints of its own, so that a worker that was given up while it still ran never writes
where its successor does. An attempt begins with the folder of the one before, which becomes its own.
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
from workbench.pretrained.weights import keras_cache
from workbench.stores import Stores

KEPT_RUNS, MOST_RUNS = 5, 1000
CHECKPOINTS = re.compile(r"run-(\d+)(?:\.(\d+))?")
PART = re.compile(r".+\.(\d+)(?:\.[^.]+)?\.part")
# A file's time and a process's start are measured by different clocks, and the clock may be set in between.
CLOCKS_DIFFER_SECONDS = 600.0
COPY, GONE = ".copy-", ".gone-"
_OWN_COPY = f"{COPY}{uuid4().hex}-"
_LOST = "What run {} needs to go on is no longer there. Train again instead."


def has_checkpoint(stores: Stores, run: Run) -> bool:
    """Whether there is something that a run could go on from."""
    return _latest(stores, run.id) is not None


def take_over(stores: Stores, attempt: RunAttempt) -> Path:
    """The folder of checkpoints of an attempt, with what the attempts before it have left.

    Raises:
        OSError: The folder cannot be moved.
    """
    own = stores.checkpoint_folder(attempt.run_id, attempt.number)
    before = _latest(stores, attempt.run_id)
    if before is not None and before != own:
        before.rename(own)
        for half in own.rglob("*.part"):
            half.unlink(missing_ok=True)
    return own


def drop(stores: Stores, attempt: RunAttempt) -> None:
    """Throw the checkpoints of an attempt away."""
    shutil.rmtree(stores.checkpoint_folder(attempt.run_id, attempt.number), ignore_errors=True)


def copied(stores: Stores, run: Run) -> Path:
    """A copy of what a run could go on from, for another run; removed when a server starts, should it be left behind.

    Raises:
        Conflict: It has nothing, or it is thrown away in this moment.
    """
    source = _latest(stores, run.id)
    copy = stores.root / "checkpoints" / f"{_OWN_COPY}{run.id}-{uuid4().hex}"
    try:
        if source is not None:
            shutil.copytree(source, copy)
            return copy
    except (FileNotFoundError, shutil.Error) as error:
        shutil.rmtree(copy, ignore_errors=True)
        if source is not None and source.exists():
            raise
        raise Conflict(_LOST.format(run.id)) from error
    raise Conflict(_LOST.format(run.id))


def tidy(stores: Stores) -> None:
    """Throw away checkpoints of runs that are finished, and of all but the newest that have ended otherwise.

    Those of runs that wait, run or are paused stay.
    """
    gone = []
    # Within a transaction, so that none of the runs goes on in this moment; what takes long comes after it.
    with stores.database.write():
        for run in _over(stores):
            for folder in _folders(stores, run.id):
                aside = folder.with_name(f"{GONE}{folder.name}-{uuid4().hex}")
                gone.append(folder.rename(aside))
    for folder in gone:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(stores: Stores, weights: Path) -> None:
    """When a server starts: throw away what killed processes left, and what belongs to no run.

    Args:
        stores: Where the runs are.
        weights: The folder of pretrained weights, which may lie elsewhere.
    """
    with stores.database.write() as connection:
        known = {row["id"] for row in connection.execute("SELECT id FROM runs")}
        strays = [folder for folder in _listed(stores.root / "checkpoints") if _is_stray(folder, known)]
    works = _listed(stores.root / "work")
    # Read after the folders: a worker takes its run before it makes its folder.
    running = {stores.work_folder(run.id, run.attempt) for run in stores.runs.active()}
    for folder in (*strays, *(work for work in works if work not in running)):
        shutil.rmtree(folder, ignore_errors=True)
    for folder in (weights, keras_cache()):
        remove_parts(_listed(folder))
    remove_parts(stores.features_folder.rglob("*.part"))
    stores.registry.tidy()


def remove_parts(paths: Iterable[Path]) -> None:
    """Remove what is named ``NAME.PID.part`` or ``NAME.PID.MORE.part`` and whose process is not there any more."""
    for path in paths:
        named = PART.fullmatch(path.name)
        if named is None or _may_be_written(path, int(named[1])):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _over(stores: Stores) -> Iterator[Run]:
    """Runs whose checkpoints nobody needs any more."""
    ended = 0
    for run in stores.runs.recent(MOST_RUNS):
        if run.active or run.status == "paused" or not _folders(stores, run.id):
            continue
        ended += run.status in RESUMABLE
        if run.status not in RESUMABLE or ended > KEPT_RUNS:
            yield run


def _may_be_written(path: Path, pid: int) -> bool:
    """Whether a process of this number is there, and not only since the number was given again."""
    try:
        return bool(path.stat().st_mtime > psutil.Process(pid).create_time() - CLOCKS_DIFFER_SECONDS)
    except (FileNotFoundError, psutil.NoSuchProcess):
        return False
    except psutil.AccessDenied:
        return True


def _is_stray(folder: Path, known: set[int]) -> bool:
    if named := CHECKPOINTS.fullmatch(folder.name):
        return int(named[1]) not in known
    return folder.name.startswith((COPY, GONE)) and not folder.name.startswith(_OWN_COPY)


def _latest(stores: Stores, run_id: int) -> Path | None:
    """The newest folder of checkpoints of a run that holds any."""
    return next((folder for folder in _folders(stores, run_id) if _listed(folder)), None)


def _folders(stores: Stores, run_id: int) -> list[Path]:
    """The folders of checkpoints of a run, that of the last attempt first."""
    named = [(CHECKPOINTS.fullmatch(folder.name), folder) for folder in _listed(stores.root / "checkpoints")]
    own = [(int(name[2] or 0), folder) for name, folder in named if name and int(name[1]) == run_id]
    return [folder for _, folder in sorted(own, reverse=True)]


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
