"""A linear head on embeddings: class probabilities that mean what they say."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

MOST_LEARNT = 5000
"""Pictures that a head learns from at most; more change little and take long."""
LEAST_OF_A_CLASS = 2
FOLDS = 5
PENALTY = 0.02
_TEMPERATURES = (0.05, 20.0)


@dataclass(frozen=True)
class Head:
    """A fitted head.

    Attributes:
        classes: ``(C,)`` class ids.
        weights: ``(dimensions, C) float32``; the scaling is folded in.
        bias: ``(C,) float32``.
        temperature: What logits are divided by.
    """

    classes: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    temperature: float = 1.0

    def logits(self, vectors: np.ndarray) -> np.ndarray:
        """Logits ``(N, C)`` of embeddings ``(N, dimensions)``, before the temperature."""
        return np.asarray(vectors.astype(np.float32) @ self.weights + self.bias)

    def probabilities(self, vectors: np.ndarray) -> np.ndarray:
        """Probabilities ``(N, C)`` of embeddings ``(N, dimensions)``."""
        return softmax(self.logits(vectors) / self.temperature)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Rows of ``(N, C)`` logits as probabilities."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def learnable(classes: np.ndarray) -> np.ndarray:
    """Which labelled pictures, ``(N,) bool``, are of a class with enough of them to learn from."""
    _, member, counts = np.unique(classes, return_inverse=True, return_counts=True)
    enough = counts >= LEAST_OF_A_CLASS
    return np.asarray(enough[member]) if enough.sum() > 1 else np.zeros(len(classes), dtype=bool)


def fit(vectors: np.ndarray, classes: np.ndarray) -> Head:
    """Fit a logistic regression with balanced class weights.

    Args:
        vectors: ``(N, dimensions)`` embeddings.
        classes: ``(N,)`` class ids, of two classes at least.
    """
    from sklearn.linear_model import LogisticRegression

    # One scale for all dimensions: a scale for each would make the faint ones as loud as those that say something.
    mean, scale = vectors.mean(axis=0), float(np.sqrt(vectors.var(axis=0).mean())) + 1e-9
    machine = LogisticRegression(C=PENALTY, class_weight="balanced", max_iter=200)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a head that stops early is as good
        machine.fit((vectors - mean) / scale, classes)
    rows, bias = machine.coef_, machine.intercept_
    if len(rows) == 1:  # of two classes scikit-learn keeps one row, for the second
        rows, bias = np.concatenate([-rows, rows]) / 2, np.concatenate([-bias, bias]) / 2
    weights = (rows / scale).T
    return Head(machine.classes_, weights.astype(np.float32), (bias - mean @ weights).astype(np.float32))


def out_of_fold(vectors: np.ndarray, classes: np.ndarray, groups: np.ndarray, seed: int = 0) -> np.ndarray:
    """Logits ``(N, C)`` for each picture by a head that saw neither it nor its near-duplicates.

    Args:
        vectors: ``(N, dimensions)``.
        classes: ``(N,)`` class ids.
        groups: ``(N,)``: near-duplicates have the same number.
        seed: Of the folds.

    Returns:
        Columns are the sorted class ids; a class that a fold cannot learn gets its lowest logit.
        All are 0 where nothing is left to learn from.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    names = np.unique(classes)
    found = np.zeros((len(classes), len(names)))
    most = int(np.unique(classes, return_counts=True)[1].max())
    folds = min(FOLDS, len(np.unique(groups)), most)
    if folds < 2:
        return found
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a class with fewer pictures than folds
        parts = list(
            StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(classes, classes, groups)
        )
    for rest, fold in parts:
        learnt = rest[sample(classes[rest], MOST_LEARNT, seed)]
        if len(np.unique(classes[learnt])) < 2:
            continue
        head = fit(vectors[learnt], classes[learnt])
        logits = head.logits(vectors[fold])
        found[fold] = logits.min(axis=1, keepdims=True)
        found[np.ix_(fold, np.searchsorted(names, head.classes))] = logits
    return found


def temperature(logits: np.ndarray, classes: np.ndarray) -> float:
    """The temperature at which out-of-fold probabilities fit best (Guo et al., "On Calibration", 2017).

    Args:
        logits: ``(N, C)`` of :func:`out_of_fold`.
        classes: ``(N,)`` class ids.
    """
    from scipy.optimize import minimize_scalar

    truth = np.searchsorted(np.unique(classes), classes)

    def loss(log_of_it: float) -> float:
        chosen = softmax(logits / np.exp(log_of_it))[np.arange(len(truth)), truth]
        return float(-np.log(np.maximum(chosen, 1e-12)).mean())

    low, high = np.log(_TEMPERATURES)
    return float(np.exp(minimize_scalar(loss, bounds=(low, high), method="bounded").x))


def sample(classes: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Positions of at most ``most`` pictures, sorted; a rare class keeps more of its share."""
    if len(classes) <= most:
        return np.arange(len(classes))
    _, member, counts = np.unique(classes, return_inverse=True, return_counts=True)
    keys = np.random.default_rng(seed).random(len(classes)) ** np.sqrt(counts[member])
    return np.sort(np.argsort(-keys)[:most])
