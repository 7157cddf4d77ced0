"""Which pictures a model is tried on: some of each class that it reads rightly and surely."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from storage.records import TEST, VALIDATION, SnapshotItem, Version
from storage.training.snapshots import Snapshots
from workbench.label_safety.misread_rate import Probe, Reader
from workbench.stores import Stores

MOST = 60
TRIED = 3 * MOST


def sample(stores: Stores, version: Version, read: Reader) -> Iterator[Probe]:
    """Pictures of the version's snapshot that still have their class and are read rightly, at most ``MOST``.

    They are read surely as well: what lies on the edge between two classes falls over it at any touch. Those of the validation split come first, since the model has not learned them by heart; classes take turns.
    """
    classes, fit = version.manifest["classes"], version.manifest["fit"]
    items = round_robin(stores.snapshots, version.snapshot_id)
    now = {each.id: each.label for each in stores.catalogue.several([item.image_id for item in items])}
    found = 0
    for item in items:
        label = classes[item.label]
        if now.get(item.image_id) != label:
            continue
        pixels = stores.media.canonical(item.sha256, fit)
        answer = read(pixels)
        if answer.label == label and not answer.needs_review:
            found += 1
            yield Probe(item.image_id, label, pixels)
        if found == MOST:
            return


def round_robin(snapshots: Snapshots, snapshot_id: int) -> list[SnapshotItem]:
    """The pictures to try, in an order that is the same each time."""
    of_class: dict[int, list[SnapshotItem]] = defaultdict(list)
    for item in sorted(snapshots.items(snapshot_id), key=_rank):
        # What is found chooses augmentations, so the test has no say.
        if item.split != TEST:
            of_class[item.label].append(item)
    rounds = range(max((len(items) for items in of_class.values()), default=0))
    ordered = [items[turn] for turn in rounds for items in of_class.values() if turn < len(items)]
    return ordered[:TRIED]


def _rank(item: SnapshotItem) -> tuple[bool, str]:
    return item.split != VALIDATION, item.sha256
