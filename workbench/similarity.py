"""Near-duplicates by perceptual hash."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from workbench.hamming import components

NEAR = 8
"""Most differing bits of two hashes that count as the same scene."""
MOST = 100
"""Pictures in a group up to which nobody asks whether they are one scene."""
STEP = 2
"""The hashes have as many bits set as not, so any two differ in an even number of them."""


def phash(grey: np.ndarray) -> str:
    """The perceptual hash of a grey picture, ``(H, W) uint8``: 64 bits, as 16 hexadecimal digits.

    The signs, against their median, of the 8 x 8 lowest frequencies of the cosine transform of a 64 x 64 grey
    reduction (C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010). On bottles before
    a white ground it tells scenes apart that the difference hash confuses.
    """
    small = cv2.resize(grey, (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:8, :8].ravel()
    return np.packbits(low > np.sort(low[1:])[31]).tobytes().hex()


def groups(hashes: Sequence[str], near: int = NEAR, most: int = MOST) -> np.ndarray:
    """Group pictures whose hashes differ in at most ``near`` bits, directly or through others.

    Of pictures that are alike by nature, such as digits, that would chain nearly all into one group. So a group of more than
    ``most`` pictures which are no one scene, their hashes not near one another on average, is grouped anew with fewer bits, and
    of those taken one after the other the near ones are joined again up to ``most``. Small groups are left alone: complete
    linkage, which bounds every group, tore bursts apart (true pairs kept of 40 bursts of 30 frames that drift by a pixel a
    frame: 5,667 of 17,400, here 16,981; of the bottle photos' 190: 48, here 52) and 3,000 digits are as well off here (largest
    group 89, with chains 2,580).

    Args:
        hashes: In the order in which the pictures came.
        near: Most differing bits.
        most: Pictures in a group that is not looked at closer.

    Returns:
        ``(N,) int64``: the same number for pictures of one group, counted from 0 in order of appearance.
    """
    if not hashes:
        return np.zeros(0, dtype=np.int64)
    read = np.array([int(each, 16) for each in hashes], dtype=np.uint64)
    values, came, member, counts = np.unique(read, return_index=True, return_inverse=True, return_counts=True)
    labels = components(values, near)
    for crowd in _crowds(values, labels, counts, near, most):
        mine = crowd[np.argsort(came[crowd])]
        pieces = _taken_apart(values[mine], counts[mine], near, most)
        labels[mine] = mine[_joined_in_order(values[mine], counts[mine], pieces, near, most)]
    _, first, inverse = np.unique(labels[member], return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int64)


def _crowds(
    values: np.ndarray, labels: np.ndarray, counts: np.ndarray, near: int, most: int
) -> list[np.ndarray]:
    """Positions of each component that is large and no one scene."""
    order = np.argsort(labels, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
    return [
        each for each in parts if counts[each].sum() > most and _spread(values[each], counts[each]) > near
    ]


def _spread(values: np.ndarray, counts: np.ndarray) -> float:
    """How many bits two pictures of a group differ in on average."""
    bits = np.unpackbits(values.astype(">u8").view(np.uint8).reshape(-1, 8), axis=1)
    share = counts @ bits / counts.sum()
    return float((2 * share * (1 - share)).sum())


def _taken_apart(values: np.ndarray, counts: np.ndarray, near: int, most: int) -> np.ndarray:
    """Components with ever fewer bits until none is a crowd; two of our hashes differ in an even number of them."""
    if near <= STEP:
        return np.arange(len(values))
    labels = components(values, near - STEP)
    for mine in _crowds(values, labels, counts, NEAR, most):
        labels[mine] = mine[_taken_apart(values[mine], counts[mine], near - STEP, most)]
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
