"""Query strategy: which pictures to label next, by uncertainty, class rarity and diversity.

Without a head: the most typical picture of each cluster of the embedding that has no label yet (after G. Hacohen,
A. Dekel, D. Weinshall, "Active Learning on a Budget: Opposite Strategies Suit High and Low Budgets", 2022). With
a head: margin sampling (T. Scheffer et al., 2001) weighted by the distance to labelled and already selected pictures, greedily,
so that only one of several near-duplicates is selected.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PARTS = 20
"""Number of unlabelled clusters from which one picture each is selected while there is no head."""
_WEIGHT_EXPONENT = 2
_NEIGHBOURS = 20


@dataclass(frozen=True)
class Pool:
    """Unlabelled pictures to select from.

    Attributes:
        vectors: Unit vectors ``(N, dimensions)``.
        seen: Unit vectors ``(M, dimensions)`` of labelled pictures; ``M`` may be 0.
        probabilities: ``(N, C)``; None if there is no head yet.
        counts: Number of labelled pictures of each class, ``(C,)``; None if there is no head yet.
    """

    vectors: np.ndarray
    seen: np.ndarray
    probabilities: np.ndarray | None = None
    counts: np.ndarray | None = None


def preselect(unlabelled: np.ndarray, probabilities: np.ndarray | None, most: int) -> np.ndarray:
    """Preselect at most ``most`` of the unlabelled positions: half by smallest margin, half evenly spaced among the rest.

    Args:
        unlabelled: Indices into ``probabilities``, ``(U,) int``.
        probabilities: ``(N, C)`` of all pictures; None if there is no head yet.
        most: Maximum number of positions.
    """
    if len(unlabelled) <= most:
        return unlabelled
    if probabilities is None:
        return np.asarray(unlabelled[_evenly_spaced(len(unlabelled), most)])
    order = np.argsort(margins(probabilities[unlabelled].astype(np.float32)), kind="stable")
    rest = order[most // 2 :]
    return np.sort(
        unlabelled[np.concatenate([order[: most // 2], rest[_evenly_spaced(len(rest), most - most // 2)]])]
    )


def margins(probabilities: np.ndarray) -> np.ndarray:
    """Difference between the two highest class probabilities, ``(N,)``; 0 is least certain."""
    ordered = np.sort(probabilities, axis=1)
    return np.asarray(ordered[:, -1] - ordered[:, -2])


def select_pictures(pool: Pool, count: int) -> list[int]:
    """Select up to ``count`` indices of the pool, the most useful first."""
    initial = _select_without_head(pool) if pool.probabilities is None else []
    return _select_diverse(pool, _weights(pool), initial[:count], min(count, len(pool.vectors)))


def _weights(pool: Pool) -> np.ndarray:
    """Usefulness of each picture on its own, ``(N,)``: uncertainty times class rarity."""
    if pool.probabilities is None or pool.counts is None:
        return np.ones(len(pool.vectors))
    rarity = pool.probabilities @ (1 / (pool.counts + 1))
    return np.asarray(((1 - margins(pool.probabilities)) * rarity + 1e-9) ** _WEIGHT_EXPONENT)


def _select_diverse(pool: Pool, weights: np.ndarray, chosen: list[int], count: int) -> list[int]:
    """Greedily add the picture with the largest weight times distance to all selected and labelled ones, up to ``count``."""
    distance = np.full(len(weights), 2.0)
    for reference in (pool.seen, pool.vectors[chosen]):
        if len(reference):
            distance = np.minimum(distance, 1 - (pool.vectors @ reference.T).max(axis=1))
    available = np.ones(len(weights), dtype=bool)
    available[chosen] = False
    while len(chosen) < count:
        best = int(np.argmax(np.where(available, weights * np.maximum(distance, 1e-9), -1)))
        chosen = [*chosen, best]
        available[best] = False
        distance = np.minimum(distance, 1 - pool.vectors @ pool.vectors[best])
    return chosen


def _select_without_head(pool: Pool) -> list[int]:
    """The most typical picture of each cluster without a label, the largest cluster first."""
    from sklearn.cluster import KMeans

    all_vectors = np.concatenate([pool.seen, pool.vectors])
    clusters = min(len(pool.seen) + PARTS, len(all_vectors))
    cluster_of = KMeans(clusters, n_init=1, random_state=0).fit_predict(all_vectors)
    labelled_clusters, pool_clusters = (
        set(cluster_of[: len(pool.seen)].tolist()),
        cluster_of[len(pool.seen) :],
    )
    sizes = np.bincount(pool_clusters, minlength=clusters)
    order = [
        cluster
        for cluster in np.argsort(-sizes, kind="stable").tolist()
        if sizes[cluster] and cluster not in labelled_clusters
    ]
    return [
        _most_typical(pool.vectors, np.flatnonzero(pool_clusters == cluster)) for cluster in order[:PARTS]
    ]


def _most_typical(vectors: np.ndarray, members: np.ndarray) -> int:
    """The member with the highest mean cosine similarity to its nearest neighbours."""
    cosines = np.sort(vectors[members] @ vectors[members].T, axis=1)
    return int(members[cosines[:, -_NEIGHBOURS:].mean(axis=1).argmax()])


def _evenly_spaced(size: int, count: int) -> np.ndarray:
    return np.linspace(0, size - 1, count).astype(int)
