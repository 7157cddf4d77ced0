"""Which operation made a variant what it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.imaging.augmentation import Augmentation, Key, augment
from workbench.serving.service import Prediction


@dataclass(frozen=True)
class OperationSuspect:
    """One operation of a variant, done alone to the same picture with the same draws.

    Attributes:
        operation: Its name.
        pixels: ``(256, 256, 3) uint8``.
        answer: What a model reads, None where there is none.
    """

    operation: str
    pixels: np.ndarray
    answer: Prediction | None = None


def attribution_candidates(
    picture: np.ndarray,
    augmentation: Augmentation,
    key: Key,
    read: Callable[[np.ndarray], Prediction] | None = None,
) -> list[OperationSuspect]:
    """Every operation that had a part in a variant, alone; those that the draw left without effect are not named.

    Args:
        picture: ``(256, 256, 3) uint8``.
        augmentation: What made the variant.
        key: Of the variant, as in :func:`workbench.imaging.augmentation.augment`.
        read: A model, where there is one.
    """
    alone = {name: augment(picture, augmentation.alone(name), key) for name in augmentation.enabled}
    return [
        OperationSuspect(name, pixels, read(pixels) if read else None)
        for name, pixels in alone.items()
        if not np.array_equal(pixels, picture)
    ]


def attribute(found: Sequence[OperationSuspect], before: Prediction | None) -> str:
    """The operation that must have changed the class: the only one, or the only one whose picture the model reads as another.

    Args:
        found: What there is to choose from.
        before: What the model reads in the picture as it is, None where there is no model.

    Returns:
        Its name; empty where a person must say.
    """
    if before is not None:
        changed = [each for each in found if each.answer and each.answer.label != before.label]
        if len(changed) == 1:
            return changed[0].operation
    return found[0].operation if len(found) == 1 else ""
