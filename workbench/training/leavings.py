"""What runs leave behind so that they can go on, and when it is thrown away."""

from __future__ import annotations

import shutil

from storage.records import Run
from storage.runs import RESUMABLE
from workbench.stores import Stores

KEPT_RUNS = 5


def has_checkpoint(stores: Stores, run: Run) -> bool:
    """Whether there is something that a run could go on from."""
    folder = stores.checkpoint_folder(run.id)
    return folder.is_dir() and any(folder.iterdir())


def tidy(stores: Stores) -> None:
    """Throw away checkpoints of runs that are finished, and of all but the newest that have ended otherwise.

    Those of runs that wait, run or are paused stay.
    """
    places = sorted(
        stores.root.glob("checkpoints/run-*"), key=lambda each: each.stat().st_mtime, reverse=True
    )
    ended = 0
    for place in places:
        run = stores.runs.get(int(place.name.removeprefix("run-")))
        if run.active or run.status == "paused":
            continue
        ended += run.status in RESUMABLE
        if run.status not in RESUMABLE or ended > KEPT_RUNS:
            shutil.rmtree(place, ignore_errors=True)
