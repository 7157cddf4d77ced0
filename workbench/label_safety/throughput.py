"""Throughput of each augmentation operation on this machine, in pictures per second."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from statistics import median
from time import perf_counter, thread_time

import numpy as np

from workbench.imaging.augmentation import OPERATIONS, Augmentation, augment
from workbench.imaging.decode import SIDE

_ROUNDS = 3
_ROUND_SECONDS = 0.01
"""Minimum duration of a round in seconds; measuring all operations takes about a third of a second."""
_NOISE_PICTURES = 4


@dataclass(frozen=True)
class Throughput:
    """Pictures per second in one thread: of each operation alone, by name, and of all enabled ones together."""

    alone: dict[str, float]
    together: float


class ThroughputMeter:
    """Measures throughput; results are cached by operation and strength."""

    def __init__(self) -> None:
        self._rate = lru_cache(maxsize=256)(_measure)

    def of(self, augmentation: Augmentation) -> Throughput:
        """Throughput of each operation at its strength, and of all enabled ones together."""
        settings = augmentation.settings
        alone = {o.name: self._rate(((o.name, settings[o.name].strength),)) for o in OPERATIONS}
        return Throughput(
            alone, self._rate(tuple((name, settings[name].strength) for name in augmentation.enabled))
        )


def _measure(settings: tuple[tuple[str, float], ...]) -> float:
    operations = {name: {"enabled": True, "strength": strength} for name, strength in settings}
    augmentation = Augmentation.from_dict({**Augmentation.off().to_dict(), **operations})
    noise = np.random.default_rng(0).integers(0, 256, (_NOISE_PICTURES, SIDE, SIDE, 3), np.uint8)
    return median(_measure_once(noise, augmentation) for _ in range(_ROUNDS))


def _measure_once(pictures: np.ndarray, augmentation: Augmentation) -> float:
    # CPU time of this thread, so that the load of the machine does not affect the result.
    deadline, start, count = perf_counter() + _ROUND_SECONDS, thread_time(), 0
    while not count or perf_counter() < deadline:
        for index, picture in enumerate(pictures):
            augment(picture, augmentation, (1, 1 + count, index))
        count += len(pictures)
    return count / (thread_time() - start)
