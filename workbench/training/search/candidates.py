"""What a search tries. Imports no TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.training.spec import FINE_TUNE, INSTANT, SCRATCH, TrainingSpec

MANY_PICTURES = 1000
MOST_MINUTES = 3.0
_FIXED_SECONDS = 3.0
_SHARE = 8
_CARRIED = (
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
    """One try.

    Attributes:
        name: What the page calls it.
        spec: Its settings.
        cost: Seconds that one fold takes on two cores, roughly; once one was tried, only what it is beside the others' counts.
        features: Seconds that go into features before, where no other try has left them.
    """

    name: str
    spec: TrainingSpec
    cost: float
    features: float = 0.0

    @property
    def kept(self) -> tuple[str, str, int]:
        """What it shares features with others by."""
        return self.spec.recipe, self.spec.depth, self.spec.variants


_Row = tuple[
    str, str, dict[str, Any], float, float
]  # the last are seconds for a thousand pictures: features, learning
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


def candidates(wanted: TrainingSpec, pretrained: bool, pictures: int) -> tuple[Candidate, ...]:
    """The tries of a search, those first that give something good soonest.

    A net from scratch is tried beside pretrained ones only where there are many pictures: with few it has no chance.

    Args:
        wanted: The spec of the search. Its seed, augmentation and class weights, among others, are those of every try.
        pretrained: Whether the weights of ``wanted.architecture`` are there.
        pictures: To train on.
    """
    rows = _PRETRAINED if pretrained else ()
    if not pretrained or pictures >= MANY_PICTURES:
        rows += _FROM_SCRATCH[: 1 if pretrained else None]
    return tuple(_candidate(wanted, row, pictures) for row in rows)


def expected(tried: Sequence[Candidate], judged: Iterable[int]) -> dict[int, float]:
    """Seconds that the first fold of each candidate takes: whoever comes first among those that share features pays for them."""
    there: set[tuple[str, str, int]] = set()
    costs = {}
    for number in judged:
        each = tried[number]
        costs[number] = each.cost + (0 if each.kept in there else each.features)
        there.add(each.kept)
    for number, each in enumerate(tried):
        costs.setdefault(number, each.cost + (0 if each.kept in there else each.features))
    return costs


def _candidate(wanted: TrainingSpec, row: _Row, pictures: int) -> Candidate:
    name, recipe, own, features, cost = row
    values = {key: getattr(wanted, key) for key in _CARRIED} | own
    seconds = _FIXED_SECONDS + cost * pictures / 1000
    if recipe != SCRATCH:
        spec = TrainingSpec.of(recipe, architecture=wanted.architecture, **values)
        return Candidate(name, spec, seconds, features * pictures / 1000)
    minutes = min(MOST_MINUTES, wanted.max_minutes / _SHARE)
    most = _FIXED_SECONDS + 60 * minutes if minutes else math.inf
    return Candidate(name, TrainingSpec.of(recipe, max_minutes=minutes, **values), min(seconds, most))
