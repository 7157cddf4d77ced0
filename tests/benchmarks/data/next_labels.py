"""What to label next, beside random order: two curves with an oracle answering.

Outer folds are grouped and are used for the figures only. Labels are asked for ten at a time, from the list that the
product would show; after each ten the product's own head is fitted on the labels so far and answers for the outer fold.
Everything that could be chosen was chosen on the fruit and on other partitions of the bottles (seeds 0 to 2 for the
embeddings, 100 to 103 for the order), never on those reported here; they are of the same photos, so the figures are still a
little kind.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedGroupKFold

from tests.benchmarks.data.photo_embeddings import Embedded, bottles, fruit
from tests.benchmarks.figures import Row
from workbench.active_learning import linear_head, query_strategy
from workbench.active_learning.fit_suggestions import QUEUE_LENGTH, fit_head

SEEDS = (10, 11, 12, 13)
FOLDS = 4
STEP = 10
SHARES = (0.6, 0.7, 0.8)
GOAL = 0.30


@dataclass(frozen=True)
class Curve:
    """Means over seeds and folds after each step; each array is ``(steps,)``."""

    labels: np.ndarray
    accuracy: np.ndarray
    macro_f1: np.ndarray


def rows(data: Path) -> Iterator[Row]:
    """The rows of the table; the curves go to the error stream."""
    for photos in chain(bottles(data), fruit(data)):
        seeds = SEEDS if photos.photos == "bottles" else SEEDS[:1]
        random, chosen = curve(photos, seeds, by_chance=True), curve(photos, seeds, by_chance=False)
        _show(photos, random, chosen)
        yield _row(photos, random, chosen, "accuracy")
        yield _row(photos, random, chosen, "macro_f1")


def curve(photos: Embedded, seeds: Iterable[int], by_chance: bool) -> Curve:
    """The mean curve of an order of labelling."""
    curves = []
    for seed in seeds:
        folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
        for pool, outer in folds.split(photos.labels, photos.labels, photos.groups):
            curves.append(_simulate(photos, np.random.default_rng(seed).permutation(pool), outer, by_chance))
    steps = min(map(len, curves))
    means = np.mean([curve[:steps] for curve in curves], axis=0)
    return Curve(means[:, 0], means[:, 1], means[:, 2])


def needed(labels: np.ndarray, scores: np.ndarray, wanted: float) -> float:
    """How many labels reach a score first, between two steps by proportion; infinite where it is never reached."""
    reached = np.flatnonzero(scores >= wanted - 1e-12)
    if len(reached) == 0:
        return float("inf")
    first = int(reached[0])
    if first == 0:
        return float(labels[0])
    low, high = scores[first - 1], scores[first]
    return float(labels[first - 1] + (labels[first] - labels[first - 1]) * (wanted - low) / (high - low))


def _simulate(photos: Embedded, pool: np.ndarray, outer: np.ndarray, by_chance: bool) -> np.ndarray:
    """Labels, accuracy and macro-F1 on the outer fold after each step, ``(steps, 3)``."""
    queried, left, fitted = np.zeros(0, dtype=int), pool, None
    steps = []
    while len(left):
        if by_chance:
            queried, left = np.concatenate([queried, left[:STEP]]), left[STEP:]
        else:
            chosen = left[
                query_strategy.select_pictures(_pool(photos, queried, left, fitted), QUEUE_LENGTH)[:STEP]
            ]
            queried, left = np.concatenate([queried, chosen]), np.setdiff1d(left, chosen)
        fitted = _fitted(photos, queried, judged=not by_chance)
        steps.append((len(queried), *_scores(photos, queried, outer, fitted)))
    return np.array(steps)


def _pool(
    photos: Embedded, queried: np.ndarray, left: np.ndarray, fitted: linear_head.Head | None
) -> query_strategy.Pool:
    vectors, seen = photos.vectors[left], photos.vectors[queried]
    if fitted is None:
        return query_strategy.Pool(vectors, seen)
    counts = np.array([np.sum(photos.labels[queried] == class_) for class_ in fitted.classes])
    return query_strategy.Pool(vectors, seen, fitted.probabilities(vectors), counts)


def _fitted(photos: Embedded, queried: np.ndarray, judged: bool) -> linear_head.Head | None:
    learnt = queried[linear_head.learnable_mask(photos.labels[queried])]
    if len(learnt) == 0:
        return None
    vectors, labels = photos.vectors[learnt], photos.labels[learnt]
    return fit_head(vectors, labels, photos.groups[learnt])[0] if judged else linear_head.fit(vectors, labels)


def _scores(
    photos: Embedded, queried: np.ndarray, outer: np.ndarray, fitted: linear_head.Head | None
) -> tuple[float, float]:
    answers = np.full(len(outer), np.bincount(photos.labels[queried]).argmax())
    if fitted is not None:
        answers = fitted.classes[fitted.logits(photos.vectors[outer]).argmax(axis=1)]
    truth = photos.labels[outer]
    return float(np.mean(answers == truth)), float(f1_score(truth, answers, average="macro"))


def _row(photos: Embedded, random: Curve, chosen: Curve, score: str) -> Row:
    """What random order reaches at some shares of the pool, and how many labels each order needs for that first."""
    notes, saved = [], []
    for share in SHARES:
        wanted = float(getattr(random, score)[round(share * len(random.labels)) - 1])
        many = needed(random.labels, getattr(random, score), wanted)
        few = needed(chosen.labels, getattr(chosen, score), wanted)
        saved.append(1 - few / many)
        notes.append(f"{wanted:.3f} with {few:.0f} instead of {many:.0f} ({-100 * saved[-1]:+.0f} %)")
    figure = f"labels for the same {score.replace('_', '-')}, {photos.photos}, {photos.embedding}"
    return Row(figure, "-30 %", "; ".join(notes), float(np.mean(saved)) >= GOAL)


def _show(photos: Embedded, random: Curve, chosen: Curve) -> None:
    print(
        f"\n{photos.photos}, {photos.embedding}: labels, accuracy and macro-F1 random, chosen",
        file=sys.stderr,
    )
    for place in range(len(random.labels)):
        print(
            f"{random.labels[place]:4.0f}  {random.accuracy[place]:.3f} {random.macro_f1[place]:.3f}  "
            f"{chosen.accuracy[place]:.3f} {chosen.macro_f1[place]:.3f}",
            file=sys.stderr,
        )
