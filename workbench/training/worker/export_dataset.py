"""Exports the pictures of a run's snapshot into a dataset folder for training."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from storage.core.errors import DiskFull
from storage.records import TEST, Snapshot, SnapshotItem
from workbench.imaging.decode import SIDE
from workbench.stores import Stores
from workbench.training.dataset import Dataset, write_dataset

PICTURE_BYTES = SIDE * SIDE * 3
SPARE_BYTES = 64 * 1024 * 1024


def export_dataset(
    stores: Stores, snapshot: Snapshot, fit: str, folder: Path, on_progress: Callable[[int, int], None]
) -> Dataset:
    """Write the pictures of a snapshot, except test pictures, into a dataset folder, and open it; deterministic.

    Args:
        stores: Database and file stores.
        snapshot: The snapshot.
        fit: How pictures are resized to 256 x 256.
        folder: Created if it does not exist.
        on_progress: Called before each picture with the number written so far and the total; an exception it raises is
            propagated.

    Raises:
        DiskFull: There is not enough free disk space.
        NotFound: A picture no longer exists.
    """
    # Test pictures are not exported at all, so that neither training nor model selection can use them.
    items = [item for item in stores.snapshots.items(snapshot.id) if item.split != TEST]
    _require_room(stores, len(items))
    write_dataset(folder, _pictures(stores, items, fit, on_progress), _manifest(snapshot, items, fit))
    return Dataset.open(folder)


def _require_room(stores: Stores, pictures: int) -> None:
    # Checked before writing, to fail early.
    if shutil.disk_usage(stores.root).free < pictures * PICTURE_BYTES + SPARE_BYTES:
        raise DiskFull


def _pictures(
    stores: Stores, items: list[SnapshotItem], fit: str, on_progress: Callable[[int, int], None]
) -> Iterator[np.ndarray]:
    for done, item in enumerate(items):
        on_progress(done, len(items))
        yield stores.derivatives.canonical(item.sha256, fit)


def _manifest(snapshot: Snapshot, items: list[SnapshotItem], fit: str) -> dict[str, Any]:
    return {
        "content_hash": snapshot.content_hash,
        "fit": fit,
        "classes": list(snapshot.classes),
        "items": [dataclasses.asdict(item) for item in items],
    }
