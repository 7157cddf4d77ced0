"""Successive halving over folds: all candidates are judged on one fold, the better half of them on more. Imports no TensorFlow.

Source: Jamieson and Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization" (2016). What is given
to the better ones here is not more epochs, since a schedule of the learning rate cut short says little of the whole one, but
more pictures to be judged on: with few pictures those are what a comparison lacks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np

from workbench.evaluation.metrics import confusion, macro_f1
from workbench.training.dataset import Dataset

FOLDS = 5
RUNGS = (1, 2, 4)
GAIN = 0.005
_SLACK = 1.2


def inner_folds(dataset: Dataset, seed: int) -> list[Dataset]:
    """The training side divided into folds; in each dataset one of them is the validation split.

    Groups never cross, and the validation split of the dataset itself is on neither side.

    Returns:
        At most ``FOLDS``; none where a class has too few groups for it.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    chosen = dataset.indices("train")
    labels, groups = dataset.labels[chosen], dataset.groups[chosen]
    count = min(FOLDS, *(len(np.unique(groups[labels == label])) for label in range(len(dataset.classes))))
    if count < 2:
        return []
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    pairs = splitter.split(chosen, labels, groups)
    whole = [(chosen[rest], chosen[fold]) for rest, fold in pairs if _all_there(dataset, labels[rest])]
    return [_inner(dataset, number, pair) for number, pair in enumerate(whole, 1)]


def _all_there(dataset: Dataset, labels: np.ndarray) -> bool:
    return len(np.unique(labels)) == len(dataset.classes)


def _inner(dataset: Dataset, number: int, pair: tuple[np.ndarray, np.ndarray]) -> Dataset:
    splits = np.full_like(dataset.splits, "")
    splits[pair[0]], splits[pair[1]] = "train", "validation"
    return replace(dataset, splits=splits, content_hash=f"{dataset.content_hash} fold {number}")


@dataclass(frozen=True)
class FoldAnswers:
    """What a candidate said of a fold: ``answers`` is ``(n, classes)``; ``features`` seconds went into what is kept for later."""

    answers: np.ndarray
    seconds: float
    features: float


@dataclass
class Leaderboard:
    """Where a search stands.

    Attributes:
        truth: Of each fold the labels, ``(n,)`` each.
        classes: Number of classes.
        judged: Of each candidate the folds that it was judged on, in their order.
        failed: Candidates that could not be trained.
    """

    truth: Sequence[np.ndarray]
    classes: int
    judged: dict[int, list[FoldAnswers]] = field(default_factory=dict)
    failed: set[int] = field(default_factory=set)

    def folds(self, number: int) -> int:
        """How many folds a candidate was judged on."""
        return len(self.judged.get(number, ()))

    def score(self, numbers: Sequence[int], folds: int) -> float:
        """Macro-F1 of one candidate, or of the mean of several ones' answers, over the first so many folds taken together."""
        truth = np.concatenate(self.truth[:folds])
        return float(macro_f1(confusion(truth, self._answers(numbers, folds), self.classes)))

    def accuracy(self, numbers: Sequence[int], folds: int) -> float:
        """Share of right answers, likewise."""
        return float((self._answers(numbers, folds) == np.concatenate(self.truth[:folds])).mean())

    def _answers(self, numbers: Sequence[int], folds: int) -> np.ndarray:
        every = [np.concatenate([each.answers for each in self.judged[number][:folds]]) for number in numbers]
        return np.asarray(np.mean(every, axis=0).argmax(axis=1))

    def ranked(self, numbers: Sequence[int]) -> list[int]:
        """Those that were judged, the best first, by the folds that all of them were judged on."""
        there = [number for number in numbers if self.folds(number)]
        common = min(map(self.folds, there), default=0)
        return sorted(there, key=lambda number: -self.score([number], common))

    def seconds(self, number: int, costs: Mapping[int, float]) -> float:
        """Time that a candidate will take for another fold: as the last one, else by its cost beside that of the others."""
        if self.folds(number):
            last = self.judged[number][-1]
            return (last.seconds - last.features) * _SLACK + last.features / FOLDS
        return costs[number] * self.slowness(costs)

    def slowness(self, costs: Mapping[int, float]) -> float:
        """How much longer first folds took than they would at their cost; 1 before there is one."""
        taken = sum(folds[0].seconds for folds in self.judged.values())
        return taken / sum(costs[number] for number in self.judged) if self.judged else 1.0

    def chosen(self, alive: Sequence[int]) -> list[int]:
        """The best of those that are left; two of them where the mean of their answers is better than either's."""
        ranked = self.ranked(alive)
        if len(ranked) < 2:
            return ranked
        common = min(map(self.folds, ranked))
        best = self.score(ranked[:1], common)
        pairs = {pair: self.score(pair, common) for pair in combinations(ranked, 2)}
        pair = max(pairs, key=lambda each: pairs[each])
        return list(pair) if pairs[pair] >= best + GAIN else ranked[:1]


def better_half(ranked: Sequence[int]) -> list[int]:
    """The first half, rounded up, but two where there are two: their mean may be better than either."""
    return list(ranked[: max(2, -(-len(ranked) // 2))])


def makespan_bound(seconds: Sequence[float], hands: int) -> float:
    """At most how long tasks take that are begun one after the other, each by the next free hand.

    Source: Graham, "Bounds on Multiprocessing Timing Anomalies" (1969).
    """
    return sum(seconds) / hands + (1 - 1 / hands) * max(seconds, default=0.0)
