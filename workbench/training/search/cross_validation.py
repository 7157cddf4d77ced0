"""How good a spec is, over folds of the pictures. Only the worker imports this."""

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
from workbench.evaluation.metrics import confusion, macro_f1
from workbench.training.dataset import Dataset
from workbench.training.engine.export import LITERT_FILE, litert_probabilities
from workbench.training.reporter import EpochRecord, Progress, RunPaths, TrialRecord
from workbench.training.search.local_executor import search_or_train
from workbench.training.spec import TrainingSpec


@dataclass(frozen=True)
class Fold:
    """One fold: ``sides`` is ``(N,)`` of ``train``, ``validation`` (judges the epochs) or ``fold`` (judges the model)."""

    number: int
    spec: TrainingSpec
    sides: np.ndarray


@dataclass(frozen=True)
class FoldFigures:
    """What the exported model says of a fold that it never saw.

    Attributes:
        number: Of the fold, from 1.
        indices: Positions of the fold's pictures in the dataset, ``(n,) int64``.
        probabilities: For these, ``(n, classes)``.
        accuracy: Share of right answers.
        macro_f1: Mean F1 over the classes.
        seconds: For training and export.
    """

    number: int
    indices: np.ndarray
    probabilities: np.ndarray
    accuracy: float
    macro_f1: float
    seconds: float


@dataclass(frozen=True)
class CrossValidation:
    """Figures of all folds; a spread is the standard deviation over folds, with ``n - 1``."""

    folds: tuple[FoldFigures, ...]

    @property
    def accuracy(self) -> tuple[float, float]:
        """Mean and spread."""
        return _mean_and_spread([fold.accuracy for fold in self.folds])

    @property
    def macro_f1(self) -> tuple[float, float]:
        """Mean and spread."""
        return _mean_and_spread([fold.macro_f1 for fold in self.folds])


JudgeFold = Callable[[Dataset, Fold, RunPaths], FoldFigures]


class Mapper(Protocol):
    """Calls a function for every part, here or elsewhere, and gives the results in their order."""

    def __call__(
        self, function: JudgeFold, dataset: Dataset, parts: Sequence[Fold], place: RunPaths
    ) -> list[FoldFigures]:
        """Call ``function(dataset, part, place)`` for every part."""


def one_by_one(
    function: JudgeFold, dataset: Dataset, parts: Sequence[Fold], place: RunPaths
) -> list[FoldFigures]:
    """Call a function for one part after the other, in this process."""
    return [function(dataset, part, place) for part in parts]


def cross_validate(
    dataset: Dataset, spec: TrainingSpec, folds: int, place: RunPaths, mapper: Mapper = one_by_one
) -> CrossValidation:
    """Train once for each fold on the others, and judge the exported model on the fold.

    Args:
        dataset: All pictures; of its own split only the test is looked at, which takes no part.
        spec: The settings; ``validation_fraction`` is the share of the other folds that judges the epochs.
        folds: How many; groups never cross.
        place: Its features and weights are used; model and checkpoints of a fold go to a temporary folder.
        mapper: Where the folds are carried out: here, or :class:`workbench.training.cluster.backend.ClusterMapper`.

    Raises:
        TrainingFailed: A class has too few groups for so many folds, or a fold could not be trained.
    """
    return CrossValidation(tuple(mapper(train_and_judge, dataset, folds_of(dataset, spec, folds), place)))


def folds_of(dataset: Dataset, spec: TrainingSpec, folds: int) -> list[Fold]:
    """Divide a dataset into folds with their like share of every class.

    Raises:
        TrainingFailed: A class has too few groups for so many folds.
    """
    everything = np.flatnonzero(dataset.splits != TEST)
    pairs = _divided(dataset, everything, folds, spec.seed)
    return [
        Fold(number, spec, _sides(dataset, rest, fold, spec)) for number, (rest, fold) in enumerate(pairs, 1)
    ]


def train_and_judge(dataset: Dataset, part: Fold, place: RunPaths) -> FoldFigures:
    """Train on a part and judge its fold."""
    began = monotonic()
    inner = replace(
        dataset,
        splits=part.sides,
        content_hash=f"{dataset.content_hash} part {part.number} of {part.spec.seed}",
    )
    with TemporaryDirectory() as folder:
        here = replace(place, model=Path(folder, "model"), checkpoints=Path(folder, "checkpoints"))
        search_or_train(inner, part.spec, _SilentReporter(), here)
        seconds = monotonic() - began
        fold = np.flatnonzero(part.sides == "fold")
        probabilities = litert_probabilities(here.model / LITERT_FILE, dataset.pixels, fold)
    true, answers = dataset.labels[fold], probabilities.argmax(axis=1)
    counts = confusion(true, answers, len(dataset.classes))
    return FoldFigures(
        part.number,
        fold,
        probabilities,
        accuracy=float((true == answers).mean()),
        macro_f1=float(macro_f1(counts)),
        seconds=seconds,
    )


def _sides(dataset: Dataset, rest: np.ndarray, fold: np.ndarray, spec: TrainingSpec) -> np.ndarray:
    sides = np.where(
        dataset.splits == TEST, dataset.splits, np.full(len(dataset.labels), "train", dtype="U10")
    )
    there = _fewest_groups(dataset, rest)
    inner = _divided(dataset, rest, min(there, max(2, round(1 / spec.validation_fraction))), spec.seed)[0][1]
    sides[inner] = "validation"
    sides[fold] = "fold"
    return sides


def _divided(
    dataset: Dataset, chosen: np.ndarray, folds: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Some pictures divided into folds; each as the others and itself.

    Raises:
        TrainingFailed: A class has too few groups for so many folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    labels, groups = dataset.labels[chosen], dataset.groups[chosen]
    there = _fewest_groups(dataset, chosen)
    if there < max(folds, 2):
        raise TrainingFailed(
            f"A class has only {there} different pictures, too few for {folds} folds. Label more, or ask for fewer folds."
        )
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    return [(chosen[rest], chosen[fold]) for rest, fold in splitter.split(chosen, labels, groups)]


def _fewest_groups(dataset: Dataset, chosen: np.ndarray) -> int:
    """How many groups the class has that has the fewest."""
    labels, groups = dataset.labels[chosen], dataset.groups[chosen]
    return min(len(np.unique(groups[labels == label])) for label in range(len(dataset.classes)))


def _mean_and_spread(values: Sequence[float]) -> tuple[float, float]:
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


class _SilentReporter:
    """A reporter that says nothing and never stops."""

    def phase(self, name: str) -> None: ...

    def counted(self, done: int, total: int) -> None: ...

    def step(self, progress: Progress) -> None: ...

    def epoch(self, record: EpochRecord) -> None: ...

    def trial(self, record: TrialRecord) -> None: ...

    def asked(self) -> str:
        return ""
