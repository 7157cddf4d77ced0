"""Near-duplicates by perceptual hash."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

BANDS = 3
FEW = 2048
"""Up to so many hashes are compared without bands."""
HEAVY = 256
"""From so many hashes with the same key on, they are compared in blocks."""
HEADS = 8
"""Of like keys so many hashes are compared first: mostly that joins them, and the others need no look."""
MANY = 50_000
"""Before more pairs than these are compared, it is looked up which are joined already."""
ROWS = 64
COLUMNS = 8192
MOST_CANDIDATES = 80_000_000
"""Beyond so many pairs the bands tell nothing apart, and comparing everything in blocks is faster."""
CHUNK = 2_000_000


def components(values: np.ndarray, near: int) -> np.ndarray:
    """Connected components of the hashes that differ in at most ``near`` bits.

    Multi-index hashing (M. Norouzi, A. Punjani, D. Fleet, "Fast Search in Hamming Space with Multi-Index Hashing", 2012):
    of three bands of bits two near hashes differ in at most ``near // 3`` bits of one, so only keys that near are looked up.
    Bits are dealt to the bands by how evenly they are set, so that bits which all hashes share do no harm. Where very
    many hashes still have like keys, blocks of hashes are compared whole, and what has been reached is not compared again.

    Args:
        values: ``(N,) uint64``, each once.
        near: Most differing bits.

    Returns:
        ``(N,) int64``: one label for each component, the place of its first member.
    """
    joined = _UnionFind(values, near)
    if len(values) <= FEW:
        joined.sweep(np.arange(len(values)))
    else:
        _by_bands(joined)
    return joined.labels


class _UnionFind:
    """Components found so far."""

    def __init__(self, values: np.ndarray, near: int) -> None:
        self.values = values
        self.near = near
        self.labels = np.arange(len(values))
        self._found: list[tuple[np.ndarray, np.ndarray]] = []
        self._waiting = 0

    def join(self, left: np.ndarray, right: np.ndarray) -> None:
        """Join what lies at the same place of both."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        ends = np.stack([self.labels[left], self.labels[right]])
        ends = ends[:, ends[0] != ends[1]]
        if not ends.size:
            return
        # Only the labels that are met, found without sorting: there can be millions of pairs.
        renamed = np.zeros(len(self.labels), dtype=np.int64)
        renamed[ends] = 1
        names = np.flatnonzero(renamed)
        renamed[names] = np.arange(len(names))
        rows, columns = renamed[ends]
        graph = coo_array((np.ones(len(rows), dtype=bool), (rows, columns)), shape=(len(names), len(names)))
        component = connected_components(graph, directed=False)[1]
        first = np.unique(component, return_index=True)[1]
        renamed = np.arange(len(self.labels))
        renamed[names] = names[first][component]
        self.labels = renamed[self.labels]

    def compare(self, left: np.ndarray, right: np.ndarray) -> None:
        """Find the pairs that are near; they are joined when there are many, or by :meth:`settle`."""
        close = np.flatnonzero(np.bitwise_count(self.values[left] ^ self.values[right]) <= self.near)
        self._found.append((left[close], right[close]))
        self._waiting += len(close)
        if self._waiting > MANY:
            self.settle()

    def settle(self) -> None:
        """Join what was found."""
        if self._waiting:
            left, right = np.concatenate(self._found, axis=1)
            self.join(left, right)
        self._found, self._waiting = [], 0

    def sweep(self, members: np.ndarray) -> None:
        """Compare all of ``members``; those that were reached are compared only with those that were not."""
        reached, rest = members[:0], members
        while len(reached) + len(rest) > 1:
            more = max(0, ROWS - len(reached))
            rows = np.concatenate([reached[:ROWS], rest[:more]])
            reached, rest = reached[ROWS:], rest[more:]
            row, column = self._near(rows, np.concatenate([rows, rest]))
            self.join(rows[row], np.concatenate([rows, rest])[column])
            hit = np.zeros(len(rows) + len(rest), dtype=bool)
            hit[column] = True
            reached, rest = np.concatenate([reached, rest[hit[len(rows) :]]]), rest[~hit[len(rows) :]]

    def _near(self, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places of the near pairs, found in blocks that fit the cache."""
        left, right = self.values[rows, None], self.values[None, columns]
        starts = range(0, len(columns), COLUMNS)
        blocks = [self._block(left, right[:, start : start + COLUMNS], start) for start in starts]
        row, column = np.concatenate(blocks, axis=1)
        return row, column

    def _block(self, left: np.ndarray, right: np.ndarray, start: int) -> np.ndarray:
        places = np.flatnonzero(np.bitwise_count(left ^ right) <= self.near)
        return np.stack([places // right.shape[1], places % right.shape[1] + start])


@dataclass(frozen=True)
class _Band:
    """Hashes sorted by their key in one band: ``keys`` are the distinct ones, ``starts`` where each begins in ``order``."""

    width: int
    order: np.ndarray
    keys: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray


def _by_bands(joined: _UnionFind) -> None:
    bands = _bands(joined.values)
    for band in bands:
        for key in np.flatnonzero(band.sizes > HEAVY):
            joined.sweep(band.order[band.starts[key] :][: band.sizes[key]])
    left_to_try = MOST_CANDIDATES
    for band in bands:
        spread = _Spread(joined, band)
        for sizes, *keys in _rounds(band, joined.near // BANDS):
            many = np.dot(sizes[keys[0]], sizes[keys[1]]) > MANY
            left, right = spread.apart(*keys) if many else keys
            left_to_try -= int(np.dot(sizes[left], sizes[right]))
            if left_to_try < 0:
                joined.sweep(np.arange(len(joined.values)))
                return
            for pair in _members(band, sizes, left, right):
                joined.compare(*pair)
    joined.settle()


class _Spread:
    """Whether the hashes of two keys are all joined already."""

    def __init__(self, joined: _UnionFind, band: _Band) -> None:
        self._joined = joined
        self._band = band
        self._seen: np.ndarray | None = None

    def apart(self, left: np.ndarray, right: np.ndarray) -> list[np.ndarray]:
        """The pairs of keys that are not."""
        self._joined.settle()
        if self._seen is not self._joined.labels:
            self._seen = self._joined.labels
            labels = self._seen[self._band.order]
            self._low = np.minimum.reduceat(labels, self._band.starts)
            self._high = np.maximum.reduceat(labels, self._band.starts)
        low, high = self._low, self._high
        pair = (low[left] != low[right]) | (low[left] != high[left]) | (low[right] != high[right])
        return [left[pair], right[pair]]


def _bands(values: np.ndarray) -> list[_Band]:
    bits = np.unpackbits(values.astype(">u8").view(np.uint8).reshape(-1, 8), axis=1)
    evenly = np.argsort(np.abs(bits.mean(axis=0) - 0.5), kind="stable")
    return [_band(bits[:, evenly[number::BANDS]]) for number in range(BANDS)]


def _band(bits: np.ndarray) -> _Band:
    width = bits.shape[1]
    # Exact: a key has fewer bits than the fraction of a float.
    key = (bits.astype(np.float32) @ np.exp2(np.arange(width, dtype=np.float32))).astype(np.uint32)
    order = np.argsort(key, kind="stable")
    keys, starts, sizes = np.unique(key[order], return_index=True, return_counts=True)
    return _Band(width, order, keys, starts, sizes)


def _rounds(band: _Band, radius: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """How many hashes of each key to compare, and places of near keys: at first few hashes, then all."""
    few = np.minimum(band.sizes, HEADS)
    for left, right in _near_keys(band, radius):
        yield few, left, right
        more = (band.sizes[left] > HEADS) | (band.sizes[right] > HEADS)
        if more.any():
            yield band.sizes, left[more], right[more]


def _near_keys(band: _Band, radius: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Places of keys that differ in the same bits, each pair once; first the equal ones."""
    several = np.flatnonzero((band.sizes > 1) & (band.sizes <= HEAVY))
    yield several, several
    taken = np.zeros(1 << band.width, dtype=bool)
    taken[band.keys] = True
    without = [band.keys[band.keys >> np.uint32(bit) & np.uint32(1) == 0] for bit in range(band.width)]
    for count in range(1, radius + 1):
        for bits in itertools.combinations(range(band.width), count):
            mask = np.uint32(sum(1 << bit for bit in bits))
            found = without[bits[-1]][taken[without[bits[-1]] ^ mask]]
            yield np.searchsorted(band.keys, found), np.searchsorted(band.keys, found ^ mask)


def _members(
    band: _Band, sizes: np.ndarray, left: np.ndarray, right: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Every pair of the first ``sizes`` hashes of each pair of keys, in chunks."""
    counts = sizes[left] * sizes[right]
    ends = np.cumsum(counts)
    for part in np.split(np.arange(len(left)), np.searchsorted(ends, np.arange(CHUNK, counts.sum(), CHUNK))):
        number = np.repeat(part, counts[part])
        within = np.arange(len(number)) - np.repeat(np.cumsum(counts[part]) - counts[part], counts[part])
        across = sizes[right[number]]
        yield (
            band.order[band.starts[left[number]] + within // across],
            band.order[band.starts[right[number]] + within % across],
        )


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
    read = np.array([int(hash_, 16) for hash_ in hashes], dtype=np.uint64)
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
    return [part for part in parts if _spread(values[part], counts[part]) > WIDE]


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
    return np.array([_root(parent, piece) for piece in pieces])


def _root(parent: np.ndarray, place: int) -> int:
    while parent[place] != place:
        parent[place] = parent[parent[place]]
        place = parent[place]
    return int(place)
