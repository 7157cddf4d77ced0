"""Classification metrics with confidence intervals."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

_RESAMPLES = 2000
_Z = 1.959964


def evaluate(true: np.ndarray, probabilities: np.ndarray, classes: tuple[str, ...]) -> dict[str, Any]:
    """Accuracy, precision, recall, F1 and the confusion matrix, with 95 % intervals.

    Args:
        true: True class indices, ``(N,)``.
        probabilities: ``(N, classes)``.
        classes: Names of the classes.

    Returns:
        JSON-serialisable mapping: ``pictures``, ``accuracy``, ``accuracy_interval``, ``macro_f1``, ``macro_f1_interval``,
        ``macro_precision``, ``macro_recall``, ``weighted_f1``, ``weighted_precision``, ``weighted_recall``,
        ``per_class`` (``name``, ``precision``, ``recall``, ``f1``, ``support``) and ``confusion``, whose rows are true
        classes and whose columns are predicted classes. A class without pictures has None for precision, recall and F1, and is
        excluded from the macro averages.
    """
    from sklearn.metrics import precision_recall_fscore_support

    labels, present = list(range(len(classes))), np.unique(true)
    predicted = probabilities.argmax(axis=1)
    counts = confusion(true, predicted, len(classes))
    columns = precision_recall_fscore_support(true, predicted, labels=labels, zero_division=0)
    metrics: dict[str, Any] = {
        "pictures": len(true),
        "accuracy": float((true == predicted).mean()),
        "accuracy_interval": wilson_interval(int((true == predicted).sum()), len(true)),
        "macro_f1_interval": macro_f1_interval(counts),
        "per_class": _per_class(classes, columns),
        "confusion": counts.tolist(),
    }
    for average in ("macro", "weighted"):
        row = precision_recall_fscore_support(
            true, predicted, labels=present, average=average, zero_division=0
        )
        for name, value in zip(("precision", "recall", "f1"), row, strict=False):
            metrics[f"{average}_{name}"] = float(value)
    return metrics


def macro_f1(counts: np.ndarray) -> np.ndarray:
    """Mean F1 over the classes that have pictures, from confusion matrices ``(..., classes, classes)``.

    Several matrices are treated as resamples of the same pictures: a class is included in all of them or in none.
    """
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    support = counts.sum(axis=-1)
    f1 = 2 * hits / np.maximum(support + counts.sum(axis=-2), 1)
    return np.asarray(f1[..., support.reshape(-1, support.shape[-1]).any(axis=0)].mean(axis=-1))


def confusion(true: np.ndarray, answers: np.ndarray, classes: int) -> np.ndarray:
    """Confusion matrix ``(classes, classes)``: rows are true classes, columns are predicted classes."""
    return np.bincount(true * classes + answers, minlength=classes**2).reshape(classes, classes)


def wilson_interval(hits: float, pictures: int) -> tuple[float, float]:
    """95 % Wilson score interval of a proportion.

    Source: Wilson, "Probable Inference, the Law of Succession, and Statistical Inference" (1927).
    """
    share = hits / pictures
    shrink = 1 + _Z**2 / pictures
    centre = (share + _Z**2 / (2 * pictures)) / shrink
    half = _Z * sqrt(share * (1 - share) / pictures + _Z**2 / (4 * pictures**2)) / shrink
    return max(0.0, centre - half), min(1.0, centre + half)


def macro_f1_interval(counts: np.ndarray) -> tuple[float, float]:
    """95 % interval of macro-F1 by the percentile bootstrap (Efron, 1979) over pictures.

    Resampling pictures with replacement is equivalent to drawing their confusion matrix from a multinomial distribution.
    """
    pictures = int(counts.sum())
    draws = np.random.default_rng(0).multinomial(pictures, counts.ravel() / pictures, _RESAMPLES)
    low, high = np.quantile(macro_f1(draws.reshape(-1, *counts.shape)), [0.025, 0.975])
    return float(low), float(high)


def _per_class(classes: tuple[str, ...], columns: Any) -> list[dict[str, Any]]:
    def figures(*values: float) -> dict[str, float | None]:
        return {
            name: float(value) if values[-1] else None
            for name, value in zip(("precision", "recall", "f1"), values, strict=False)
        }

    return [
        {"name": name, **figures(*values), "support": int(values[-1])}
        for name, *values in zip(classes, *columns, strict=True)
    ]
