"""Near-duplicates by perceptual hash."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

BITS = 64
NEAR = 8
"""Most differing bits of two hashes that count as the same scene."""


def phash(image: Image.Image) -> str:
    """The perceptual hash of an RGB picture: 64 bits, as 16 hexadecimal digits.

    The signs, against their median, of the 8 x 8 lowest frequencies of the cosine transform of a 64 x 64 grey
    reduction (C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010). On bottles before
    a white ground it tells scenes apart that the difference hash confuses.
    """
    grey = np.asarray(image.convert("L"))
    small = cv2.resize(grey, (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:8, :8].ravel()
    return np.packbits(low > np.median(low[1:])).tobytes().hex()


def groups(hashes: Sequence[str], near: int = NEAR) -> np.ndarray:
    """Group pictures whose hashes differ in at most ``near`` bits, directly or through others.

    By the pigeonhole principle two such hashes agree in at least one of ``near + 1`` bands of bits, so only hashes that
    share a band are compared.

    Returns:
        ``(N,) int64``: the same number for pictures of one group, counted from 0 in order of appearance.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not hashes:
        return np.zeros(0, dtype=np.int64)
    values, member = np.unique(
        np.array([int(each, 16) for each in hashes], dtype=np.uint64), return_inverse=True
    )
    left, right = _near_pairs(values, near)
    size = len(values)
    graph = coo_array((np.ones(len(left), dtype=np.int8), (left, right)), shape=(size, size))
    component = connected_components(graph, directed=False)[1][member]
    _, first, inverse = np.unique(component, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int64)


def _near_pairs(values: np.ndarray, near: int) -> tuple[np.ndarray, np.ndarray]:
    edges = np.linspace(0, BITS, near + 2).astype(int)
    found = []
    for low, high in itertools.pairwise(edges):
        left, right = _band_pairs(values, low, high)
        close = np.bitwise_count(values[left] ^ values[right]) <= near
        found.append(np.stack([left[close], right[close]]))
    pairs = np.concatenate(found, axis=1)
    return pairs[0], pairs[1]


def _band_pairs(values: np.ndarray, low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of hashes whose bits ``low`` to ``high`` are the same."""
    mask = np.uint64((1 << (high - low)) - 1)
    band = (values >> np.uint64(low)) & mask
    order = np.argsort(band, kind="stable")
    ends = np.searchsorted(band[order], band[order], side="right")
    counts = ends - np.arange(len(order)) - 1
    left = np.repeat(np.arange(len(order)), counts)
    right = left + 1 + np.arange(len(left)) - np.repeat(np.cumsum(counts) - counts, counts)
    return order[left], order[right]
