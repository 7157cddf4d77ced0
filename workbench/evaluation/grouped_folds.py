"""Cross-validation folds that keep near-duplicates together."""

from __future__ import annotations

import warnings

import numpy as np


def grouped_folds(
    labels: np.ndarray, groups: np.ndarray, folds: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Divide pictures into stratified folds that no group crosses.

    Args:
        labels: ``(N,)`` classes.
        groups: ``(N,)``: near-duplicates have the same number.
        folds: How many, at least 2 and at most the number of groups. A class with fewer groups than folds is missing from some.
        seed: Of the shuffle.

    Returns:
        For each fold the positions of the other pictures and its own, ``int64``.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a class with fewer pictures than folds
        return list(splitter.split(labels, labels, groups))


def fewest_groups(labels: np.ndarray, groups: np.ndarray, classes: int) -> int:
    """The number of groups of the class that has the fewest; 0 where a class of ``range(classes)`` has no picture."""
    return min(len(np.unique(groups[labels == label])) for label in range(classes))
