"""Successive halving over folds: all candidates are evaluated on one fold, the better half on more. Imports no TensorFlow.

Source: Jamieson and Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization" (2016). The
resource given to the better candidates is not the number of epochs, since a truncated learning rate schedule predicts little
about the complete one, but the number of folds: with few pictures, the variance of the evaluation limits the comparison.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np

from workbench.evaluation.grouped_folds import fewest_groups, grouped_folds
from workbench.evaluation.metrics import confusion, macro_f1
from workbench.training.dataset import Dataset

FOLDS = 5
RUNGS = (1, 2, 4)
MIN_GAIN = 0.005
_SAFETY_FACTOR = 1.2


def inner_folds(dataset: Dataset, seed: int) -> list[Dataset]:
    """Divide the training split into folds; each returned dataset uses one of them as its validation split.

    Near-duplicate groups are never divided, and the validation split of the dataset itself is used in none.

    Returns:
        At most ``FOLDS`` datasets; none if a class has too few groups.
    """
    train_indices = dataset.indices("train")
    labels, groups = dataset.labels[train_indices], dataset.groups[train_indices]
    count = min(FOLDS, fewest_groups(labels, groups, len(dataset.classes)))
    if count < 2:
        return []
    complete = [
        (train_indices[rest], train_indices[fold])
        for rest, fold in grouped_folds(labels, groups, count, seed)
        if _has_all_classes(dataset, labels[rest])
    ]
    return [_fold_dataset(dataset, number, pair) for number, pair in enumerate(complete, 1)]


def _has_all_classes(dataset: Dataset, labels: np.ndarray) -> bool:
    return len(np.unique(labels)) == len(dataset.classes)


def _fold_dataset(dataset: Dataset, number: int, pair: tuple[np.ndarray, np.ndarray]) -> Dataset:
    splits = np.full_like(dataset.splits, "")
    splits[pair[0]], splits[pair[1]] = "train", "validation"
    return replace(dataset, splits=splits, content_hash=f"{dataset.content_hash} fold {number}")


@dataclass(frozen=True)
class FoldPredictions:
    """Predictions of a candidate for a fold.

    Attributes:
        answers: Probabilities ``(n, classes)``.
        seconds: Duration of the trial.
        features: Part of it that was spent on features, which are cached for later trials.
    """

    answers: np.ndarray
    seconds: float
    features: float


@dataclass
class Leaderboard:
    """Results of all candidates so far.

    Attributes:
        truth: Labels of each fold, ``(n,)`` each.
        classes: Number of classes.
        judged: Predictions of each candidate by index, one entry per fold, in order.
        failed: Indices of candidates that could not be trained.
    """

    truth: Sequence[np.ndarray]
    classes: int
    fold_predictions: dict[int, list[FoldPredictions]] = field(default_factory=dict)
    failed: set[int] = field(default_factory=set)

    def folds(self, number: int) -> int:
        """Number of folds that a candidate was evaluated on."""
        return len(self.fold_predictions.get(number, ()))

    def score(self, numbers: Sequence[int], folds: int) -> float:
        """Macro-F1 of one candidate, or of the mean prediction of several, pooled over the first ``folds`` folds."""
        truth = np.concatenate(self.truth[:folds])
        return float(macro_f1(confusion(truth, self._predicted(numbers, folds), self.classes)))

    def accuracy(self, numbers: Sequence[int], folds: int) -> float:
        """Accuracy, pooled likewise."""
        return float((self._predicted(numbers, folds) == np.concatenate(self.truth[:folds])).mean())

    def _predicted(self, numbers: Sequence[int], folds: int) -> np.ndarray:
        probabilities = [
            np.concatenate([fold.answers for fold in self.fold_predictions[number][:folds]])
            for number in numbers
        ]
        return np.asarray(np.mean(probabilities, axis=0).argmax(axis=1))

    def ranked(self, numbers: Sequence[int]) -> list[int]:
        """The evaluated candidates among ``numbers``, best first, compared on the folds that all of them have."""
        evaluated = [number for number in numbers if self.folds(number)]
        common_folds = min(map(self.folds, evaluated), default=0)
        return sorted(evaluated, key=lambda number: -self.score([number], common_folds))

    def seconds(self, number: int, costs: Mapping[int, float]) -> float:
        """Expected seconds of a candidate for another fold: measured on its last fold, else its expected cost times the slowness."""
        if self.folds(number):
            last = self.fold_predictions[number][-1]
            return (last.seconds - last.features) * _SAFETY_FACTOR + last.features / FOLDS
        return costs[number] * self.slowness(costs)

    def slowness(self, costs: Mapping[int, float]) -> float:
        """Ratio of measured to expected duration of first folds; 1 before any was measured."""
        measured = sum(folds[0].seconds for folds in self.fold_predictions.values())
        return (
            measured / sum(costs[number] for number in self.fold_predictions)
            if self.fold_predictions
            else 1.0
        )

    def chosen(self, remaining: Sequence[int]) -> list[int]:
        """The best candidate, or two if the macro-F1 of their mean prediction is better than the best one's by ``GAIN``."""
        ranked = self.ranked(remaining)
        if len(ranked) < 2:
            return ranked
        common_folds = min(map(self.folds, ranked))
        best = self.score(ranked[:1], common_folds)
        pairs = {pair: self.score(pair, common_folds) for pair in combinations(ranked, 2)}
        pair = max(pairs, key=lambda candidate_pair: pairs[candidate_pair])
        return list(pair) if pairs[pair] >= best + MIN_GAIN else ranked[:1]


def better_half(ranked: Sequence[int]) -> list[int]:
    """The first half, rounded up, but at least two candidates if there are two: their mean may be better than either."""
    return list(ranked[: max(2, -(-len(ranked) // 2))])


def makespan_bound(seconds: Sequence[float], workers: int) -> float:
    """Upper bound on the makespan in seconds of list scheduling on ``workers`` parallel workers.

    Source: Graham, "Bounds on Multiprocessing Timing Anomalies" (1969).
    """
    return sum(seconds) / workers + (1 - 1 / workers) * max(seconds, default=0.0)
