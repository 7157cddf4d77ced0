"""Checks the hashes of immutable data: snapshots and model versions."""

from __future__ import annotations

from storage.core.errors import Corrupt
from storage.training.registry import MANIFEST
from storage.training.snapshots import SplitDraft
from workbench.integrity.report import FaultLog, FaultType
from workbench.stores import Stores

SNAPSHOT = FaultType(
    "Snapshots that no longer match their hash", "snapshot", "",
    "Their pictures or splits were changed from outside. Train again to freeze a new one.",
)  # fmt: skip
MODEL = FaultType(
    "Files of models that no longer match their hash", "file", "",
    "These models are not used. Promote another version, or restore the files from a backup.",
)  # fmt: skip


def check_snapshots(stores: Stores, ledger: FaultLog) -> None:
    """Recompute the content hash of every snapshot."""
    for row in stores.database.rows("SELECT id FROM snapshots ORDER BY id"):
        snapshot = stores.snapshots.get(row["id"])
        items = tuple(stores.snapshots.items(snapshot.id))
        draft = SplitDraft(
            snapshot.classes, items, snapshot.validation_fraction, snapshot.seed, snapshot.kept_together
        )
        if len(items) != snapshot.images or draft.content_hash != snapshot.content_hash:
            ledger.note(SNAPSHOT, f"snapshot {snapshot.id}")


def check_models(stores: Stores, ledger: FaultLog) -> None:
    """Recompute the hash of every file of every model version."""
    for version in stores.registry.versions():
        for name in (MANIFEST, *version.manifest["files"]):
            ledger.files += 1
            try:
                stores.registry.file(version, name)
            except Corrupt:
                ledger.note(MODEL, f"{name} of {version.name}")
