"""Selection of pictures for the label-safety check: some of each class, classified correctly and confidently."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from storage.records import TEST, VALIDATION, SnapshotItem, Version
from storage.training.snapshots import Snapshots
from workbench.label_safety.misread_rate import Probe, Reader
from workbench.stores import Stores

MOST = 60
TRIED = 3 * MOST


def sample(stores: Stores, version: Version, classify: Reader) -> Iterator[Probe]:
    """Pictures of the version's snapshot whose label is unchanged and that are classified correctly, at most ``MOST``.

    They must also be classified confidently: pictures near the decision boundary would cross it with any change. Validation
    pictures come first, since the model was not trained on them; classes alternate.
    """
    classes, fit = version.manifest["classes"], version.manifest["fit"]
    items = round_robin(stores.snapshots, version.snapshot_id)
    current_labels = {
        image.id: image.label for image in stores.catalogue.several([item.image_id for item in items])
    }
    count = 0
    for item in items:
        label = classes[item.label]
        if current_labels.get(item.image_id) != label:
            continue
        pixels = stores.derivatives.canonical(item.sha256, fit)
        prediction = classify(pixels)
        if prediction.label == label and not prediction.needs_review:
            count += 1
            yield Probe(item.image_id, label, pixels)
        if count == MOST:
            return


def round_robin(snapshots: Snapshots, snapshot_id: int) -> list[SnapshotItem]:
    """Candidate pictures in a deterministic order that alternates between classes, at most ``TRIED``."""
    by_class: dict[int, list[SnapshotItem]] = defaultdict(list)
    for item in sorted(snapshots.items(snapshot_id), key=_rank):
        # Results influence the choice of augmentations, so test pictures must not be used.
        if item.split != TEST:
            by_class[item.label].append(item)
    rounds = range(max((len(items) for items in by_class.values()), default=0))
    ordered = [items[turn] for turn in rounds for items in by_class.values() if turn < len(items)]
    return ordered[:TRIED]


def _rank(item: SnapshotItem) -> tuple[bool, str]:
    return item.split != VALIDATION, item.sha256
