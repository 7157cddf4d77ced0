"""The map: embeddings in two dimensions."""

from __future__ import annotations

import hashlib

import numpy as np

from storage.learning.embeddings import Embedder
from workbench.stores import Stores

LANDMARKS = 2000
_COMPONENTS = 50
_NEIGHBOURS = 4
_AT_ONCE = 2000
_PERPLEXITY = 30
_GROWTH = 1.2
"""How many times the pictures it was drawn for a map may hold before it is drawn anew."""


def fingerprint(image_ids: np.ndarray) -> str:
    """A text that changes with the pictures."""
    return hashlib.sha256(image_ids.tobytes()).hexdigest()[:16]


def draw(stores: Stores, embedder: Embedder, image_ids: np.ndarray, drawn_for: int) -> int:
    """Bring the map up to date: new pictures are put beside those that they are like, until there are many new ones.

    Args:
        stores: Where embeddings are read and the map is written.
        embedder: What made the embeddings.
        image_ids: ``(N,)`` pictures of the catalogue that have an embedding, in order.
        drawn_for: For how many pictures the map was last drawn anew, 0 for never.

    Returns:
        For how many it is drawn anew now.
    """
    there, places = stores.insight.placed(embedder)
    anew = drawn_for == 0 or len(there) == 0 or len(image_ids) > _GROWTH * drawn_for
    if anew:
        there = landmarks = _some(image_ids)
        points = project(stores.embeddings.of(embedder, landmarks))
        stores.insight.place(embedder, landmarks, points)
    else:
        landmarks = _some(there)
        points = places[np.searchsorted(there, landmarks)]
    _place_others(stores, embedder, np.setdiff1d(image_ids, there), (landmarks, points))
    return len(image_ids) if anew else drawn_for


def _some(image_ids: np.ndarray) -> np.ndarray:
    """An even part of the pictures, in order."""
    if len(image_ids) <= LANDMARKS:
        return image_ids
    return np.asarray(image_ids[np.linspace(0, len(image_ids) - 1, LANDMARKS).astype(int)])


def _place_others(
    stores: Stores, embedder: Embedder, image_ids: np.ndarray, drawn: tuple[np.ndarray, np.ndarray]
) -> None:
    landmarks, points = drawn
    known = stores.embeddings.of(embedder, landmarks)
    for start in range(0, len(image_ids), _AT_ONCE):
        part = image_ids[start : start + _AT_ONCE]
        stores.insight.place(embedder, part, between(stores.embeddings.of(embedder, part), known, points))


def project(vectors: np.ndarray, seed: int = 0) -> np.ndarray:
    """Points ``(N, 2)`` of ``(N, dimensions)`` embeddings: 50 principal components, then t-SNE (van der Maaten, 2008)."""
    if len(vectors) < 4:
        return np.stack([np.arange(len(vectors), dtype=np.float64), np.zeros(len(vectors))], axis=1)
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    parts = min(_COMPONENTS, len(vectors) - 1, vectors.shape[1])
    reduced = PCA(parts, random_state=seed).fit_transform(vectors)
    perplexity = min(_PERPLEXITY, (len(vectors) - 1) / 3)
    points = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(reduced)
    return np.asarray(points, dtype=np.float64)


def between(vectors: np.ndarray, landmarks: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Place other pictures on a map: the mean of their nearest landmarks' points, weighted by similarity.

    Args:
        vectors: ``(N, dimensions)`` of length 1.
        landmarks: ``(M, dimensions)`` of length 1, ``M`` at least 1.
        points: ``(M, 2)`` of the landmarks.

    Returns:
        ``(N, 2)``.
    """
    cosines = vectors @ landmarks.T
    count = min(_NEIGHBOURS, len(landmarks))
    nearest = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
    weights = 1 / (1.0001 - np.minimum(np.take_along_axis(cosines, nearest, axis=1), 1.0))
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray((weights[..., None] * points[nearest]).sum(axis=1))
