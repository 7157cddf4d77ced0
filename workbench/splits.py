"""The split: stratified, seeded, near-duplicates never on both sides, and sides set by hand are kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from storage.records import SnapshotItem
from storage.snapshots import Draft, Labelled
from workbench.errors import NotReady
from workbench.similarity import groups

TRAIN, VALIDATION = "train", "validation"


def split(pictures: Sequence[Labelled], validation_fraction: float, seed: int) -> Draft:
    """Divide labelled pictures into training and validation.

    Groups of near-duplicates stay together. A group with a picture whose side was set by hand follows it; where pictures
    of one group were set to both sides it goes to training. The others make up for that: of each class as many go to
    validation as bring it nearest to ``validation_fraction``, groups of several and single pictures in like shares.

    Raises:
        NotReady: There are too few classes, or too few pictures of one, to divide.
    """
    classes = tuple(sorted({each.class_name for each in pictures}))
    if len(classes) < 2:
        raise NotReady(_too_few_classes(classes))
    numbers = {name: number for number, name in enumerate(classes)}
    labels = np.array([numbers[each.class_name] for each in pictures])
    group = groups([each.phash for each in pictures])
    _require_two_groups(classes, labels, group)
    pins = np.array([each.pin for each in pictures])
    fixed = _fixed(group, pins)
    whole = _Groups(_tally(group, labels, len(classes)), *fixed)
    held_out = _cover(_choose(whole, validation_fraction, seed), whole, classes)[group]
    sides = np.where(held_out, VALIDATION, TRAIN)
    items = tuple(
        SnapshotItem(each.image_id, each.sha256, int(label), str(side), int(number))
        for each, label, number, side in zip(pictures, labels, group, sides, strict=True)
    )
    sizes = np.bincount(group)
    together = int(sizes[sizes > 1].sum())
    pinned = pins != ""
    return Draft(
        classes,
        items,
        validation_fraction,
        seed,
        together,
        int(pinned.sum()),
        int((pinned & (pins != sides)).sum()),
    )


def counts(draft: Draft, side: str) -> dict[str, int]:
    """Pictures of each class on one side (``train`` or ``validation``)."""
    found = Counter(item.label for item in draft.items if item.split == side)
    return {name: found[index] for index, name in enumerate(draft.classes)}


@dataclass(frozen=True)
class _Groups:
    """Near-duplicates as one: ``tally`` is ``(groups, classes)`` pictures, ``held_out`` whether it is in validation.

    ``fixed`` says for which groups that was set by hand.
    """

    tally: np.ndarray
    held_out: np.ndarray
    fixed: np.ndarray


def _tally(group: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    flat = np.bincount(group * classes + labels, minlength=(int(group.max()) + 1) * classes)
    return flat.reshape(-1, classes)


def _fixed(group: np.ndarray, pins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    train, validation = (np.bincount(group, pins == side) > 0 for side in (TRAIN, VALIDATION))
    return validation & ~train, validation | train


def _choose(whole: _Groups, fraction: float, seed: int) -> np.ndarray:
    """Which groups are held out."""
    held_out = whole.held_out.copy()
    free = whole.tally[~whole.fixed]
    wanted = whole.tally.sum(axis=0) * fraction - whole.tally[held_out].sum(axis=0)
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


def _cover(held_out: np.ndarray, whole: _Groups, classes: Sequence[str]) -> np.ndarray:
    """Move one group where a class would be missing on a side.

    Raises:
        NotReady: All its pictures were set to the other side by hand.
    """
    for label, name in enumerate(classes):
        mine = whole.tally[:, label] > 0
        for side in (True, False):
            if not np.any(mine & (held_out == side)):
                movable = np.flatnonzero(mine & ~whole.fixed)
                if not len(movable):
                    raise NotReady(_all_by_hand(name, side))
                tally = whole.tally[movable]
                # Best one of this class alone, so that no other loses its place.
                held_out[movable[np.lexsort((tally.sum(axis=1), (tally > 0).sum(axis=1)))[0]]] = side
    return held_out


def _all_by_hand(name: str, validation: bool) -> str:
    there, lacking = ("training", "validation") if validation else ("validation", "training")
    return (
        f"All pictures of class {name} were put into {there} by hand. "
        f"Leave some to the automatic split, or put one into {lacking}."
    )


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
