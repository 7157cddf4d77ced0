"""Runs the trials of a search one after the other in this process. Imported by the worker process only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from time import monotonic

from workbench.core.errors import InvalidSpec, TrainingFailed
from workbench.training.dataset import Dataset
from workbench.training.engine.train import Artefacts, release_memory, train, train_and_predict
from workbench.training.reporter import Reporter, RunPaths
from workbench.training.search.search import search
from workbench.training.search.successive_halving import FoldPredictions
from workbench.training.search.trial import TrialReporter, TrialResult, TrialTask
from workbench.training.spec import BEST, TrainingSpec


class LocalExecutor:
    """Executes trials in this process; see :class:`workbench.training.search.trial.TrialExecutor`."""

    count = 1

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self.clock = clock

    def run_trials(
        self,
        trials: Iterator[TrialTask],
        make_reporter: Callable[[], TrialReporter],
        time_is_up: Callable[[], bool],
    ) -> Iterator[tuple[TrialTask, TrialResult]]:
        """Run one trial at a time; a started trial is never cancelled."""
        for trial in trials:
            try:
                outcome: TrialResult = run_trial(trial, make_reporter(), self.clock)
            except (TrainingFailed, InvalidSpec) as error:
                outcome = error
            yield trial, outcome

    def train(self, dataset: Dataset, spec: TrainingSpec, reporter: Reporter, place: RunPaths) -> Artefacts:
        """Train after releasing the memory of earlier trials."""
        release_memory()
        return train(dataset, spec, reporter, place)


def train_function(recipe: str) -> Callable[[Dataset, TrainingSpec, Reporter, RunPaths], Artefacts]:
    """The function that carries out a recipe in this process: a search for ``best``, else a single training."""
    return partial(search, executor=LocalExecutor()) if recipe == BEST else train


def run_trial(
    trial: TrialTask, trial_reporter: TrialReporter, clock: Callable[[], float] = monotonic
) -> FoldPredictions:
    """Train and evaluate one candidate on one fold; ``clock`` returns seconds.

    Raises:
        TrainingFailed: It could not be trained.
        InvalidSpec: Its settings do not match the dataset.
        StoppedEarly: A stop was requested.
        Paused: A pause was requested.
    """
    release_memory()
    start = clock()
    probabilities = train_and_predict(trial.dataset, trial.spec, trial_reporter, trial.place)
    return FoldPredictions(probabilities, clock() - start, trial_reporter.features)
