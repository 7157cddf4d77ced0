"""What a process of a crowd does with a data folder that others use at the same time."""

from __future__ import annotations

from pathlib import Path

from storage.records import Filter
from workbench.core.settings import Settings
from workbench.stores import open_stores

ROUNDS = 12


def hold(folder: Path, holder: str) -> list[int]:
    """Take pictures until there are none left for this holder, and keep them."""
    stores = open_stores(Settings(data=folder))
    held: set[int] = set()
    while True:
        taken = stores.leases.take(holder, Filter(status="unlabelled", sort="oldest"), len(held) + 3)
        if held == set(taken):
            return taken
        held = set(taken)


def work_off(folder: Path, holder: str) -> list[int]:
    """Take one picture after the other and label it, until none is left; gives them in order."""
    stores = open_stores(Settings(data=folder))
    done: list[int] = []
    while taken := stores.leases.take(holder, Filter(status="unlabelled"), 1):
        revision = stores.catalogue.get(taken[0]).revision
        stores.edits.label(taken, stores.classes.all()[0], holder, {taken[0]: revision})
        done += taken
    return done


def label_own(folder: Path, holder: str, image_ids: list[int]) -> int:
    """Label, undo and redo the same pictures over and over; gives how many events that made."""
    stores = open_stores(Settings(data=folder))
    events = 0
    for turn in range(ROUNDS):
        to = stores.classes.all()[turn % 2]
        events += stores.edits.label(image_ids, to, holder)[1] is not None
        stores.journal.undo(holder)
        stores.journal.redo(holder)
        events += 2
    return events
