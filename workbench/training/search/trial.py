"""A try within a search: who carries it out, and what the run hears of it. Imports no TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from storage.core.errors import DomainError
from workbench.training.dataset import Dataset
from workbench.training.reporter import EpochRecord, Progress, Reporter, RunPaths, TrialRecord
from workbench.training.search.successive_halving import FoldAnswers
from workbench.training.spec import TrainingSpec

if TYPE_CHECKING:
    from workbench.training.engine.train import Artefacts


@dataclass
class TrialReporter:
    """Passes on steps and requests, but neither epochs, which are not the model's, nor phases that say nothing of a try.

    Attributes:
        reporter: Of the whole run.
        phase_name: What the run is told of training, in its own words.
        left: Seconds that are left of the whole run.
        deaf: Whether requests are not passed on, as they were heard already.
        quiet: Whether another try speaks for the run, so that how far this one is would only confuse.
    """

    reporter: Reporter
    phase_name: str
    left: Callable[[], float]
    deaf: bool = False
    quiet: bool = False
    _features: float = 0.0
    _since: float | None = field(default=None, repr=False)

    @property
    def features(self) -> float:
        """Seconds that went into features."""
        return self._features

    def phase(self, name: str) -> None:
        """Tell of features, whose pictures are counted, and of the rest as one."""
        if self._since is not None:
            self._features += monotonic() - self._since
        self._since = monotonic() if name == "features" else None
        if not self.quiet:
            self.reporter.phase(name if name == "features" else self.phase_name)

    def counted(self, done: int, total: int) -> None:
        """Pass it on."""
        if not self.quiet:
            self.reporter.counted(done, total)

    def step(self, progress: Progress) -> None:
        """Pass it on with the time that is left of the whole run."""
        left = self.left()
        eta = max(left, 0.0) if math.isfinite(left) else progress.eta_seconds
        if not self.quiet:
            self.reporter.step(replace(progress, eta_seconds=eta))

    def epoch(self, record: EpochRecord) -> None:
        """Keep it back."""

    def trial(self, record: TrialRecord) -> None:
        """Pass it on."""
        self.reporter.trial(record)

    def asked(self) -> str:
        """What was asked of the run."""
        return "" if self.deaf else self.reporter.asked()


@dataclass(frozen=True)
class TrialTask:
    """A candidate by its position, to be trained on all of a dataset but its validation split and judged on that."""

    number: int
    dataset: Dataset
    spec: TrainingSpec
    place: RunPaths


TrialResult = FoldAnswers | DomainError | None
"""What became of a try; an error where it could not be trained, nothing where it was given up."""


class TrialExecutor(Protocol):
    """Those who train for a search: this process, or the nodes of a cluster."""

    @property
    def count(self) -> int:
        """How many tries can be carried out at once."""

    def judge(
        self, tries: Iterator[TrialTask], listen: Callable[[], TrialReporter], time_is_up: Callable[[], bool]
    ) -> Iterator[tuple[TrialTask, TrialResult]]:
        """Carry tries out; the next one is taken when there is a hand for it.

        Args:
            tries: What to carry out.
            listen: Gives a listener for a try.
            time_is_up: Whether tries that are not done yet are to be given up.

        Yields:
            Each try that was taken, when it is over.

        Raises:
            StoppedEarly: A stop was asked for.
            Paused: A pause was asked for.
        """

    def train(self, dataset: Dataset, spec: TrainingSpec, reporter: Reporter, place: RunPaths) -> Artefacts:
        """As :func:`workbench.training.engine.train.train` does."""
