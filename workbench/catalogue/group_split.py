"""Divides pictures into training and validation by groups of near-duplicates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from storage.records import TRAIN, VALIDATION


@dataclass(frozen=True)
class SplitInput:
    """Pictures to divide.

    Attributes:
        labels: ``(N,) int64``, class indices.
        group: ``(N,) int64``, group numbers from 0; near-duplicates have the same number.
        pins: ``(N,)`` strings: ``train`` or ``validation`` where a user fixed the split, else empty.
    """

    labels: np.ndarray
    group: np.ndarray
    pins: np.ndarray

    def pinned(self, side: str) -> np.ndarray:
        """Which groups have a picture that a user pinned to a split, ``(groups,) bool``."""
        return np.asarray(np.bincount(self.group, self.pins == side) > 0)

    def sides(self, held_out: np.ndarray) -> np.ndarray:
        """Which pictures are held out, ``(N,) bool``, given the held-out groups; pinned pictures keep their split."""
        return np.asarray(np.where(self.pins == "", held_out[self.group], self.pins == VALIDATION))


def split_groups(part: SplitInput, classes: int, fraction: float, seed: int) -> np.ndarray:
    """Choose the validation pictures, ``(N,) bool``.

    Every class with at least two unpinned pictures is in both splits; see :func:`workbench.catalogue.splits.split`.
    """
    flat_counts = np.bincount(
        part.group * classes + part.labels, minlength=(int(part.group.max()) + 1) * classes
    )
    train, validation = part.pinned(TRAIN), part.pinned(VALIDATION)
    groups = _Groups(flat_counts.reshape(-1, classes), validation & ~train, validation | train)
    pinned_counts = np.bincount(part.labels[part.sides(groups.held_out)], minlength=classes)
    held_out = _choose_groups(groups, fraction * groups.tally.sum(axis=0) - pinned_counts, seed)
    _ensure_class_coverage(held_out, groups)
    picture_held_out = part.sides(held_out)
    for label in range(classes):
        _divide_class(picture_held_out, np.flatnonzero(part.labels == label), part.pins, fraction)
    return picture_held_out


@dataclass(frozen=True)
class _Groups:
    """Groups of near-duplicates.

    Attributes:
        tally: ``(groups, classes)``, number of pictures.
        held_out: ``(groups,) bool``, whether a group is in validation.
        fixed: ``(groups,) bool``, whether a user fixed the split of a group.
    """

    tally: np.ndarray
    held_out: np.ndarray
    fixed: np.ndarray


def _choose_groups(groups: _Groups, target_counts: np.ndarray, seed: int) -> np.ndarray:
    """Choose held-out groups with about ``target_counts`` pictures per class, in addition to the fixed groups."""
    held_out = groups.held_out.copy()
    free = groups.tally[~groups.fixed]
    held_out[~groups.fixed] = _draw_groups(
        free, np.clip(target_counts, 0, free.sum(axis=0)), np.random.default_rng(seed)
    )
    return held_out


def _draw_groups(tally: np.ndarray, target_counts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Randomly draw groups until about ``target_counts`` pictures of each class are held out."""
    order = rng.permutation(len(tally))
    multi_picture_groups = order[tally[order].sum(axis=1) > 1]
    # Largest groups first, as long as they fit.
    multi_picture_groups = multi_picture_groups[
        np.argsort(-tally[multi_picture_groups].sum(axis=1), kind="stable")
    ]
    fractions = target_counts / np.maximum(1, tally.sum(axis=0))
    held_out = np.zeros(len(tally), dtype=bool)
    held_out[multi_picture_groups] = _greedy(
        tally[multi_picture_groups], fractions * tally[multi_picture_groups].sum(axis=0)
    )
    remaining = target_counts - tally[held_out].sum(axis=0)
    for label, num_missing in enumerate(np.rint(remaining).astype(int)):
        single_picture_groups = order[(tally[order, label] == 1) & (tally[order].sum(axis=1) == 1)]
        held_out[single_picture_groups[: max(0, num_missing)]] = True
    return held_out


def _greedy(tally: np.ndarray, target_counts: np.ndarray) -> np.ndarray:
    """Choose each group that reduces the squared error of the class fractions."""
    totals = np.maximum(1, tally.sum(axis=0))
    missing = target_counts / totals
    chosen = np.zeros(len(tally), dtype=bool)
    for index, size in enumerate(tally / totals):
        # Choosing it reduces the squared error.
        if size @ (2 * missing - size) > 0:
            chosen[index] = True
            missing = missing - size
    return chosen


def _ensure_class_coverage(held_out: np.ndarray, groups: _Groups) -> None:
    """Move one group per class that is missing in a split, unless that would remove another class from the other split."""
    for label in range(groups.tally.shape[1]):
        has_class = groups.tally[:, label] > 0
        for side in (True, False):
            if np.any(has_class & (held_out == side)):
                continue
            remaining_counts = groups.tally[held_out != side].sum(axis=0)
            keeps_other_classes = np.all((groups.tally == 0) | (groups.tally < remaining_counts), axis=1)
            movable = np.flatnonzero(has_class & ~groups.fixed & keeps_other_classes)
            if len(movable):
                tally = groups.tally[movable]
                # Prefer a group of this class only, then the smallest group.
                held_out[movable[np.lexsort((tally.sum(axis=1), (tally > 0).sum(axis=1)))[0]]] = side


def _divide_class(held_out: np.ndarray, members: np.ndarray, pins: np.ndarray, fraction: float) -> None:
    """Divide the unpinned pictures of a class that would otherwise be in one split only, in place.

    The pictures are cut once in import order, the last ones to validation, so that of a sequence of similar pictures only
    the neighbours at the cut are in different splits.
    """
    free = members[pins[members] == ""]
    if len(members) < 2 or not len(free) or len(np.unique(held_out[members])) == 2:
        return
    num_pinned, target = len(members) - len(free), round(fraction * len(members))
    if held_out[members[0]]:
        num_validation = min(max(target - num_pinned, 0 if num_pinned else 1), len(free) - 1)
    else:
        num_validation = min(max(target, 1), len(free) if num_pinned else len(free) - 1)
    held_out[free] = False
    held_out[free[len(free) - num_validation :]] = True
