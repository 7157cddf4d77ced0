"""What runs leave behind so that they can go on, and when it is thrown away."""

from __future__ import annotations

import shutil

from storage.records import Run
from storage.runs import RESUMABLE
from workbench.stores import Stores

KEPT_RUNS, MOST_RUNS = 5, 1000


def has_checkpoint(stores: Stores, run: Run) -> bool:
    """Whether there is something that a run could go on from."""
    folder = stores.checkpoint_folder(run.id)
    return folder.is_dir() and any(folder.iterdir())


def tidy(stores: Stores) -> None:
    """Throw away checkpoints of runs that are finished, and of all but the newest that have ended otherwise.

    Those of runs that wait, run or are paused stay.
    """
    ended = 0
    for run in stores.runs.recent(MOST_RUNS):
        place = stores.checkpoint_folder(run.id)
        if run.active or run.status == "paused" or not place.is_dir():
            continue
        ended += run.status in RESUMABLE
        if run.status not in RESUMABLE or ended > KEPT_RUNS:
            shutil.rmtree(place, ignore_errors=True)
