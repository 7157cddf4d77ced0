"""What each operation of augmentation costs on this machine, in pictures a second."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from statistics import median
from time import perf_counter, thread_time

import numpy as np

from workbench.imaging.augmentation import OPERATIONS, Augmentation, augment
from workbench.imaging.decode import SIDE

_ROUNDS = 3
_SECONDS = 0.01
"""Of each round; all operations together take about a third of a second."""
_PICTURES = 4


@dataclass(frozen=True)
class Throughput:
    """Pictures a second in one thread: of each operation alone, by its name, and of all that run together."""

    alone: dict[str, float]
    together: float


class ThroughputMeter:
    """Measures each setting of an operation once."""

    def __init__(self) -> None:
        self._rate = lru_cache(maxsize=256)(_measured)

    def of(self, augmentation: Augmentation) -> Throughput:
        """The cost of each operation at its strength, and of those that run together."""
        settings = augmentation.settings
        alone = {o.name: self._rate(((o.name, settings[o.name].strength),)) for o in OPERATIONS}
        return Throughput(
            alone, self._rate(tuple((name, settings[name].strength) for name in augmentation.enabled))
        )


def _measured(settings: tuple[tuple[str, float], ...]) -> float:
    given = {name: {"enabled": True, "strength": strength} for name, strength in settings}
    augmentation = Augmentation.from_dict({**Augmentation.off().to_dict(), **given})
    noise = np.random.default_rng(0).integers(0, 256, (_PICTURES, SIDE, SIDE, 3), np.uint8)
    return median(_round(noise, augmentation) for _ in range(_ROUNDS))


def _round(pictures: np.ndarray, augmentation: Augmentation) -> float:
    # The time of this thread alone: what else the machine does in this moment is not the operation's cost.
    ends, began, done = perf_counter() + _SECONDS, thread_time(), 0
    while not done or perf_counter() < ends:
        for place, picture in enumerate(pictures):
            augment(picture, augmentation, (1, 1 + done, place))
        done += len(pictures)
    return done / (thread_time() - began)
