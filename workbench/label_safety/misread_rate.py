"""Rate at which a model misclassifies the variants of an operation, and whether it is significantly above zero."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import hypot
from typing import Any

import numpy as np

from workbench.evaluation.metrics import wilson_interval
from workbench.imaging.augmentation import BY_NAME, Augmentation, augment
from workbench.serving.service import Prediction

VARIANTS = 3
SEED = 1
Reader = Callable[[np.ndarray], Prediction]


@dataclass(frozen=True)
class Probe:
    """A picture ``(256, 256, 3) uint8`` that the model classifies correctly and with high confidence."""

    image_id: int
    label: str
    pixels: np.ndarray


@dataclass(frozen=True)
class MisreadTally:
    """Misclassification counts for the variants of one operation.

    Attributes:
        operation: Name of the operation.
        strength: Strength of the operation.
        pictures: Number of source pictures, all classified correctly and confidently without augmentation.
        variants: Number of variants of them.
        misread: Number of variants classified as another class.
        true: True class of the most frequent confusion, empty if there is none.
        taken_for: Predicted class of the most frequent confusion.
    """

    operation: str
    strength: float
    pictures: int
    variants: int
    misread: int
    true: str = ""
    taken_for: str = ""

    @property
    def share(self) -> float:
        """Fraction of misclassified variants."""
        return self.misread / self.variants

    @property
    def excess(self) -> tuple[float, float]:
        """95 % interval of the difference between the misclassification rates with and without augmentation; the latter is 0.

        Variants of one picture are correlated, so each picture counts as one trial, whose outcome is the fraction of its
        misclassified variants.
        """
        return difference_interval((self.share * self.pictures, self.pictures), (0, self.pictures))

    @property
    def flagged(self) -> bool:
        """Whether the lower bound of :attr:`excess` is above 0."""
        return self.excess[0] > 0

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return dict(vars(self))


def difference_interval(first: tuple[float, int], second: tuple[float, int]) -> tuple[float, float]:
    """95 % interval of the difference of two proportions, each given as ``(hits, pictures)``; valid for small samples.

    Source: Newcombe, "Interval Estimation for the Difference Between Independent Proportions" (1998), method 10.
    """
    proportions = [hits / pictures for hits, pictures in (first, second)]
    (low, high), (other_low, other_high) = wilson_interval(*first), wilson_interval(*second)
    difference = proportions[0] - proportions[1]
    lower_margin = hypot(proportions[0] - low, other_high - proportions[1])
    upper_margin = hypot(high - proportions[0], proportions[1] - other_low)
    return max(-1.0, difference - lower_margin), min(1.0, difference + upper_margin)


def tally_misreads(
    pictures: Sequence[Probe], operation: str, strength: float, classify: Reader
) -> MisreadTally:
    """Augment pictures by one operation alone and count how many variants a model misclassifies.

    An operation whose strength is a probability, such as mirroring, is applied to each picture with probability 1: how often it is
    applied in training does not affect whether it changes the class.

    Args:
        pictures: Source pictures, at least one.
        operation: A name in :data:`workbench.imaging.augmentation.OPERATIONS`.
        strength: Strength of the operation.
        classify: Classifies a picture ``(256, 256, 3) uint8``.
    """
    by_chance = BY_NAME[operation].unit == "probability"
    augmentation = Augmentation().alone(operation, 1.0 if by_chance else strength)
    variant_numbers = range(1, 2 if by_chance else VARIANTS + 1)
    misread: Counter[tuple[str, str]] = Counter()
    for picture in pictures:
        for number in variant_numbers:
            predicted = classify(
                augment(picture.pixels, augmentation, (SEED, number, picture.image_id))
            ).label
            if predicted != picture.label:
                misread[picture.label, predicted] += 1
    [((true, taken_for), _)] = misread.most_common(1) or [(("", ""), 0)]
    count = len(pictures) * len(variant_numbers)
    return MisreadTally(operation, strength, len(pictures), count, misread.total(), true, taken_for)
