"""Projection of the embeddings to two dimensions."""

from __future__ import annotations

import hashlib

import numpy as np

from storage.learning.embeddings import Embedder
from workbench.stores import Stores

LANDMARKS = 2000
_COMPONENTS = 50
_NEIGHBOURS = 4
_CHUNK = 2000
_PERPLEXITY = 30
_GROWTH = 1.2
"""The projection is computed anew when the number of pictures has grown by more than this factor."""


def fingerprint(image_ids: np.ndarray) -> str:
    """Hash of the picture ids."""
    return hashlib.sha256(image_ids.tobytes()).hexdigest()[:16]


def update_projection(stores: Stores, embedder: Embedder, image_ids: np.ndarray, drawn_for: int) -> int:
    """Update the stored projection: few new pictures are interpolated, after many it is computed anew.

    Args:
        stores: Source of the embeddings and target of the projection.
        embedder: The embedder in use.
        image_ids: ``(N,)`` sorted ids of the pictures that have an embedding.
        drawn_for: Number of pictures when the projection was last computed anew, 0 for never.

    Returns:
        The new value of ``drawn_for``.
    """
    placed_ids, placed_points = stores.suggestions.placed(embedder)
    recompute = drawn_for == 0 or len(placed_ids) == 0 or len(image_ids) > _GROWTH * drawn_for
    if recompute:
        placed_ids = landmarks = _landmarks(image_ids)
        points = project(stores.embeddings.of(embedder, landmarks))
        stores.suggestions.save_projection(embedder, landmarks, points)
    else:
        landmarks = _landmarks(placed_ids)
        points = placed_points[np.searchsorted(placed_ids, landmarks)]
    _place_others(stores, embedder, np.setdiff1d(image_ids, placed_ids), (landmarks, points))
    return len(image_ids) if recompute else drawn_for


def _landmarks(image_ids: np.ndarray) -> np.ndarray:
    """An evenly spaced subset of at most ``LANDMARKS`` ids, in order."""
    if len(image_ids) <= LANDMARKS:
        return image_ids
    return np.asarray(image_ids[np.linspace(0, len(image_ids) - 1, LANDMARKS).astype(int)])


def _place_others(
    stores: Stores, embedder: Embedder, image_ids: np.ndarray, landmark_points: tuple[np.ndarray, np.ndarray]
) -> None:
    landmarks, points = landmark_points
    landmark_vectors = stores.embeddings.of(embedder, landmarks)
    for offset in range(0, len(image_ids), _CHUNK):
        chunk = image_ids[offset : offset + _CHUNK]
        stores.suggestions.save_projection(
            embedder,
            chunk,
            interpolate_points(stores.embeddings.of(embedder, chunk), landmark_vectors, points),
        )


def project(vectors: np.ndarray, seed: int = 0) -> np.ndarray:
    """Project embeddings ``(N, dimensions)`` to points ``(N, 2)``: PCA to 50 components, then t-SNE (van der Maaten, 2008)."""
    if len(vectors) < 4:
        return np.stack([np.arange(len(vectors), dtype=np.float64), np.zeros(len(vectors))], axis=1)
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    components = min(_COMPONENTS, len(vectors) - 1, vectors.shape[1])
    reduced = PCA(components, random_state=seed).fit_transform(vectors)
    perplexity = min(_PERPLEXITY, (len(vectors) - 1) / 3)
    points = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(reduced)
    return np.asarray(points, dtype=np.float64)


def interpolate_points(vectors: np.ndarray, landmarks: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Interpolate points of further pictures: the mean of the points of their nearest landmarks, weighted by similarity.

    Args:
        vectors: Unit vectors ``(N, dimensions)``.
        landmarks: Unit vectors ``(M, dimensions)``, ``M`` at least 1.
        points: Points ``(M, 2)`` of the landmarks.

    Returns:
        ``(N, 2)``.
    """
    cosines = vectors @ landmarks.T
    count = min(_NEIGHBOURS, len(landmarks))
    nearest = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
    weights = 1 / (1.0001 - np.minimum(np.take_along_axis(cosines, nearest, axis=1), 1.0))
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray((weights[..., None] * points[nearest]).sum(axis=1))
