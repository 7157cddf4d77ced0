"""The candidates of a search. Imports no TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.training.spec import FINE_TUNE, INSTANT, SCRATCH, TrainingSpec

MANY_PICTURES = 1000
MOST_MINUTES = 3.0
_FIXED_SECONDS = 3.0
_TIME_DIVISOR = 8
_INHERITED = (
    "class_weights",
    "validation_fraction",
    "seed",
    "fit",
    "monitor",
    "augmentation",
    "precision",
)


@dataclass(frozen=True)
class Candidate:
    """One candidate spec.

    Attributes:
        name: Display name.
        spec: Its settings.
        cost: Rough training time of one fold in seconds on two cores; once a trial was measured, only ratios between candidates
            matter.
        features: Time to compute its features in seconds, if no other candidate has cached them.
    """

    name: str
    spec: TrainingSpec
    cost: float
    features: float = 0.0

    @property
    def feature_key(self) -> tuple[str, str, int]:
        """Key of its feature set: candidates with the same key share cached features."""
        return self.spec.recipe, self.spec.depth, self.spec.variants


_Row = tuple[
    str, str, dict[str, Any], float, float
]  # name, recipe, settings, and seconds per thousand pictures for features and for training
_PRETRAINED: tuple[_Row, ...] = (
    ("Instant", INSTANT, {}, 80, 5),
    ("Fine-tuned", FINE_TUNE, {"members": 1}, 150, 110),
    ("Fine-tuned, four nets", FINE_TUNE, {}, 150, 410),
    ("Fine-tuned from the middle", FINE_TUNE, {"depth": "middle", "members": 1}, 130, 210),
    ("Instant, softer answers", INSTANT, {"label_smoothing": 0.1, "dropout": 0.3}, 80, 5),
    ("Instant, without heights", INSTANT, {"head": "average"}, 80, 5),
    ("Fine-tuned, without heights", FINE_TUNE, {"head": "average", "members": 1}, 150, 110),
)
_FROM_SCRATCH: tuple[_Row, ...] = (
    ("From scratch", SCRATCH, {}, 0, 600),
    ("From scratch, softer answers", SCRATCH, {"label_smoothing": 0.1}, 0, 600),
    ("From scratch, slower", SCRATCH, {"learning_rate": 5e-4}, 0, 600),
)


def candidates(search_spec: TrainingSpec, pretrained: bool, pictures: int) -> tuple[Candidate, ...]:
    """The candidates of a search, ordered so that good results come early.

    If pretrained weights are present, a net from scratch is added only for large datasets, since it is inferior on small ones.

    Args:
        search_spec: The spec of the search. Its seed, augmentation and class weights, among others, apply to every candidate.
        pretrained: Whether the weights of ``search_spec.architecture`` are present.
        pictures: Number of training pictures.
    """
    rows = _PRETRAINED if pretrained else ()
    if not pretrained or pictures >= MANY_PICTURES:
        rows += _FROM_SCRATCH[: 1 if pretrained else None]
    return tuple(_candidate(search_spec, row, pictures) for row in rows)


def expected_seconds(tried: Sequence[Candidate], evaluated: Iterable[int]) -> dict[int, float]:
    """Expected seconds of the first fold of each candidate; the first user of a feature set is charged its cost.

    Args:
        tried: All candidates.
        evaluated: Indices of the candidates evaluated so far, in order.
    """
    cached: set[tuple[str, str, int]] = set()
    costs = {}
    for number in evaluated:
        candidate = tried[number]
        costs[number] = candidate.cost + (0 if candidate.feature_key in cached else candidate.features)
        cached.add(candidate.feature_key)
    for number, candidate in enumerate(tried):
        costs.setdefault(
            number, candidate.cost + (0 if candidate.feature_key in cached else candidate.features)
        )
    return costs


def _candidate(search_spec: TrainingSpec, row: _Row, pictures: int) -> Candidate:
    name, recipe, overrides, features, cost = row
    values = {key: getattr(search_spec, key) for key in _INHERITED} | overrides
    seconds = _FIXED_SECONDS + cost * pictures / 1000
    if recipe != SCRATCH:
        spec = TrainingSpec.of(recipe, architecture=search_spec.architecture, **values)
        return Candidate(name, spec, seconds, features * pictures / 1000)
    minutes = min(MOST_MINUTES, search_spec.max_minutes / _TIME_DIVISOR)
    limit = _FIXED_SECONDS + 60 * minutes if minutes else math.inf
    return Candidate(name, TrainingSpec.of(recipe, max_minutes=minutes, **values), min(seconds, limit))
