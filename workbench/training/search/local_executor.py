"""Carries the tries of a search out one after the other, in this process. Only the worker imports this."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import monotonic

from workbench.core.errors import InvalidSpec, TrainingFailed
from workbench.training.dataset import Dataset
from workbench.training.engine.train import Artefacts, release_memory, train, train_and_predict
from workbench.training.reporter import Reporter, RunPaths
from workbench.training.search.search import search
from workbench.training.search.successive_halving import FoldAnswers
from workbench.training.search.trial import TrialReporter, TrialResult, TrialTask
from workbench.training.spec import BEST, TrainingSpec


def search_or_train(dataset: Dataset, spec: TrainingSpec, reporter: Reporter, place: RunPaths) -> Artefacts:
    """Search in this process where the recipe is one, else train once; raises what either does."""
    if spec.recipe == BEST:
        return search(dataset, spec, reporter, place, LocalExecutor())
    return train(dataset, spec, reporter, place)


class LocalExecutor:
    """This process; see :class:`workbench.training.search.trial.TrialExecutor`."""

    count = 1

    def judge(
        self, tries: Iterator[TrialTask], listen: Callable[[], TrialReporter], time_is_up: Callable[[], bool]
    ) -> Iterator[tuple[TrialTask, TrialResult]]:
        """Carry out one try before the next is taken; one that was begun is never given up."""
        for trial in tries:
            try:
                said: TrialResult = run_trial(trial, listen())
            except (TrainingFailed, InvalidSpec) as error:
                said = error
            yield trial, said

    def train(self, dataset: Dataset, spec: TrainingSpec, reporter: Reporter, place: RunPaths) -> Artefacts:
        """Train with the memory of what was tried given back."""
        release_memory()
        return train(dataset, spec, reporter, place)


def run_trial(each: TrialTask, trial_reporter: TrialReporter) -> FoldAnswers:
    """Carry out one try.

    Raises:
        TrainingFailed: It could not be trained.
        InvalidSpec: It could not be trained.
        StoppedEarly: A stop was asked for.
        Paused: A pause was asked for.
    """
    release_memory()
    began = monotonic()
    said = train_and_predict(each.dataset, each.spec, trial_reporter, each.place)
    return FoldAnswers(said, monotonic() - began, trial_reporter.features)
