"""The pictures of a run, written where training reads them."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from storage.core.errors import DiskFull
from storage.records import TEST, Run, Snapshot, SnapshotItem
from workbench.imaging.decode import SIDE
from workbench.stores import Stores
from workbench.training.dataset import write_dataset
from workbench.training.spec import TrainingSpec

PICTURE_BYTES = SIDE * SIDE * 3
SPARE_BYTES = 64 * 1024 * 1024


def export_dataset(stores: Stores, run: Run, folder: Path, told: Callable[[int, int], None]) -> None:
    """Write the pictures of a run's snapshot, but for those of the test, into a dataset folder, the same in every try.

    Args:
        stores: Where the pictures are.
        run: The run.
        folder: Made where it is missing.
        told: Hears before each picture how many are done and of how many; what it raises ends the writing.

    Raises:
        DiskFull: There is no room for them.
        NotFound: A picture is gone.
    """
    snapshot = stores.snapshots.get(run.snapshot_id)
    # Test pictures are not even written: nothing that trains can learn from them or choose by them.
    items = [item for item in stores.snapshots.items(snapshot.id) if item.split != TEST]
    fit = TrainingSpec.from_dict(run.spec).fit
    _require_room(stores, len(items))
    write_dataset(folder, _pictures(stores, items, fit, told), _manifest(snapshot, items, fit))


def _require_room(stores: Stores, pictures: int) -> None:
    # Said before the pictures are written, not after.
    if shutil.disk_usage(stores.root).free < pictures * PICTURE_BYTES + SPARE_BYTES:
        raise DiskFull


def _pictures(
    stores: Stores, items: list[SnapshotItem], fit: str, told: Callable[[int, int], None]
) -> Iterator[np.ndarray]:
    for done, item in enumerate(items):
        told(done, len(items))
        yield stores.media.canonical(item.sha256, fit)


def _manifest(snapshot: Snapshot, items: list[SnapshotItem], fit: str) -> dict[str, Any]:
    return {
        "content_hash": snapshot.content_hash,
        "fit": fit,
        "classes": list(snapshot.classes),
        "items": [dataclasses.asdict(item) for item in items],
    }
