"""Perceptual hashes, and grouping of near-duplicates by them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

BANDS = 3
FEW = 2048
"""Up to this many hashes are compared exhaustively, without bands."""
HEAVY = 256
"""Above this many hashes with the same key, they are compared in blocks."""
HEADS = 8
"""Hashes per key that are compared first; mostly this already connects the keys."""
MANY = 50_000
"""Above this many pairs, those that are already connected are filtered out first."""
ROWS = 64
COLUMNS = 8192
MOST_CANDIDATES = 80_000_000
"""Above this many candidate pairs, exhaustive comparison in blocks is faster than bands."""
CHUNK = 2_000_000


def components(values: np.ndarray, near: int) -> np.ndarray:
    """Connected components of the hashes that differ in at most ``near`` bits.

    Multi-index hashing (M. Norouzi, A. Punjani, D. Fleet, "Fast Search in Hamming Space with Multi-Index Hashing", 2012):
    two near hashes differ in at most ``near // 3`` bits in one of three bands, so that only keys within that distance are
    looked up. Bits are assigned to bands by how evenly they are set, so that constant bits are spread over the bands. Keys
    with very many hashes are compared in blocks, without repeating comparisons within a component.

    Args:
        values: ``(N,) uint64``, distinct.
        near: Most differing bits.

    Returns:
        ``(N,) int64``: the component label of each hash, which is the index of the component's first member.
    """
    union_find = _UnionFind(values, near)
    if len(values) <= FEW:
        union_find.sweep(np.arange(len(values)))
    else:
        _join_by_bands(union_find)
    return union_find.labels


class _UnionFind:
    """Component labels of all hashes, updated as near pairs are found."""

    def __init__(self, values: np.ndarray, near: int) -> None:
        self.values = values
        self.near = near
        self.labels = np.arange(len(values))
        self._near_pairs: list[tuple[np.ndarray, np.ndarray]] = []
        self._num_pending = 0

    def join(self, left: np.ndarray, right: np.ndarray) -> None:
        """Join the components of ``left[i]`` and ``right[i]`` for each i."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        pairs = np.stack([self.labels[left], self.labels[right]])
        pairs = pairs[:, pairs[0] != pairs[1]]
        if not pairs.size:
            return
        # Only the labels that occur, found without sorting, since there can be millions of pairs.
        relabelled = np.zeros(len(self.labels), dtype=np.int64)
        relabelled[pairs] = 1
        met_labels = np.flatnonzero(relabelled)
        relabelled[met_labels] = np.arange(len(met_labels))
        rows, columns = relabelled[pairs]
        graph = coo_array(
            (np.ones(len(rows), dtype=bool), (rows, columns)), shape=(len(met_labels), len(met_labels))
        )
        component = connected_components(graph, directed=False)[1]
        first_members = np.unique(component, return_index=True)[1]
        relabelled = np.arange(len(self.labels))
        relabelled[met_labels] = met_labels[first_members][component]
        self.labels = relabelled[self.labels]

    def compare(self, left: np.ndarray, right: np.ndarray) -> None:
        """Collect the pairs that are near; they are joined in batches, or by :meth:`settle`."""
        close = np.flatnonzero(np.bitwise_count(self.values[left] ^ self.values[right]) <= self.near)
        self._near_pairs.append((left[close], right[close]))
        self._num_pending += len(close)
        if self._num_pending > MANY:
            self.settle()

    def settle(self) -> None:
        """Join all collected pairs."""
        if self._num_pending:
            left, right = np.concatenate(self._near_pairs, axis=1)
            self.join(left, right)
        self._near_pairs, self._num_pending = [], 0

    def sweep(self, members: np.ndarray) -> None:
        """Compare all ``members`` exhaustively; those already connected are compared only with those that are not."""
        reached, remaining = members[:0], members
        while len(reached) + len(remaining) > 1:
            num_more = max(0, ROWS - len(reached))
            rows = np.concatenate([reached[:ROWS], remaining[:num_more]])
            reached, remaining = reached[ROWS:], remaining[num_more:]
            row, column = self._find_near(rows, np.concatenate([rows, remaining]))
            self.join(rows[row], np.concatenate([rows, remaining])[column])
            hit = np.zeros(len(rows) + len(remaining), dtype=bool)
            hit[column] = True
            reached, remaining = (
                np.concatenate([reached, remaining[hit[len(rows) :]]]),
                remaining[~hit[len(rows) :]],
            )

    def _find_near(self, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Row and column indices of the near pairs, computed in cache-sized blocks."""
        left, right = self.values[rows, None], self.values[None, columns]
        starts = range(0, len(columns), COLUMNS)
        blocks = [self._near_in_block(left, right[:, start : start + COLUMNS], start) for start in starts]
        row, column = np.concatenate(blocks, axis=1)
        return row, column

    def _near_in_block(self, left: np.ndarray, right: np.ndarray, start: int) -> np.ndarray:
        positions = np.flatnonzero(np.bitwise_count(left ^ right) <= self.near)
        return np.stack([positions // right.shape[1], positions % right.shape[1] + start])


@dataclass(frozen=True)
class _Band:
    """Hashes sorted by their key in one band: ``keys`` are distinct, ``starts`` and ``sizes`` locate each in ``order``."""

    width: int
    order: np.ndarray
    keys: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray


def _join_by_bands(union_find: _UnionFind) -> None:
    bands = _split_into_bands(union_find.values)
    for band in bands:
        for key in np.flatnonzero(band.sizes > HEAVY):
            union_find.sweep(band.order[band.starts[key] :][: band.sizes[key]])
    remaining_pairs = MOST_CANDIDATES
    for band in bands:
        connectivity = _KeyConnectivity(union_find, band)
        for sizes, *keys in _comparison_rounds(band, union_find.near // BANDS):
            has_many_pairs = np.dot(sizes[keys[0]], sizes[keys[1]]) > MANY
            left, right = connectivity.apart(*keys) if has_many_pairs else keys
            remaining_pairs -= int(np.dot(sizes[left], sizes[right]))
            if remaining_pairs < 0:
                union_find.sweep(np.arange(len(union_find.values)))
                return
            for pair in _hash_pairs(band, sizes, left, right):
                union_find.compare(*pair)
    union_find.settle()


class _KeyConnectivity:
    """Tells whether all hashes of two keys are already in one component."""

    def __init__(self, union_find: _UnionFind, band: _Band) -> None:
        self._union_find = union_find
        self._build_band = band
        self._labels_seen: np.ndarray | None = None

    def apart(self, left: np.ndarray, right: np.ndarray) -> list[np.ndarray]:
        """The pairs of keys whose hashes are not all in one component yet."""
        self._union_find.settle()
        if self._labels_seen is not self._union_find.labels:
            self._labels_seen = self._union_find.labels
            labels = self._labels_seen[self._build_band.order]
            self._min_labels = np.minimum.reduceat(labels, self._build_band.starts)
            self._max_labels = np.maximum.reduceat(labels, self._build_band.starts)
        min_labels, max_labels = self._min_labels, self._max_labels
        is_apart = (
            (min_labels[left] != min_labels[right])
            | (min_labels[left] != max_labels[left])
            | (min_labels[right] != max_labels[right])
        )
        return [left[is_apart], right[is_apart]]


def _split_into_bands(values: np.ndarray) -> list[_Band]:
    bits = np.unpackbits(values.astype(">u8").view(np.uint8).reshape(-1, 8), axis=1)
    bits_by_evenness = np.argsort(np.abs(bits.mean(axis=0) - 0.5), kind="stable")
    return [_build_band(bits[:, bits_by_evenness[number::BANDS]]) for number in range(BANDS)]


def _build_band(bits: np.ndarray) -> _Band:
    width = bits.shape[1]
    # Exact, since a key has fewer bits than the significand of a float32.
    key = (bits.astype(np.float32) @ np.exp2(np.arange(width, dtype=np.float32))).astype(np.uint32)
    order = np.argsort(key, kind="stable")
    keys, starts, sizes = np.unique(key[order], return_index=True, return_counts=True)
    return _Band(width, order, keys, starts, sizes)


def _comparison_rounds(band: _Band, radius: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Numbers of hashes to compare per key, and index pairs of near keys; first a few hashes per key, then all."""
    head_sizes = np.minimum(band.sizes, HEADS)
    for left, right in _near_key_pairs(band, radius):
        yield head_sizes, left, right
        is_larger = (band.sizes[left] > HEADS) | (band.sizes[right] > HEADS)
        if is_larger.any():
            yield band.sizes, left[is_larger], right[is_larger]


def _near_key_pairs(band: _Band, radius: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Index pairs of keys within ``radius`` bits, each pair once, grouped by the differing bits; equal keys first."""
    indices_of_repeated = np.flatnonzero((band.sizes > 1) & (band.sizes <= HEAVY))
    yield indices_of_repeated, indices_of_repeated
    is_used = np.zeros(1 << band.width, dtype=bool)
    is_used[band.keys] = True
    keys_without_bit = [
        band.keys[band.keys >> np.uint32(bit) & np.uint32(1) == 0] for bit in range(band.width)
    ]
    for count in range(1, radius + 1):
        for bits in itertools.combinations(range(band.width), count):
            mask = np.uint32(sum(1 << bit for bit in bits))
            lower_keys = keys_without_bit[bits[-1]][is_used[keys_without_bit[bits[-1]] ^ mask]]
            yield np.searchsorted(band.keys, lower_keys), np.searchsorted(band.keys, lower_keys ^ mask)


def _hash_pairs(
    band: _Band, sizes: np.ndarray, left: np.ndarray, right: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """All pairs of the first ``sizes`` hashes of each pair of keys, in chunks of about ``CHUNK`` pairs."""
    counts = sizes[left] * sizes[right]
    cumulative = np.cumsum(counts)
    for indices in np.split(
        np.arange(len(left)), np.searchsorted(cumulative, np.arange(CHUNK, counts.sum(), CHUNK))
    ):
        pair = np.repeat(indices, counts[indices])
        index_in_pair = np.arange(len(pair)) - np.repeat(
            np.cumsum(counts[indices]) - counts[indices], counts[indices]
        )
        right_sizes = sizes[right[pair]]
        yield (
            band.order[band.starts[left[pair]] + index_in_pair // right_sizes],
            band.order[band.starts[right[pair]] + index_in_pair % right_sizes],
        )


NEAR = 8
"""Most differing bits of two hashes of the same scene."""
LEAST_CROWD, MOST = 20, 100
"""Bounds of the group size above which a group is checked for coherence; within them it is 1/20 of all pictures."""
WIDE = 12
"""Most mean pairwise distance in bits within one scene: measured 1 to 11 for bursts, 13 to 26 for chained digits."""


def phash(grey: np.ndarray) -> str:
    """The perceptual hash of a grey picture, ``(H, W) uint8``: 64 bits, as 16 hexadecimal digits.

    The signs, against their median, of the 8 x 8 lowest frequencies of the cosine transform of a 64 x 64 grey
    reduction (C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010). On bottles before
    a white background it distinguishes scenes that the difference hash confuses.
    """
    small = cv2.resize(grey, (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:8, :8].ravel()
    return np.packbits(low > np.sort(low[1:])[31]).tobytes().hex()


def groups(hashes: Sequence[str], near: int = NEAR, most: int | None = None) -> np.ndarray:
    """Group pictures by single linkage of hashes that differ in at most ``near`` bits, and split incoherent groups.

    For homogeneous data sets such as digits, single linkage would chain nearly all pictures into one group. A group of
    more than ``most`` pictures with a mean distance of more than ``WIDE`` bits is therefore regrouped with a smaller
    distance; then near pictures that were imported consecutively are joined again, up to ``most`` per group. Smaller
    groups are kept, since complete linkage, which bounds every group, splits bursts. Measured pairs of one scene that
    stay together: 16,981 of 17,400 for 40 rendered bursts of 30 drifting frames (complete linkage 5,667), and 52 of 190
    for the bottle photos (48). The largest group of 3,000 digits has 212 pictures (19; single linkage 2,580).

    Args:
        hashes: Hexadecimal hashes in import order.
        near: Most differing bits.
        most: Group size up to which groups are not split; by default 1/20 of all pictures, between 20 and 100.

    Returns:
        ``(N,) int64``: the group number of each picture, counted from 0 in order of appearance.
    """
    if not hashes:
        return np.zeros(0, dtype=np.int64)
    most = min(MOST, max(LEAST_CROWD, len(hashes) // 20)) if most is None else most
    parsed = np.array([int(hash_, 16) for hash_ in hashes], dtype=np.uint64)
    values, first_positions, value_indices, counts = np.unique(
        parsed, return_index=True, return_inverse=True, return_counts=True
    )
    labels = components(values, near)
    for large_group in _incoherent_groups(values, labels, counts, most):
        members = large_group[np.argsort(first_positions[large_group])]
        pieces = _split_group(values[members], counts[members], near, most)
        labels[members] = members[_rejoin_consecutive(values[members], counts[members], pieces, near, most)]
    _, first_members, inverse = np.unique(labels[value_indices], return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first_members))[inverse].astype(np.int64)


def _incoherent_groups(
    values: np.ndarray, labels: np.ndarray, counts: np.ndarray, most: int
) -> list[np.ndarray]:
    """Positions of the members of each component that is large and not one scene."""
    large = np.flatnonzero(np.bincount(labels, weights=counts) > most)
    order = np.argsort(labels, kind="stable")
    ends = np.searchsorted(labels[order], [large, large + 1])
    parts = [order[start:end] for start, end in ends.T]
    return [part for part in parts if _mean_distance(values[part], counts[part]) > WIDE]


def _mean_distance(values: np.ndarray, counts: np.ndarray) -> float:
    """The mean distance in bits between two pictures of a group."""
    bits = np.unpackbits(values.astype(">u8").view(np.uint8).reshape(-1, 8), axis=1)
    mean_bits = counts @ bits / counts.sum()
    return float((2 * mean_bits * (1 - mean_bits)).sum())


def _split_group(values: np.ndarray, counts: np.ndarray, near: int, most: int) -> np.ndarray:
    """Regroup with recursively halved distance until no group is large and incoherent."""
    if near < 2:
        return np.arange(len(values))
    labels = components(values, near // 2)
    for members in _incoherent_groups(values, labels, counts, most):
        labels[members] = members[_split_group(values[members], counts[members], near // 2, most)]
    return labels


def _rejoin_consecutive(
    values: np.ndarray, counts: np.ndarray, labels: np.ndarray, near: int, most: int
) -> np.ndarray:
    """Join groups of consecutive near pictures whose total size is at most ``most``."""
    sizes = np.bincount(labels, weights=counts, minlength=len(labels))
    parent = np.arange(len(labels))
    for index in np.flatnonzero(np.bitwise_count(values[1:] ^ values[:-1]) <= near).tolist():
        left, right = _find_root(parent, labels[index]), _find_root(parent, labels[index + 1])
        if left != right and sizes[left] + sizes[right] <= most:
            parent[right] = left
            sizes[left] += sizes[right]
    return np.array([_find_root(parent, label) for label in labels])


def _find_root(parent: np.ndarray, index: int) -> int:
    while parent[index] != index:
        parent[index] = parent[parent[index]]
        index = parent[index]
    return int(index)
