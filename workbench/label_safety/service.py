"""Background check whether augmentation changes the class of pictures, while there is a production model and idle CPU time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from storage.core.errors import DomainError
from storage.records import Version
from workbench.core.machine import cores
from workbench.core.polling import PollingThread
from workbench.imaging.augmentation import Augmentation
from workbench.label_safety.check_requests import CheckRequests
from workbench.label_safety.misread_rate import MisreadTally, Probe, Reader, tally_misreads
from workbench.label_safety.results import SafetyResults, Setting, read_findings, source, write_findings
from workbench.label_safety.sampling import sample
from workbench.serving.service import Prediction, Predictor
from workbench.stores import Stores

log = logging.getLogger(__name__)
PAUSE_SECONDS = 1.0
FEW_CORES = 4
LEAST = 8
"""Minimum number of pictures; fewer do not allow a conclusion."""
MOST_ASKED = 8
RETRY_SECONDS = 600.0
NO_MODEL, OFF, WAITING, CHECKING = "no model", "off", "waiting", "checking"
TOO_FEW, FAILED, CHECKED = "too few", "failed", "checked"
UNEXPECTED = "The check failed; the server's log says why."


@dataclass(frozen=True)
class SafetyReport:
    """Results for an augmentation.

    Attributes:
        state: ``no model``, ``off``, ``waiting`` (a run trains), ``checking``, ``too few`` (pictures that the model
            classifies correctly and confidently), ``failed`` or ``checked``.
        version: Name of the production model, empty if there is none.
        pictures: Number of pictures used, all classified correctly and confidently without augmentation.
        tallies: Results so far by operation, including disabled operations.
        error: Error message if the check failed.
    """

    state: str
    version: str = ""
    pictures: int = 0
    tallies: Mapping[str, MisreadTally] = field(default_factory=dict)
    error: str = ""

    def flagged(self, augmentation: Augmentation) -> list[MisreadTally]:
        """Enabled operations with a significant misclassification rate, worst first."""
        flagged = [
            result for name, result in self.tallies.items() if name in augmentation.enabled and result.flagged
        ]
        return sorted(flagged, key=lambda result: -result.share)


@dataclass(frozen=True)
class _Failure:
    """Error of a failed check, and the monotonic time in seconds until which it is not retried."""

    source: tuple[str, ...] = ()
    error: str = ""
    until: float = 0.0

    def is_active(self, version_source: tuple[str, ...]) -> bool:
        """Whether the check of that version must not be retried yet."""
        return self.source == version_source and time.monotonic() < self.until


class _Cancelled(Exception):
    """Raised to end the check at once; results so far are kept."""


class LabelSafety:
    """Checks one operation after the other with the production model, in a low-priority background thread.

    Args:
        stores: Database and file stores.
        predictor: Classifies pictures.
        shown: Returns the augmentation shown on the page, which is checked without a request; None disables this.
    """

    def __init__(
        self, stores: Stores, predictor: Predictor, shown: Callable[[], Augmentation] | None
    ) -> None:
        self._stores = stores
        self._predictor = predictor
        self._get_shown = shown
        self._requests = CheckRequests(MOST_ASKED)
        self._last_shown: Augmentation | None = None
        self._cached_sample: tuple[tuple[str, ...], list[Probe]] = ((), [])
        self._failure = _Failure()
        self._thread = PollingThread("label safety", self._poll, PAUSE_SECONDS)

    def start(self) -> None:
        """Start the background thread."""
        self._thread.start()

    def close(self) -> None:
        """Stop the background thread promptly; results so far are kept."""
        self._thread.close()

    def ask(self, augmentation: Augmentation) -> None:
        """Request a check of an augmentation other than the one shown on the page."""
        self._requests.add(augmentation)
        self._thread.wake()

    def report(self, augmentation: Augmentation) -> SafetyReport:
        """Stored results for an augmentation; classifies no picture."""
        version = self._stores.registry.production()
        if version is None:
            return SafetyReport(NO_MODEL)
        findings = read_findings(self._stores.preferences, version)
        failure = self._failure
        failed = failure.is_active(findings.source)
        state = FAILED if failed else self._state(findings, augmentation)
        return SafetyReport(
            state,
            version.name,
            findings.pictures or 0,
            findings.of(augmentation),
            failure.error if failed else "",
        )

    def _state(self, findings: SafetyResults, augmentation: Augmentation) -> str:
        if _too_few(findings):
            return TOO_FEW
        if not findings.missing(augmentation):
            return CHECKED
        if self._get_shown is None and augmentation not in self._requests:
            return OFF
        return WAITING if self._busy() else CHECKING

    def _poll(self) -> bool:
        """Check the next operation, if any; returns whether there may be more to do immediately."""
        version = None
        try:
            version = self._stores.registry.production()
            return version is not None and self._step(version)
        except _Cancelled:
            return False
        except Exception as error:
            log.exception("the check of label safety failed")
            if version is not None:
                message = str(error) if isinstance(error, DomainError) else UNEXPECTED
                self._failure = _Failure(source(version), message, time.monotonic() + RETRY_SECONDS)
            return False

    def _step(self, version: Version) -> bool:
        findings = read_findings(self._stores.preferences, version)
        setting = self._next_setting(findings)
        if setting is None:
            self._cached_sample = ((), [])
            return False
        if self._failure.is_active(findings.source) or _too_few(findings) or self._busy():
            return False
        classify = self._classifier(version)
        pictures = self._pictures(version, classify)
        tallies = dict(findings.tallies)
        if len(pictures) >= LEAST:
            tallies[setting] = tally_misreads(pictures, *setting, classify)
        write_findings(self._stores.preferences, replace(findings, pictures=len(pictures), tallies=tallies))
        return True

    def _next_setting(self, findings: SafetyResults) -> Setting | None:
        requested = self._requests.waiting()
        for augmentation in [*requested, *self._settled_augmentation()]:
            if missing := findings.missing(augmentation):
                return missing[0]
        self._requests.done(requested)
        return None

    def _settled_augmentation(self) -> list[Augmentation]:
        """The augmentation shown, if unchanged since the last poll, so that a slider being moved does not trigger checks."""
        shown = self._get_shown() if self._get_shown else None
        settled = [shown] if shown is not None and shown == self._last_shown else []
        self._last_shown = shown
        return settled

    def _pictures(self, version: Version, classify: Reader) -> list[Probe]:
        version_source = source(version)
        if self._cached_sample[0] != version_source:
            self._cached_sample = (version_source, list(sample(self._stores, version, classify)))
        return self._cached_sample[1]

    def _classifier(self, version: Version) -> Reader:
        def classify(picture: np.ndarray) -> Prediction:
            if self._thread.closing or self._busy():
                raise _Cancelled
            start = time.perf_counter()
            prediction = self._predictor.predict_unlogged(picture, version.name)
            # Sleep as long as the prediction took, so that the check uses at most half of one core.
            self._thread.rest(time.perf_counter() - start)
            return prediction

        return classify

    def _busy(self) -> bool:
        """Whether a training run is active on a machine with fewer than ``FEW_CORES`` cores."""
        return cores() < FEW_CORES and any(run.status == "running" for run in self._stores.runs.active())


def _too_few(findings: SafetyResults) -> bool:
    return findings.pictures is not None and findings.pictures < LEAST
