"""How pictures are dealt to training and validation, group by group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from storage.records import TRAIN, VALIDATION


@dataclass(frozen=True)
class SplitInput:
    """Pictures to divide.

    Attributes:
        labels: ``(N,) int64``, positions in the classes.
        group: ``(N,) int64``: near-duplicates have the same number, counted from 0.
        pins: ``(N,)`` of ``train``, ``validation`` and empty: the side that a person chose.
    """

    labels: np.ndarray
    group: np.ndarray
    pins: np.ndarray

    def pinned(self, side: str) -> np.ndarray:
        """Which groups have a picture that a person put on a side, ``(groups,) bool``."""
        return np.asarray(np.bincount(self.group, self.pins == side) > 0)

    def sides(self, held_out: np.ndarray) -> np.ndarray:
        """Which pictures are held out, ``(N,) bool``, where some groups are: a picture that a person put elsewhere is not."""
        return np.asarray(np.where(self.pins == "", held_out[self.group], self.pins == VALIDATION))


def split_groups(part: SplitInput, classes: int, fraction: float, seed: int) -> np.ndarray:
    """Which pictures go to validation, ``(N,) bool``.

    Every class with two pictures that are not fixed by a person is on both sides; see :func:`workbench.catalogue.splits.split`.
    """
    flat = np.bincount(part.group * classes + part.labels, minlength=(int(part.group.max()) + 1) * classes)
    train, validation = part.pinned(TRAIN), part.pinned(VALIDATION)
    whole = _Groups(flat.reshape(-1, classes), validation & ~train, validation | train)
    there = np.bincount(part.labels[part.sides(whole.held_out)], minlength=classes)
    held_out = _choose(whole, fraction * whole.tally.sum(axis=0) - there, seed)
    _cover(held_out, whole)
    pictures = part.sides(held_out)
    for label in range(classes):
        _divide_class(pictures, np.flatnonzero(part.labels == label), part.pins, fraction)
    return pictures


@dataclass(frozen=True)
class _Groups:
    """Near-duplicates as one: ``tally`` is ``(groups, classes)`` pictures, ``held_out`` whether it is in validation.

    ``fixed`` says for which groups that was set by a person.
    """

    tally: np.ndarray
    held_out: np.ndarray
    fixed: np.ndarray


def _choose(whole: _Groups, wanted: np.ndarray, seed: int) -> np.ndarray:
    """Which groups are held out, so that of each class about ``wanted`` pictures are beside those that were fixed."""
    held_out = whole.held_out.copy()
    free = whole.tally[~whole.fixed]
    held_out[~whole.fixed] = _draw(free, np.clip(wanted, 0, free.sum(axis=0)), np.random.default_rng(seed))
    return held_out


def _draw(tally: np.ndarray, wanted: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Draw groups until about ``wanted`` pictures of each class are held out."""
    order = random.permutation(len(tally))
    several = order[tally[order].sum(axis=1) > 1]
    # The largest first, as long as there is room for them.
    several = several[np.argsort(-tally[several].sum(axis=1), kind="stable")]
    share = wanted / np.maximum(1, tally.sum(axis=0))
    held_out = np.zeros(len(tally), dtype=bool)
    held_out[several] = _greedy(tally[several], share * tally[several].sum(axis=0))
    left = wanted - tally[held_out].sum(axis=0)
    for label, room in enumerate(np.rint(left).astype(int)):
        single = order[(tally[order, label] == 1) & (tally[order].sum(axis=1) == 1)]
        held_out[single[: max(0, room)]] = True
    return held_out


def _greedy(tally: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Take each group that brings the shares of the classes nearer to those wanted."""
    totals = np.maximum(1, tally.sum(axis=0))
    missing = wanted / totals
    taken = np.zeros(len(tally), dtype=bool)
    for place, size in enumerate(tally / totals):
        # The square of what is missing would shrink.
        if size @ (2 * missing - size) > 0:
            taken[place] = True
            missing = missing - size
    return taken


def _cover(held_out: np.ndarray, whole: _Groups) -> None:
    """Move one group where a class would be missing on a side, unless another class would then be."""
    for label in range(whole.tally.shape[1]):
        mine = whole.tally[:, label] > 0
        for side in (True, False):
            if np.any(mine & (held_out == side)):
                continue
            there = whole.tally[held_out != side].sum(axis=0)
            spared = np.all((whole.tally == 0) | (whole.tally < there), axis=1)
            movable = np.flatnonzero(mine & ~whole.fixed & spared)
            if len(movable):
                tally = whole.tally[movable]
                # Best one of this class alone; otherwise the smallest.
                held_out[movable[np.lexsort((tally.sum(axis=1), (tally > 0).sum(axis=1)))[0]]] = side


def _divide_class(held_out: np.ndarray, mine: np.ndarray, pins: np.ndarray, fraction: float) -> None:
    """Divide the pictures of a class that would be on one side only, where a person has not fixed them.

    They are cut once, the last ones to validation: of those taken one after the other only the neighbours at the cut are as
    like as any two that were dealt at random.
    """
    free = mine[pins[mine] == ""]
    if len(mine) < 2 or not len(free) or len(np.unique(held_out[mine])) == 2:
        return
    fixed, share = len(mine) - len(free), round(fraction * len(mine))
    if held_out[mine[0]]:
        last = min(max(share - fixed, 0 if fixed else 1), len(free) - 1)
    else:
        last = min(max(share, 1), len(free) if fixed else len(free) - 1)
    held_out[free] = False
    held_out[free[len(free) - last :]] = True
