"""The split: stratified, seeded, and near-duplicates never on both sides."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from storage.records import SnapshotItem
from storage.snapshots import Draft, Labelled
from workbench.errors import NotReady
from workbench.similarity import groups

FINEST = 20
TRAIN, VALIDATION = "train", "validation"


def split(pictures: Sequence[Labelled], validation_fraction: float, seed: int) -> Draft:
    """Divide labelled pictures into training and validation.

    scikit-learn's ``StratifiedGroupKFold`` with near-duplicates as groups gives ``n`` folds, of which ``k`` are kept for
    validation, where ``k / n`` is the fraction nearest to the one wanted with ``n`` at most 20.

    Raises:
        NotReady: There are too few classes, or too few pictures of one, to divide.
    """
    classes = tuple(sorted({each.class_name for each in pictures}))
    if len(classes) < 2:
        raise NotReady(_too_few_classes(classes))
    labels = np.array([classes.index(each.class_name) for each in pictures])
    group = groups([each.phash for each in pictures])
    _require_two_groups(classes, labels, group)
    held_out = _cover(_folds(labels, group, validation_fraction, seed), labels, group)
    items = tuple(
        SnapshotItem(each.image_id, each.sha256, int(label), VALIDATION if out else TRAIN, int(number))
        for each, label, number, out in zip(pictures, labels, group, held_out, strict=True)
    )
    sizes = Counter(group.tolist())
    together = sum(size for size in sizes.values() if size > 1)
    return Draft(classes, items, validation_fraction, seed, together)


def counts(draft: Draft, side: str) -> dict[str, int]:
    """Pictures of each class on one side (``train`` or ``validation``)."""
    found = Counter(item.label for item in draft.items if item.split == side)
    return {name: found[index] for index, name in enumerate(draft.classes)}


def _folds(labels: np.ndarray, group: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    # Here, not above: scikit-learn takes more than a second to import and only a split needs it.
    from sklearn.model_selection import StratifiedGroupKFold

    finest = max(2, min(int(np.bincount(labels).max()), len(np.unique(group))))
    parts = min(Fraction(fraction).limit_denominator(FINEST).denominator, finest)
    kept = min(max(1, round(fraction * parts)), parts - 1)
    folds = StratifiedGroupKFold(parts, shuffle=True, random_state=seed)
    held_out = np.zeros(len(labels), dtype=bool)
    with warnings.catch_warnings():
        # A class with fewer pictures than folds is no surprise here; _cover() sees to it.
        warnings.simplefilter("ignore", UserWarning)
        tests = [test for _, test in folds.split(labels, labels, group)]
    for place in _even(
        np.array([np.bincount(labels[test], minlength=labels.max() + 1) for test in tests]), kept
    ):
        held_out[tests[place]] = True
    return held_out


def _even(tally: np.ndarray, kept: int) -> list[int]:
    """Which folds to take, so that a class too small for every fold gives about its share as well.

    Args:
        tally: ``(folds, classes)`` pictures.
        kept: How many folds to take, one by one.
    """
    totals = tally.sum(axis=0)
    chosen: list[int] = []
    for taken in range(1, kept + 1):
        held = tally[chosen].sum(axis=0)
        error = np.square((held + tally) / totals - taken / len(tally)).sum(axis=1)
        error[chosen] = np.inf
        chosen.append(int(error.argmin()))
    return chosen


def _cover(held_out: np.ndarray, labels: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Move one group where a class would be missing on a side."""
    for label in np.unique(labels):
        mine = labels == label
        for side in (True, False):
            if not np.any(mine & (held_out == side)):
                sizes = Counter(group[mine].tolist())
                smallest = min(sizes, key=lambda each: (sizes[each], each))
                held_out[group == smallest] = side
    return held_out


def _require_two_groups(classes: Sequence[str], labels: np.ndarray, group: np.ndarray) -> None:
    for index, name in enumerate(classes):
        if len(np.unique(group[labels == index])) < 2:
            count = int(np.sum(labels == index))
            problem = f"Class {name} has only 1 picture."
            if count > 1:
                problem = f"The {count} pictures of class {name} are near-duplicates of one another."
            raise NotReady(
                f"{problem} Each class needs at least 2 different ones: one to learn from and one to check with."
            )


def _too_few_classes(classes: Sequence[str]) -> str:
    if not classes:
        return "No picture is labelled yet. Label pictures in at least two classes, then train."
    return f"All labelled pictures are in one class ({classes[0]}). Label some in a second class, then train."
