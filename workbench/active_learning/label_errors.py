"""Label errors by confident learning.

C. Northcutt, L. Jiang, I. Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 70 (2021):
a picture counts for a class where its out-of-fold probability reaches the class's threshold, which is the mean
probability of that class among the pictures that carry it (their equation 2). Off the diagonal of the table that this
gives (the confident joint) lie suspicious labels. To them come those of which another class is the likeliest, and all
are ranked by self-confidence, the out-of-fold probability of the given class (their section 4).

The probabilities are the mean of two that do not know a picture's own label: those of a linear head, and votes of the
nearest pictures. On real photos with planted errors the two together find more than each alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.active_learning import linear_head

NEIGHBOURS = 15
_WARMTH = 0.05
_SEEDS = (0, 1, 2)
_AT_ONCE = 1000


@dataclass(frozen=True)
class LabelIssues:
    """Suspicious pictures, worst first; each array is ``(M,)``.

    Attributes:
        positions: Positions among the pictures given.
        likely: Column of the likely class.
        score: 1 less the probability of the given class.
    """

    positions: np.ndarray
    likely: np.ndarray
    score: np.ndarray


def believed(vectors: np.ndarray, classes: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Probabilities ``(N, C)`` of each picture by what knows neither its label nor those of its near-duplicates.

    Args:
        vectors: ``(N, dimensions)`` of length 1.
        classes: ``(N,)`` class ids; columns are the sorted ones.
        groups: ``(N,)``: near-duplicates have the same number.
    """
    heads = []
    for seed in _SEEDS:
        logits = linear_head.out_of_fold(vectors, classes, groups, seed)
        heads.append(linear_head.softmax(logits / linear_head.temperature(logits, classes)))
    return np.asarray((np.mean(heads, axis=0) + votes(vectors, classes, groups)) / 2)


def votes(vectors: np.ndarray, classes: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Shares ``(N, C)`` of the classes among the nearest pictures of other groups, those of rare classes weighing more."""
    names, column, counts = np.unique(classes, return_inverse=True, return_counts=True)
    found = np.zeros((len(classes), len(names)))
    count = min(NEIGHBOURS, len(classes))
    for start in range(0, len(classes), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        cosines = vectors[part] @ vectors.T
        cosines[groups[part, None] == groups] = -np.inf
        nearest = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        near = np.take_along_axis(cosines, nearest, axis=1)
        weights = np.exp((near - np.maximum(near.max(axis=1, keepdims=True), -1)) / _WARMTH)
        for number in range(len(names)):
            found[part, number] = (weights * (column[nearest] == number)).sum(axis=1)
    found = found / np.sqrt(counts) + 1e-6
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def thresholds(probabilities: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Mean probability ``(C,)`` of each class among the pictures that carry it."""
    own = probabilities[np.arange(len(given)), given]
    carried = np.bincount(given, minlength=probabilities.shape[1])
    return np.asarray(np.bincount(given, own, probabilities.shape[1]) / np.maximum(carried, 1))


def find_label_issues(probabilities: np.ndarray, given: np.ndarray) -> LabelIssues:
    """The suspicious labels, worst first.

    Args:
        probabilities: ``(N, C)`` of :func:`believed`.
        given: ``(N,)`` column of the given class.
    """
    confident = np.where(probabilities >= thresholds(probabilities, given), probabilities, -1)
    counted = confident.argmax(axis=1)
    likely = np.where(
        (confident.max(axis=1) >= 0) & (counted != given), counted, probabilities.argmax(axis=1)
    )
    score = 1 - probabilities[np.arange(len(given)), given]
    positions = np.flatnonzero(likely != given)
    positions = positions[np.argsort(-score[positions], kind="stable")]
    return LabelIssues(positions, likely[positions], score[positions])
