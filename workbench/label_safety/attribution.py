"""Attribution of a changed class to one augmentation operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.imaging.augmentation import Augmentation, Key, augment
from workbench.serving.service import Prediction


@dataclass(frozen=True)
class OperationSuspect:
    """One operation of a variant, applied alone to the same picture with the same random values.

    Attributes:
        operation: Name of the operation.
        pixels: The resulting picture, ``(256, 256, 3) uint8``.
        answer: Prediction for it, None if there is no model.
    """

    operation: str
    pixels: np.ndarray
    answer: Prediction | None = None


def attribution_candidates(
    picture: np.ndarray,
    augmentation: Augmentation,
    key: Key,
    classify: Callable[[np.ndarray], Prediction] | None = None,
) -> list[OperationSuspect]:
    """Apply every enabled operation alone; operations without effect for this random draw are omitted.

    Args:
        picture: ``(256, 256, 3) uint8``.
        augmentation: Augmentation of the variant.
        key: Random key of the variant, as in :func:`workbench.imaging.augmentation.augment`.
        classify: Classifies a picture; None if there is no model.
    """
    variants = {name: augment(picture, augmentation.alone(name), key) for name in augmentation.enabled}
    return [
        OperationSuspect(name, pixels, classify(pixels) if classify else None)
        for name, pixels in variants.items()
        if not np.array_equal(pixels, picture)
    ]


def responsible_operation(candidates: Sequence[OperationSuspect], original: Prediction | None) -> str:
    """The operation that changed the class: the only candidate, or the only one whose picture is classified differently.

    Args:
        candidates: Result of :func:`attribution_candidates`.
        original: Prediction for the unaugmented picture, None if there is no model.

    Returns:
        Name of the operation; empty if it is ambiguous.
    """
    if original is not None:
        changed = [
            candidate
            for candidate in candidates
            if candidate.answer and candidate.answer.label != original.label
        ]
        if len(changed) == 1:
            return changed[0].operation
    return candidates[0].operation if len(candidates) == 1 else ""
