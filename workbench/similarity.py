"""Near-duplicates by perceptual hash."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from workbench.hamming import components

NEAR = 8
"""Most differing bits of two hashes that count as the same scene."""


def phash(grey: np.ndarray) -> str:
    """The perceptual hash of a grey picture, ``(H, W) uint8``: 64 bits, as 16 hexadecimal digits.

    The signs, against their median, of the 8 x 8 lowest frequencies of the cosine transform of a 64 x 64 grey
    reduction (C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010). On bottles before
    a white ground it tells scenes apart that the difference hash confuses.
    """
    small = cv2.resize(grey, (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:8, :8].ravel()
    return np.packbits(low > np.sort(low[1:])[31]).tobytes().hex()


def groups(hashes: Sequence[str], near: int = NEAR) -> np.ndarray:
    """Group pictures whose hashes differ in at most ``near`` bits, directly or through others.

    Returns:
        ``(N,) int64``: the same number for pictures of one group, counted from 0 in order of appearance.
    """
    if not hashes:
        return np.zeros(0, dtype=np.int64)
    read = np.array([int(each, 16) for each in hashes], dtype=np.uint64)
    values, member = np.unique(read, return_inverse=True)
    component = components(values, near)[member]
    _, first, inverse = np.unique(component, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int64)
