"""The split: stratified, seeded, near-duplicates on one side, and sides that a person chose are kept.

There are three sides. Training learns from ``train`` and chooses by ``validation``; nothing learns from ``test`` or chooses by
it. Only people put pictures there: by hand, or by the folders and tables that they import.
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

LEAST = 2
"""Pictures that a class needs: one to learn from and one to check with."""


def split(pictures: Sequence[LabelledImage], validation_fraction: float, seed: int) -> SplitDraft:
    """Divide labelled pictures into training and validation, and set the test pictures aside.

    A side that a person chose is kept. Of the others those that look like a test picture are on no side: on one of the
    first two they would make the test a test of memory, on the third they would count one scene twice. They come back only where
    a class would have nothing else. A group of near-duplicates follows its pictures whose side was chosen, to training where
    these are on both. What is left makes up for that: of each class as many go to validation as bring it nearest to
    ``validation_fraction``. Where a class is one group, its pictures are divided in the order in which they came. Where
    everything was put into training or the test, the validation part is drawn from training.

    Args:
        pictures: By id, so that those taken one after the other lie side by side.
        validation_fraction: Share of each class that is wanted for validation.
        seed: The same one gives the same split. Test pictures, whatever they show, do not change it.

    Raises:
        NotReady: There are too few classes, or too few pictures of one, to divide.
    """
    classes = tuple(sorted({picture.class_name for picture in pictures}))
    if len(classes) < 2:
        raise NotReady(_too_few_classes(classes))
    numbers = {name: number for number, name in enumerate(classes)}
    labels = np.array([numbers[picture.class_name] for picture in pictures])
    group = groups([picture.phash for picture in pictures])
    pins = np.array([picture.pin for picture in pictures])
    left_out = _left_out(labels, group, pins)
    sides = np.where(pins == TEST, TEST, np.full(len(pins), "", dtype="U10"))
    part = np.flatnonzero((sides == "") & ~left_out)
    _require_two(classes, labels, part, pins)
    sides[part] = _divided(
        classes, SplitInput(labels[part], _renumbered(group[part]), pins[part]), validation_fraction, seed
    )
    chosen = pins != ""
    return SplitDraft(
        classes=classes,
        items=_items(pictures, labels, group, sides),
        validation_fraction=validation_fraction,
        seed=seed,
        kept_together=_kept_together(group[sides != ""]),
        pinned=int(chosen.sum()),
        drawn=int((chosen & (pins != sides)).sum()),
        left_out=int(left_out.sum()),
    )


def counts(draft: SplitDraft, side: str) -> dict[str, int]:
    """Pictures of each class on one side (``train``, ``validation`` or ``test``)."""
    found = Counter(item.label for item in draft.items if item.split == side)
    return {name: found[index] for index, name in enumerate(draft.classes)}


def _left_out(labels: np.ndarray, group: np.ndarray, pins: np.ndarray) -> np.ndarray:
    """Which pictures have no side of their own and look like a test picture; not those of a class that has nothing else."""
    tested = np.bincount(group, pins == TEST) > 0
    out = (pins == "") & tested[group]
    left = np.bincount(labels, (pins != TEST) & ~out, minlength=int(labels.max()) + 1)
    return np.asarray(out & (left >= LEAST)[labels])


def _divided(classes: Sequence[str], part: SplitInput, fraction: float, seed: int) -> np.ndarray:
    """The side of each picture that is no test picture.

    Raises:
        NotReady: A class has nothing to learn from.
    """
    if np.all(part.pins == TRAIN):
        part = SplitInput(part.labels, part.group, np.full_like(part.pins, ""))
    held_out = split_groups(part, len(classes), fraction, seed)
    for label, name in enumerate(classes):
        if held_out[part.labels == label].all():
            raise NotReady(_nothing_to_learn(name, "validation"))
    return np.where(held_out, VALIDATION, TRAIN)


def _renumbered(group: np.ndarray) -> np.ndarray:
    """Groups counted from 0 in order of appearance."""
    _, first, inverse = np.unique(group, return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first))[inverse])


def _kept_together(group: np.ndarray) -> int:
    sizes = np.bincount(group)
    return int(sizes[sizes > 1].sum())


def _items(
    pictures: Sequence[LabelledImage], labels: np.ndarray, group: np.ndarray, sides: np.ndarray
) -> tuple[SnapshotItem, ...]:
    return tuple(
        SnapshotItem(each.image_id, each.sha256, int(label), str(side), int(number))
        for each, label, number, side in zip(pictures, labels, group, sides, strict=True)
        if side
    )


def _require_two(classes: Sequence[str], labels: np.ndarray, part: np.ndarray, pins: np.ndarray) -> None:
    """Refuse a class without a picture to learn from, or with a single one that no person put on a side."""
    for label, name in enumerate(classes):
        mine = part[labels[part] == label]
        if not len(mine):
            raise NotReady(_nothing_to_learn(name, "the test"))
        if len(mine) < LEAST and pins[mine[0]] == "":
            beside = " beside those of the test" if np.sum(labels == label) > len(mine) else ""
            raise NotReady(
                f"Class {name} has only 1 picture{beside}. Each class needs at least 2: one to learn from and one to check with."
            )


def _nothing_to_learn(name: str, there: str) -> str:
    return (
        f"All pictures of class {name} were put into {there}, by hand or by the folders or tables they came with, so there is none "
        "to learn from. Move some to training on the Label tab, or leave them to the automatic split."
    )


def _too_few_classes(classes: Sequence[str]) -> str:
    if not classes:
        return "No picture is labelled yet. Label pictures in at least two classes, then train."
    return f"All labelled pictures are in one class ({classes[0]}). Label some in a second class, then train."
