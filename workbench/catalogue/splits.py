"""Stratified, seeded train/validation/test split that keeps near-duplicates together and respects pinned pictures.

``train`` is used for training and ``validation`` for model selection; ``test`` is used for neither. Pictures get into
``test`` only by a user's choice: by hand, or by imported folders and tables.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from storage.records import TEST, TRAIN, VALIDATION, SnapshotItem
from storage.training.snapshots import LabelledImage, SplitDraft
from workbench.catalogue.group_split import SplitInput, split_groups
from workbench.core.errors import NotReady
from workbench.imaging.phash import groups

NOTHING_LABELLED = "No picture is labelled yet. Label pictures in at least two classes, then train."
ONE_CLASS = "All labelled pictures are in one class ({name}). Label some in a second class, then train."
ONE_PICTURE = "Class {name} has only 1 picture{beside}. Each class needs at least 2: one to learn from and one to check with."
NOTHING_TO_LEARN = (
    "All pictures of class {name} were put into {there}, by hand or by the folders or tables they came with, so there is none "
    "to learn from. Move some to training on the Label tab, or leave them to the automatic split."
)
LEAST = 2
"""Least number of pictures of a class: one for training and one for validation."""


def split(pictures: Sequence[LabelledImage], validation_fraction: float, seed: int) -> SplitDraft:
    """Divide labelled pictures into training and validation, apart from the test pictures.

    Pinned pictures keep their split. Unpinned near-duplicates of test pictures are left out, to avoid leakage into training
    or validation and double counting in the test; they are used only if a class would otherwise have too few pictures. A
    group of near-duplicates follows its pinned pictures, to training if they disagree. The remaining groups are chosen so
    that each class comes closest to ``validation_fraction``. If a class is a single group, its pictures are divided in
    import order. If all pictures are pinned to training or test, validation is drawn from training.

    Args:
        pictures: Ordered by id, so that consecutively imported pictures are adjacent.
        validation_fraction: Target fraction of each class for validation.
        seed: Random seed; the same seed gives the same split. Test pictures do not influence it.

    Raises:
        NotReady: There are too few classes, or too few pictures of a class.
    """
    classes = tuple(sorted({picture.class_name for picture in pictures}))
    if len(classes) < 2:
        raise NotReady(ONE_CLASS.format(name=classes[0]) if classes else NOTHING_LABELLED)
    class_indices = {name: index for index, name in enumerate(classes)}
    labels = np.array([class_indices[picture.class_name] for picture in pictures])
    group = groups([picture.phash for picture in pictures])
    pins = np.array([picture.pin for picture in pictures])
    is_left_out = _similar_to_test(labels, group, pins)
    splits = np.where(pins == TEST, TEST, np.full(len(pins), "", dtype="U10"))
    to_divide = np.flatnonzero((splits == "") & ~is_left_out)
    _require_enough_pictures(classes, labels, to_divide, pins)
    splits[to_divide] = _draw_validation(
        classes,
        SplitInput(labels[to_divide], _renumber_groups(group[to_divide]), pins[to_divide]),
        validation_fraction,
        seed,
    )
    is_pinned = pins != ""
    return SplitDraft(
        classes=classes,
        items=_snapshot_items(pictures, labels, group, splits),
        validation_fraction=validation_fraction,
        seed=seed,
        kept_together=_num_in_groups(group[splits != ""]),
        pinned=int(is_pinned.sum()),
        drawn=int((is_pinned & (pins != splits)).sum()),
        left_out=int(is_left_out.sum()),
    )


def counts(draft: SplitDraft, side: str) -> dict[str, int]:
    """Number of pictures of each class in one split (``train``, ``validation`` or ``test``)."""
    count_by_label = Counter(item.label for item in draft.items if item.split == side)
    return {name: count_by_label[index] for index, name in enumerate(draft.classes)}


def _similar_to_test(labels: np.ndarray, group: np.ndarray, pins: np.ndarray) -> np.ndarray:
    """Which unpinned pictures are near-duplicates of test pictures, except of classes that would be left with too few."""
    group_has_test = np.bincount(group, pins == TEST) > 0
    is_similar = (pins == "") & group_has_test[group]
    remaining_counts = np.bincount(labels, (pins != TEST) & ~is_similar, minlength=int(labels.max()) + 1)
    return np.asarray(is_similar & (remaining_counts >= LEAST)[labels])


def _draw_validation(classes: Sequence[str], part: SplitInput, fraction: float, seed: int) -> np.ndarray:
    """The split, ``train`` or ``validation``, of each picture that is not a test picture.

    Raises:
        NotReady: A class has no training picture.
    """
    if np.all(part.pins == TRAIN):
        part = SplitInput(part.labels, part.group, np.full_like(part.pins, ""))
    held_out = split_groups(part, len(classes), fraction, seed)
    for label, name in enumerate(classes):
        if held_out[part.labels == label].all():
            raise NotReady(NOTHING_TO_LEARN.format(name=name, there="validation"))
    return np.where(held_out, VALIDATION, TRAIN)


def _renumber_groups(group: np.ndarray) -> np.ndarray:
    """Renumber groups from 0 in order of appearance."""
    _, first_members, inverse = np.unique(group, return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first_members))[inverse])


def _num_in_groups(group: np.ndarray) -> int:
    sizes = np.bincount(group)
    return int(sizes[sizes > 1].sum())


def _snapshot_items(
    pictures: Sequence[LabelledImage], labels: np.ndarray, group: np.ndarray, sides: np.ndarray
) -> tuple[SnapshotItem, ...]:
    return tuple(
        SnapshotItem(picture.image_id, picture.sha256, int(label), str(side), int(number))
        for picture, label, number, side in zip(pictures, labels, group, sides, strict=True)
        if side
    )


def _require_enough_pictures(
    classes: Sequence[str], labels: np.ndarray, part: np.ndarray, pins: np.ndarray
) -> None:
    """Raise ``NotReady`` for a class with no picture outside the test, or with a single unpinned one."""
    for label, name in enumerate(classes):
        members = part[labels[part] == label]
        if not len(members):
            raise NotReady(NOTHING_TO_LEARN.format(name=name, there="the test"))
        if len(members) < LEAST and pins[members[0]] == "":
            beside = " beside those of the test" if np.sum(labels == label) > len(members) else ""
            raise NotReady(ONE_PICTURE.format(name=name, beside=beside))
