"""Similar pictures: a pass over all embeddings, a chunk at a time."""

from __future__ import annotations

import numpy as np

from storage.learning.embeddings import Embedder
from storage.learning.suggestions import Neighbour
from workbench.stores import Stores

SPARE = 200
"""How many more are kept than asked for, since some may be in the bin."""


def nearest(stores: Stores, embedder: Embedder, image_id: int, count: int) -> list[Neighbour]:
    """The pictures of the catalogue that are nearest by cosine to one that has an embedding, nearest first."""
    wanted = stores.embeddings.vector(embedder.id, image_id)
    if wanted is None:
        return []
    ids, cosines = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
    for some, vectors in stores.embeddings.vectors(embedder):
        ids = np.concatenate([ids, some])
        cosines = np.concatenate([cosines, vectors.astype(np.float32) @ wanted])
        best = np.argsort(-cosines, kind="stable")[: count + SPARE]
        ids, cosines = ids[best], cosines[best]
    there = {each.id for each in stores.catalogue.several(ids.tolist())} - {image_id}
    found = [
        Neighbour(key, min(cosine, 1.0))
        for key, cosine in zip(ids.tolist(), cosines.tolist(), strict=True)
        if key in there
    ]
    return found[:count]
