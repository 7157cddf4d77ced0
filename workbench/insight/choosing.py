"""What to label next: pictures of which the head is unsure, unlike one another and unlike those already labelled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Pool:
    """Pictures to choose from.

    Attributes:
        vectors: ``(N, dimensions)`` of length 1.
        seen: ``(M, dimensions)`` of labelled pictures; None where there are none.
        probabilities: ``(N, C)``; None where there is no head yet.
    """

    vectors: np.ndarray
    seen: np.ndarray | None
    probabilities: np.ndarray | None


def candidates(left: np.ndarray, answers: np.ndarray | None, most: int) -> np.ndarray:
    """Of many positions left to label those worth a closer look: half the least sure, half an even part of the rest."""
    if len(left) <= most:
        return left
    if answers is None:
        return np.asarray(left[np.linspace(0, len(left) - 1, most).astype(int)])
    order = np.argsort(margins(answers[left].astype(np.float32)), kind="stable")
    rest = order[most // 2 :]
    spread = rest[np.linspace(0, len(rest) - 1, most - most // 2).astype(int)]
    return np.sort(left[np.concatenate([order[: most // 2], spread])])


def margins(probabilities: np.ndarray) -> np.ndarray:
    """How far the second most likely class is behind the first, ``(N,)`` from 0 (unsure) to 1."""
    ordered = np.sort(probabilities, axis=1)
    return np.asarray(ordered[:, -1] - ordered[:, -2])


def choose(pool: Pool, count: int) -> list[int]:
    """Positions in the pool, the most useful first."""
    weights = np.ones(len(pool.vectors))
    if pool.probabilities is not None:
        weights = (1 - margins(pool.probabilities)) ** 2
    distance = _distances(pool)
    chosen: list[int] = []
    for _ in range(min(count, len(weights))):
        place = int(np.argmax(weights * distance))
        chosen.append(place)
        away = np.maximum(1 - pool.vectors @ pool.vectors[place], 0)
        distance = np.minimum(distance, away)
        distance[place] = -1
    return chosen


def _distances(pool: Pool) -> np.ndarray:
    """Distance ``1 - cosine`` of each picture to the nearest one seen."""
    if pool.seen is None:
        mean = pool.vectors.mean(axis=0)
        return np.asarray(1 + pool.vectors @ mean)  # the most typical first
    return np.asarray(np.maximum(1 - (pool.vectors @ pool.seen.T).max(axis=1), 0))
