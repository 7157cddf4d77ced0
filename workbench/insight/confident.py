"""Label errors by confident learning.

C. Northcutt, L. Jiang, I. Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 70 (2021):
a picture counts for a class where its out-of-fold probability reaches the class's threshold, which is the mean
probability of that class among the pictures that carry it (their equation 2). Off the diagonal of the table that this
gives (the confident joint) lie the suspicious labels; they are ranked by how much more the likely class is believed
than the given one (the normalised margin of their section 4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Doubts:
    """Suspicious pictures, worst first; each array is ``(M,)``.

    Attributes:
        positions: Positions among the pictures given.
        likely: Column of the likely class.
        score: From 0 to 1; above 0.5 the likely class is believed more than the given one.
    """

    positions: np.ndarray
    likely: np.ndarray
    score: np.ndarray


def thresholds(probabilities: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Mean probability ``(C,)`` of each class among the pictures that carry it."""
    chosen = probabilities[np.arange(len(given)), given]
    sums = np.bincount(given, weights=chosen, minlength=probabilities.shape[1])
    return np.asarray(sums / np.maximum(np.bincount(given, minlength=probabilities.shape[1]), 1))


def ranking(probabilities: np.ndarray, given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How suspicious each label is.

    Args:
        probabilities: ``(N, C)`` out of fold.
        given: ``(N,)`` column of the given class.

    Returns:
        Score from 0 to 1 and column of the likely class, each ``(N,)``.
    """
    rows = np.arange(len(given))
    others = probabilities.copy()
    others[rows, given] = -1
    likely = others.argmax(axis=1)
    return (1 + others[rows, likely] - probabilities[rows, given]) / 2, likely


def doubts(probabilities: np.ndarray, given: np.ndarray) -> Doubts:
    """The labels off the diagonal of the confident joint, worst first."""
    limits = thresholds(probabilities, given)
    reached = np.where(probabilities >= limits, probabilities, -1)
    counted = reached.argmax(axis=1)
    off = (reached.max(axis=1) >= 0) & (counted != given)
    score, _ = ranking(probabilities, given)
    positions = np.flatnonzero(off)
    positions = positions[np.argsort(-score[positions], kind="stable")]
    return Doubts(positions, counted[positions], score[positions])
