"""What a run hears of a try within a search. Imports no TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from time import monotonic

from workbench.training.reports import EpochRecord, Progress, Reporter, TrialRecord


@dataclass
class Trying:
    """Passes on steps and requests, but neither epochs, which are not the model's, nor phases that say nothing of a try.

    Attributes:
        reporter: Of the whole run.
        phase_name: What the run is told of training, in its own words.
        left: Seconds that are left of the whole run.
        deaf: Whether requests are not passed on, as they were heard already.
    """

    reporter: Reporter
    phase_name: str
    left: Callable[[], float]
    deaf: bool = False
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
        self.reporter.phase(name if name == "features" else self.phase_name)

    def counted(self, done: int, total: int) -> None:
        """Pass it on."""
        self.reporter.counted(done, total)

    def step(self, progress: Progress) -> None:
        """Pass it on with the time that is left of the whole run."""
        left = self.left()
        eta = max(left, 0.0) if math.isfinite(left) else progress.eta_seconds
        self.reporter.step(replace(progress, eta_seconds=eta))

    def epoch(self, record: EpochRecord) -> None:
        """Keep it back."""

    def trial(self, record: TrialRecord) -> None:
        """Pass it on."""
        self.reporter.trial(record)

    def asked(self) -> str:
        """What was asked of the run."""
        return "" if self.deaf else self.reporter.asked()
