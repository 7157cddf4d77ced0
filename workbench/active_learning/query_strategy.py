"""What to label next: pictures of which the head is unsure, of rare classes, unlike one another and those labelled.

Before there is a head: the most typical picture of each part of the embedding that has no label yet (after G. Hacohen,
A. Dekel, D. Weinshall, "Active Learning on a Budget: Opposite Strategies Suit High and Low Budgets", 2022). With one:
the margin between the two likeliest classes (T. Scheffer et al., 2001) weighed by distance, one after another, so that
of near-duplicates one is chosen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PARTS = 20
"""Parts without a label that a start looks at, one picture each."""
_SHARPNESS = 2
_NEIGHBOURS = 20


@dataclass(frozen=True)
class Pool:
    """Pictures to choose from.

    Attributes:
        vectors: ``(N, dimensions)`` of length 1.
        seen: ``(M, dimensions)`` of labelled pictures; ``M`` may be 0.
        probabilities: ``(N, C)``; None where there is no head yet.
        counts: ``(C,)`` labelled pictures of each class; None where there is no head yet.
    """

    vectors: np.ndarray
    seen: np.ndarray
    probabilities: np.ndarray | None = None
    counts: np.ndarray | None = None


def candidates(left: np.ndarray, answers: np.ndarray | None, most: int) -> np.ndarray:
    """Of many positions left to label those worth a closer look: half the least sure, half an even part of the rest."""
    if len(left) <= most:
        return left
    if answers is None:
        return np.asarray(left[_even(len(left), most)])
    order = np.argsort(margins(answers[left].astype(np.float32)), kind="stable")
    rest = order[most // 2 :]
    return np.sort(left[np.concatenate([order[: most // 2], rest[_even(len(rest), most - most // 2)]])])


def margins(probabilities: np.ndarray) -> np.ndarray:
    """How far the second most likely class is behind the first, ``(N,)`` from 0 (unsure) to 1."""
    ordered = np.sort(probabilities, axis=1)
    return np.asarray(ordered[:, -1] - ordered[:, -2])


def choose(pool: Pool, count: int) -> list[int]:
    """Positions in the pool, the most useful first."""
    start = _start(pool) if pool.probabilities is None else []
    return _spread(pool, _weights(pool), start[:count], min(count, len(pool.vectors)))


def _weights(pool: Pool) -> np.ndarray:
    """How much would be learnt of each picture, leaving the others aside."""
    if pool.probabilities is None or pool.counts is None:
        return np.ones(len(pool.vectors))
    rarity = pool.probabilities @ (1 / (pool.counts + 1))
    return np.asarray(((1 - margins(pool.probabilities)) * rarity + 1e-9) ** _SHARPNESS)


def _spread(pool: Pool, weights: np.ndarray, chosen: list[int], count: int) -> list[int]:
    """Add the picture with most weight times distance to all that are chosen or seen, until there are ``count``."""
    distance = np.full(len(weights), 2.0)
    for known in (pool.seen, pool.vectors[chosen]):
        if len(known):
            distance = np.minimum(distance, 1 - (pool.vectors @ known.T).max(axis=1))
    open_to = np.ones(len(weights), dtype=bool)
    open_to[chosen] = False
    while len(chosen) < count:
        place = int(np.argmax(np.where(open_to, weights * np.maximum(distance, 1e-9), -1)))
        chosen = [*chosen, place]
        open_to[place] = False
        distance = np.minimum(distance, 1 - pool.vectors @ pool.vectors[place])
    return chosen


def _start(pool: Pool) -> list[int]:
    """The most typical picture of each part without a label, of the largest part first."""
    from sklearn.cluster import KMeans

    everything = np.concatenate([pool.seen, pool.vectors])
    parts = min(len(pool.seen) + PARTS, len(everything))
    member = KMeans(parts, n_init=1, random_state=0).fit_predict(everything)
    labelled, mine = set(member[: len(pool.seen)].tolist()), member[len(pool.seen) :]
    sizes = np.bincount(mine, minlength=parts)
    order = [
        part for part in np.argsort(-sizes, kind="stable").tolist() if sizes[part] and part not in labelled
    ]
    return [_typical(pool.vectors, np.flatnonzero(mine == part)) for part in order[:PARTS]]


def _typical(vectors: np.ndarray, places: np.ndarray) -> int:
    """The picture that is nearest to its nearest ones."""
    cosines = np.sort(vectors[places] @ vectors[places].T, axis=1)
    return int(places[cosines[:, -_NEIGHBOURS:].mean(axis=1).argmax()])


def _even(size: int, count: int) -> np.ndarray:
    return np.linspace(0, size - 1, count).astype(int)
