"""Near-duplicates by perceptual hash."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from workbench.hamming import components

NEAR = 8
"""Most differing bits of two hashes that count as the same scene."""
LEAST_CROWD, MOST = 20, 100
"""A twentieth of all pictures, within these bounds, may be in a group before it is asked whether they are one scene."""
WIDE = 12
"""Bits in which pictures of one scene differ at most on average: bursts measured 1 to 11, digits chained to one another 13 to 26."""


def phash(grey: np.ndarray) -> str:
    """The perceptual hash of a grey picture, ``(H, W) uint8``: 64 bits, as 16 hexadecimal digits.

    The signs, against their median, of the 8 x 8 lowest frequencies of the cosine transform of a 64 x 64 grey
    reduction (C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010). On bottles before
    a white ground it tells scenes apart that the difference hash confuses.
    """
    small = cv2.resize(grey, (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:8, :8].ravel()
    return np.packbits(low > np.sort(low[1:])[31]).tobytes().hex()


def groups(hashes: Sequence[str], near: int = NEAR, most: int | None = None) -> np.ndarray:
    """Group pictures whose hashes differ in at most ``near`` bits, directly or through others.

    Of pictures that are alike by nature, such as digits, that would chain nearly all into one group. So a group of more than
    ``most`` pictures that differ by more than ``WIDE`` bits on average, which is no one scene, is grouped anew with fewer bits,
    and of those taken one after the other the near ones are joined again up to ``most``. Small groups are left alone: complete
    linkage, which bounds every group, tears bursts apart. Measured, pairs of one scene that stay together: of 40 rendered bursts
    of 30 frames that drift 16,981 of 17,400 (complete linkage 5,667), of the bottle photos 52 of 190 (48). The largest group of
    3,000 digits has 212 pictures (19; with chains 2,580).

    Args:
        hashes: In the order in which the pictures came.
        near: Most differing bits.
        most: Pictures in a group that is not looked at closer; a twentieth of all, from 20 to 100, where it is not given.

    Returns:
        ``(N,) int64``: the same number for pictures of one group, counted from 0 in order of appearance.
    """
    if not hashes:
        return np.zeros(0, dtype=np.int64)
    most = min(MOST, max(LEAST_CROWD, len(hashes) // 20)) if most is None else most
    read = np.array([int(each, 16) for each in hashes], dtype=np.uint64)
    values, came, member, counts = np.unique(read, return_index=True, return_inverse=True, return_counts=True)
    labels = components(values, near)
    for crowd in _crowds(values, labels, counts, most):
        mine = crowd[np.argsort(came[crowd])]
        pieces = _taken_apart(values[mine], counts[mine], near, most)
        labels[mine] = mine[_joined_in_order(values[mine], counts[mine], pieces, near, most)]
    _, first, inverse = np.unique(labels[member], return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int64)


def _crowds(values: np.ndarray, labels: np.ndarray, counts: np.ndarray, most: int) -> list[np.ndarray]:
    """Positions of each component that is large and no one scene."""
    large = np.flatnonzero(np.bincount(labels, weights=counts) > most)
    order = np.argsort(labels, kind="stable")
    ends = np.searchsorted(labels[order], [large, large + 1])
    parts = [order[start:end] for start, end in ends.T]
    return [each for each in parts if _spread(values[each], counts[each]) > WIDE]


def _spread(values: np.ndarray, counts: np.ndarray) -> float:
    """How many bits two pictures of a group differ in on average."""
    bits = np.unpackbits(values.astype(">u8").view(np.uint8).reshape(-1, 8), axis=1)
    share = counts @ bits / counts.sum()
    return float((2 * share * (1 - share)).sum())


def _taken_apart(values: np.ndarray, counts: np.ndarray, near: int, most: int) -> np.ndarray:
    """Components with ever fewer bits until none is a crowd."""
    if near < 2:
        return np.arange(len(values))
    labels = components(values, near // 2)
    for mine in _crowds(values, labels, counts, most):
        labels[mine] = mine[_taken_apart(values[mine], counts[mine], near // 2, most)]
    return labels


def _joined_in_order(
    values: np.ndarray, counts: np.ndarray, pieces: np.ndarray, near: int, most: int
) -> np.ndarray:
    """Join pieces of pictures that were taken one after the other, where they are near and together at most ``most``."""
    sizes = np.bincount(pieces, weights=counts, minlength=len(pieces))
    parent = np.arange(len(pieces))
    for place in np.flatnonzero(np.bitwise_count(values[1:] ^ values[:-1]) <= near).tolist():
        left, right = _root(parent, pieces[place]), _root(parent, pieces[place + 1])
        if left != right and sizes[left] + sizes[right] <= most:
            parent[right] = left
            sizes[left] += sizes[right]
    return np.array([_root(parent, each) for each in pieces])


def _root(parent: np.ndarray, place: int) -> int:
    while parent[place] != place:
        parent[place] = parent[parent[place]]
        place = parent[place]
    return int(place)
