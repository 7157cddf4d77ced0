"""Cross-validation of a spec. Imports TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Protocol

import numpy as np

from storage.records import TEST
from workbench.core.errors import TrainingFailed
from workbench.evaluation.grouped_folds import fewest_groups, grouped_folds
from workbench.evaluation.metrics import confusion, macro_f1
from workbench.training.dataset import Dataset
from workbench.training.engine.export import LITERT_FILE, litert_probabilities
from workbench.training.reporter import RunPaths, SilentReporter
from workbench.training.search.local_executor import train_function
from workbench.training.spec import TrainingSpec


@dataclass(frozen=True)
class Fold:
    """One fold: ``sides`` is ``(N,)`` of ``train``, ``validation`` (selects the best epoch) or ``fold`` (evaluates the model)."""

    number: int
    spec: TrainingSpec
    sides: np.ndarray


@dataclass(frozen=True)
class FoldFigures:
    """Metrics of the exported model on a fold that it was not trained on.

    Attributes:
        number: Number of the fold, from 1.
        indices: Dataset indices of the fold's pictures, ``(n,) int64``.
        probabilities: Predictions for these, ``(n, classes)``.
        accuracy: Fraction of correct predictions.
        macro_f1: Mean F1 over the classes.
        seconds: Duration of training and export.
    """

    number: int
    indices: np.ndarray
    probabilities: np.ndarray
    accuracy: float
    macro_f1: float
    seconds: float


@dataclass(frozen=True)
class CrossValidation:
    """Metrics of all folds; a spread is the sample standard deviation over folds (``n - 1``)."""

    folds: tuple[FoldFigures, ...]

    @property
    def accuracy(self) -> tuple[float, float]:
        """Mean and spread."""
        return _mean_and_spread([fold.accuracy for fold in self.folds])

    @property
    def macro_f1(self) -> tuple[float, float]:
        """Mean and spread."""
        return _mean_and_spread([fold.macro_f1 for fold in self.folds])


EvaluateFold = Callable[[Dataset, Fold, RunPaths], FoldFigures]


class Mapper(Protocol):
    """Calls a function for every fold, locally or on a cluster, and returns the results in order."""

    def __call__(
        self, function: EvaluateFold, dataset: Dataset, parts: Sequence[Fold], place: RunPaths
    ) -> list[FoldFigures]:
        """Call ``function(dataset, part, place)`` for every fold."""


def map_sequentially(
    function: EvaluateFold, dataset: Dataset, parts: Sequence[Fold], place: RunPaths
) -> list[FoldFigures]:
    """Call a function for one fold after the other, in this process."""
    return [function(dataset, part, place) for part in parts]


def cross_validate(
    dataset: Dataset, spec: TrainingSpec, folds: int, place: RunPaths, mapper: Mapper = map_sequentially
) -> CrossValidation:
    """For each fold, train on the others and evaluate the exported model on the fold.

    Args:
        dataset: All pictures; its test split is excluded, the rest of its split is ignored.
        spec: The settings; ``validation_fraction`` is the fraction of the other folds that selects the best epoch.
        folds: Number of folds; near-duplicate groups are never divided.
        place: Its feature cache and weights are used; model and checkpoints of a fold go to a temporary folder.
        mapper: Runs the folds: in this process, or with :class:`workbench.training.cluster.backend.ClusterMapper`.

    Raises:
        TrainingFailed: A class has too few groups for so many folds, or a fold could not be trained.
    """
    return CrossValidation(
        tuple(mapper(train_and_evaluate, dataset, make_folds(dataset, spec, folds), place))
    )


def make_folds(dataset: Dataset, spec: TrainingSpec, folds: int) -> list[Fold]:
    """Divide a dataset into folds, stratified by class.

    Raises:
        TrainingFailed: A class has too few groups for so many folds.
    """
    indices = np.flatnonzero(dataset.splits != TEST)
    splits = _folds_of(dataset, indices, folds, spec.seed)
    return [
        Fold(number, spec, _sides(dataset, rest, fold, spec)) for number, (rest, fold) in enumerate(splits, 1)
    ]


def train_and_evaluate(dataset: Dataset, part: Fold, place: RunPaths) -> FoldFigures:
    """Train on the other folds and evaluate the exported model on one fold."""
    start = monotonic()
    fold_dataset = replace(
        dataset,
        splits=part.sides,
        content_hash=f"{dataset.content_hash} part {part.number} of {part.spec.seed}",
    )
    with TemporaryDirectory() as folder:
        fold_paths = replace(place, model=Path(folder, "model"), checkpoints=Path(folder, "checkpoints"))
        train_function(part.spec.recipe)(fold_dataset, part.spec, SilentReporter(), fold_paths)
        seconds = monotonic() - start
        fold = np.flatnonzero(part.sides == "fold")
        probabilities = litert_probabilities(fold_paths.model / LITERT_FILE, dataset.pixels, fold)
    labels, predicted = dataset.labels[fold], probabilities.argmax(axis=1)
    counts = confusion(labels, predicted, len(dataset.classes))
    return FoldFigures(
        part.number,
        fold,
        probabilities,
        accuracy=float((labels == predicted).mean()),
        macro_f1=float(macro_f1(counts)),
        seconds=seconds,
    )


def _sides(dataset: Dataset, rest: np.ndarray, fold: np.ndarray, spec: TrainingSpec) -> np.ndarray:
    sides = np.where(
        dataset.splits == TEST, dataset.splits, np.full(len(dataset.labels), "train", dtype="U10")
    )
    group_count = fewest_groups(dataset.labels[rest], dataset.groups[rest], len(dataset.classes))
    validation = _folds_of(
        dataset, rest, min(group_count, max(2, round(1 / spec.validation_fraction))), spec.seed
    )[0][1]
    sides[validation] = "validation"
    sides[fold] = "fold"
    return sides


def _folds_of(
    dataset: Dataset, chosen: np.ndarray, folds: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Divide pictures into folds; returns for each fold the indices of the other pictures and its own.

    Raises:
        TrainingFailed: A class has too few groups for so many folds.
    """
    labels, groups = dataset.labels[chosen], dataset.groups[chosen]
    group_count = fewest_groups(labels, groups, len(dataset.classes))
    if group_count < max(folds, 2):
        raise TrainingFailed(
            f"A class has only {group_count} different pictures, too few for {folds} folds. Label more, or ask for fewer folds."
        )
    return [(chosen[rest], chosen[fold]) for rest, fold in grouped_folds(labels, groups, folds, seed)]


def _mean_and_spread(values: Sequence[float]) -> tuple[float, float]:
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
