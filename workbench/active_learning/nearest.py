"""Exact nearest-neighbour search over all embeddings, in chunks."""

from __future__ import annotations

import numpy as np

from storage.learning.embeddings import Embedder
from storage.learning.suggestions import Neighbour
from workbench.stores import Stores

SPARE = 200
"""Number of extra neighbours to keep, since some may be deleted pictures."""


def nearest(stores: Stores, embedder: Embedder, image_id: int, count: int) -> list[Neighbour]:
    """The ``count`` pictures of the catalogue most similar to a picture by cosine, nearest first; empty if it has no embedding."""
    query = stores.embeddings.vector(embedder.id, image_id)
    if query is None:
        return []
    ids, cosines = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
    for chunk_ids, vectors in stores.embeddings.vectors(embedder):
        ids = np.concatenate([ids, chunk_ids])
        cosines = np.concatenate([cosines, vectors.astype(np.float32) @ query])
        best = np.argsort(-cosines, kind="stable")[: count + SPARE]
        ids, cosines = ids[best], cosines[best]
    existing = {image.id for image in stores.catalogue.several(ids.tolist())} - {image_id}
    neighbours = [
        Neighbour(neighbour_id, min(cosine, 1.0))
        for neighbour_id, cosine in zip(ids.tolist(), cosines.tolist(), strict=True)
        if neighbour_id in existing
    ]
    return neighbours[:count]
