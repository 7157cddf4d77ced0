"""A linear classification head on embeddings, with calibrated class probabilities."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from workbench.evaluation.grouped_folds import grouped_folds

MAX_TRAINING_PICTURES = 5000
"""Maximum number of training pictures of a head; more improve it little and take long."""
MIN_PER_CLASS = 2
FOLDS = 5
PENALTY = 0.02
_TEMPERATURES = (0.05, 20.0)


@dataclass(frozen=True)
class Head:
    """A fitted head.

    Attributes:
        classes: ``(C,)`` class ids.
        weights: ``(dimensions, C) float32``, including the scaling of the inputs.
        bias: ``(C,) float32``.
        temperature: Divisor of the logits.
    """

    classes: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    temperature: float = 1.0

    def logits(self, vectors: np.ndarray) -> np.ndarray:
        """Logits ``(N, C)`` of embeddings ``(N, dimensions)``, before temperature scaling."""
        return np.asarray(vectors.astype(np.float32) @ self.weights + self.bias)

    def probabilities(self, vectors: np.ndarray) -> np.ndarray:
        """Probabilities ``(N, C)`` of embeddings ``(N, dimensions)``."""
        return softmax(self.logits(vectors) / self.temperature)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Softmax over the rows of ``(N, C)`` logits."""
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


def learnable_mask(classes: np.ndarray) -> np.ndarray:
    """Mask ``(N,) bool`` of labelled pictures whose class has at least ``LEAST_OF_A_CLASS`` of them."""
    _, class_index, counts = np.unique(classes, return_inverse=True, return_counts=True)
    enough = counts >= MIN_PER_CLASS
    return np.asarray(enough[class_index]) if enough.sum() > 1 else np.zeros(len(classes), dtype=bool)


def fit(vectors: np.ndarray, classes: np.ndarray) -> Head:
    """Fit a logistic regression with balanced class weights.

    Args:
        vectors: ``(N, dimensions)`` embeddings.
        classes: ``(N,)`` class ids, of two classes at least.
    """
    from sklearn.linear_model import LogisticRegression

    # One scale for all dimensions: scaling each one separately would amplify dimensions with little variance.
    mean, scale = vectors.mean(axis=0), float(np.sqrt(vectors.var(axis=0).mean())) + 1e-9
    regression = LogisticRegression(C=PENALTY, class_weight="balanced", max_iter=200)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # convergence warnings: a head that stops early is as accurate
        regression.fit((vectors - mean) / scale, classes)
    rows, bias = regression.coef_, regression.intercept_
    if len(rows) == 1:  # for two classes scikit-learn stores one row, for the second
        rows, bias = np.concatenate([-rows, rows]) / 2, np.concatenate([-bias, bias]) / 2
    weights = (rows / scale).T
    return Head(regression.classes_, weights.astype(np.float32), (bias - mean @ weights).astype(np.float32))


def out_of_fold_logits(
    vectors: np.ndarray, classes: np.ndarray, groups: np.ndarray, seed: int = 0
) -> np.ndarray:
    """Logits ``(N, C)`` for each picture from a head trained without it and its near-duplicates.

    Args:
        vectors: ``(N, dimensions)``.
        classes: ``(N,)`` class ids.
        groups: ``(N,)``: near-duplicates have the same number.
        seed: Random seed of the folds.

    Returns:
        Columns are the sorted class ids; a class missing in a fold's training set gets the row's lowest logit.
        All logits are 0 if there are too few pictures or groups for two folds.
    """
    class_ids = np.unique(classes)
    all_logits = np.zeros((len(classes), len(class_ids)))
    largest_class = int(np.unique(classes, return_counts=True)[1].max())
    folds = min(FOLDS, len(np.unique(groups)), largest_class)
    if folds < 2:
        return all_logits
    for rest, fold in grouped_folds(classes, groups, folds, seed):
        training = rest[sample(classes[rest], MAX_TRAINING_PICTURES, seed)]
        if len(np.unique(classes[training])) < 2:
            continue
        head = fit(vectors[training], classes[training])
        logits = head.logits(vectors[fold])
        all_logits[fold] = logits.min(axis=1, keepdims=True)
        all_logits[np.ix_(fold, np.searchsorted(class_ids, head.classes))] = logits
    return all_logits


def temperature(logits: np.ndarray, classes: np.ndarray) -> float:
    """Fit the temperature that minimises the log loss of out-of-fold probabilities (Guo et al., "On Calibration", 2017).

    Args:
        logits: ``(N, C)`` of :func:`out_of_fold_logits`.
        classes: ``(N,)`` class ids.
    """
    from scipy.optimize import minimize_scalar

    truth = np.searchsorted(np.unique(classes), classes)

    def loss(log_temperature: float) -> float:
        true_probabilities = softmax(logits / np.exp(log_temperature))[np.arange(len(truth)), truth]
        return float(-np.log(np.maximum(true_probabilities, 1e-12)).mean())

    low, high = np.log(_TEMPERATURES)
    return float(np.exp(minimize_scalar(loss, bounds=(low, high), method="bounded").x))


def sample(classes: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Sorted indices of a random sample of at most ``most`` pictures, in which rare classes are over-represented."""
    if len(classes) <= most:
        return np.arange(len(classes))
    _, class_index, counts = np.unique(classes, return_inverse=True, return_counts=True)
    keys = np.random.default_rng(seed).random(len(classes)) ** np.sqrt(counts[class_index])
    return np.sort(np.argsort(-keys)[:most])
