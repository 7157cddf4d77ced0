"""How many variants of an operation a model reads as another class, and whether that is clearly too many."""

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
    """A picture ``(256, 256, 3) uint8`` that the model reads surely as the class it has."""

    image_id: int
    label: str
    pixels: np.ndarray


@dataclass(frozen=True)
class MisreadTally:
    """What a model made of the variants of one operation.

    Attributes:
        operation: Its name.
        strength: Its strength.
        pictures: Pictures that were varied, all of them read rightly and surely as they are.
        variants: Variants of them.
        misread: Variants that were read as another class.
        true: The class whose variants were misread most often, empty where none was.
        taken_for: What they were mostly read as.
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
        """Misread variants over all of them."""
        return self.misread / self.variants

    @property
    def excess(self) -> tuple[float, float]:
        """95 % interval of how much larger the misread share is than that of the same pictures unvaried, which is 0.

        Variants of one picture are read alike, so that each picture counts as one trial, whose success is the share of
        its variants.
        """
        return difference_interval((self.share * self.pictures, self.pictures), (0, self.pictures))

    @property
    def flagged(self) -> bool:
        """Whether clearly more variants than unvaried pictures are read as another class."""
        return self.excess[0] > 0

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return dict(vars(self))


def difference_interval(first: tuple[float, int], second: tuple[float, int]) -> tuple[float, float]:
    """95 % interval of the difference of two shares, each given as hits and pictures; sound for small samples.

    Source: Newcombe, "Interval Estimation for the Difference Between Independent Proportions" (1998), method 10.
    """
    shares = [hits / pictures for hits, pictures in (first, second)]
    (low, high), (other_low, other_high) = wilson_interval(*first), wilson_interval(*second)
    difference = shares[0] - shares[1]
    below = hypot(shares[0] - low, other_high - shares[1])
    above = hypot(high - shares[0], shares[1] - other_low)
    return max(-1.0, difference - below), min(1.0, difference + above)


def tally(pictures: Sequence[Probe], operation: str, strength: float, read: Reader) -> MisreadTally:
    """Vary pictures by one operation alone and let a model read them.

    What happens by chance, such as mirroring, happens to each of them: how often it does in training changes no class.

    Args:
        pictures: What to vary, at least one.
        operation: A name in :data:`workbench.imaging.augmentation.OPERATIONS`.
        strength: Its strength.
        read: A model; takes ``(256, 256, 3) uint8``.
    """
    by_chance = BY_NAME[operation].unit == "probability"
    alone = Augmentation().alone(operation, 1.0 if by_chance else strength)
    numbers = range(1, 2 if by_chance else VARIANTS + 1)
    misread: Counter[tuple[str, str]] = Counter()
    for picture in pictures:
        for number in numbers:
            answer = read(augment(picture.pixels, alone, (SEED, number, picture.image_id))).label
            if answer != picture.label:
                misread[picture.label, answer] += 1
    [((true, taken_for), _)] = misread.most_common(1) or [(("", ""), 0)]
    count = len(pictures) * len(numbers)
    return MisreadTally(operation, strength, len(pictures), count, misread.total(), true, taken_for)
