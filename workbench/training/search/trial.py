"""A trial of a search: its inputs, its executor, and how its progress is reported. Imports no TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from storage.core.errors import DomainError
from workbench.training.dataset import Dataset
from workbench.training.reporter import EpochRecord, Progress, Reporter, RunPaths, TrialRecord
from workbench.training.search.successive_halving import FoldPredictions
from workbench.training.spec import TrainingSpec

if TYPE_CHECKING:
    from workbench.training.engine.train import Artefacts


@dataclass
class TrialReporter:
    """Forwards steps and requested actions between a trial and the run; drops its epochs and replaces its phases.

    Attributes:
        reporter: Reporter of the whole run.
        phase_name: Phase reported for everything but the computation of features.
        left: Returns the remaining seconds of the whole run.
        deaf: Ignore requested actions, since they were handled already.
        quiet: Do not report progress, since another concurrent trial does.
    """

    reporter: Reporter
    phase_name: str
    left: Callable[[], float]
    ignore_requests: bool = False
    quiet: bool = False
    _features: float = 0.0
    _features_started: float | None = field(default=None, repr=False)

    @property
    def features(self) -> float:
        """Seconds spent on computing features."""
        return self._features

    def phase(self, name: str) -> None:
        """Report the phase ``features``, and any other phase as ``phase_name``."""
        if self._features_started is not None:
            self._features += monotonic() - self._features_started
        self._features_started = monotonic() if name == "features" else None
        if not self.quiet:
            self.reporter.phase(name if name == "features" else self.phase_name)

    def counted(self, done: int, total: int) -> None:
        """Forward it."""
        if not self.quiet:
            self.reporter.counted(done, total)

    def step(self, progress: Progress) -> None:
        """Forward it with the remaining time of the whole run."""
        remaining = self.left()
        eta = max(remaining, 0.0) if math.isfinite(remaining) else progress.eta_seconds
        if not self.quiet:
            self.reporter.step(replace(progress, eta_seconds=eta))

    def epoch(self, record: EpochRecord) -> None:
        """Drop it: epochs of a trial are not epochs of the model."""

    def trial(self, record: TrialRecord) -> None:
        """Forward it."""
        self.reporter.trial(record)

    def requested_action(self) -> str:
        """Action requested by the user: empty, ``stop`` or ``pause``."""
        return "" if self.ignore_requests else self.reporter.requested_action()


@dataclass(frozen=True)
class TrialTask:
    """A candidate, by index, to be trained on the training split of a dataset and evaluated on its validation split."""

    number: int
    dataset: Dataset
    spec: TrainingSpec
    place: RunPaths


TrialResult = FoldPredictions | DomainError | None
"""Outcome of a trial: predictions, an error if it could not be trained, or None if it was cancelled."""


class TrialExecutor(Protocol):
    """Executes the trials of a search: in this process, or on the nodes of a cluster.

    Attributes:
        clock: Returns seconds; what it measures counts against the time limit of the search.
    """

    clock: Callable[[], float]

    @property
    def count(self) -> int:
        """Number of trials that can run concurrently."""

    def run_trials(
        self,
        trials: Iterator[TrialTask],
        make_reporter: Callable[[], TrialReporter],
        time_is_up: Callable[[], bool],
    ) -> Iterator[tuple[TrialTask, TrialResult]]:
        """Run trials; the next one is taken from the iterator when an executor slot is free.

        Args:
            trials: The trials to run.
            make_reporter: Creates a reporter for a trial.
            time_is_up: Whether unfinished trials are to be cancelled.

        Yields:
            Each started trial with its outcome, when it has ended.

        Raises:
            StoppedEarly: A stop was requested.
            Paused: A pause was requested.
        """

    def train(self, dataset: Dataset, spec: TrainingSpec, reporter: Reporter, place: RunPaths) -> Artefacts:
        """As :func:`workbench.training.engine.train.train` does."""
