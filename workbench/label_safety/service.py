"""Looks in the background whether augmentation changes classes, whenever there is a model and the machine has time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from storage.core.errors import DomainError
from storage.records import Version
from workbench.core.machine import cores
from workbench.imaging.augmentation import Augmentation
from workbench.label_safety.check_requests import CheckRequests
from workbench.label_safety.misread_rate import MisreadTally, Probe, Reader, tally
from workbench.label_safety.results import SafetyResults, Setting, read_findings, source, write_findings
from workbench.label_safety.sampling import sample
from workbench.serving.service import Prediction, Predictor
from workbench.stores import Stores

log = logging.getLogger(__name__)
PAUSE_SECONDS = 1.0
FEW_CORES = 4
LEAST = 8
"""Pictures; of fewer nothing could be said."""
MOST_ASKED = 8
RETRY_SECONDS = 600.0
NO_MODEL, OFF, WAITING, CHECKING = "no model", "off", "waiting", "checking"
TOO_FEW, FAILED, CHECKED = "too few", "failed", "checked"
UNEXPECTED = "The check failed; the server's log says why."


@dataclass(frozen=True)
class SafetyReport:
    """What is known of an augmentation.

    Attributes:
        state: ``no model``, ``off``, ``waiting`` (a run trains), ``checking``, ``too few`` (pictures that the model reads
            rightly and surely), ``failed`` or ``checked``.
        version: The model in production, empty where there is none.
        pictures: On how many it was tried, all of them read rightly and surely as they are.
        tallies: What was found so far, by operation, whether it runs or not.
        error: Why the check failed.
    """

    state: str
    version: str = ""
    pictures: int = 0
    tallies: Mapping[str, MisreadTally] = field(default_factory=dict)
    error: str = ""

    def flagged(self, augmentation: Augmentation) -> list[MisreadTally]:
        """Operations that run and that the model clearly reads as other classes, worst first."""
        found = [each for name, each in self.tallies.items() if name in augmentation.enabled and each.flagged]
        return sorted(found, key=lambda each: -each.share)


@dataclass(frozen=True)
class _Failure:
    """Why the check of a version failed, and when it is tried again."""

    source: tuple[str, ...] = ()
    error: str = ""
    until: float = 0.0

    def holds(self, made_from: tuple[str, ...]) -> bool:
        """Whether that version is not tried now."""
        return self.source == made_from and time.monotonic() < self.until


class _Ended(Exception):
    """The check is to end now; what was found is kept."""


class LabelSafety:
    """Checks one operation after the other with the model in production, in a thread that leaves the machine to others.

    Args:
        stores: Where versions, pictures and findings are.
        predictor: Reads pictures.
        shown: Gives the augmentation to check without being asked for, None where that is switched off.
    """

    def __init__(
        self, stores: Stores, predictor: Predictor, shown: Callable[[], Augmentation] | None
    ) -> None:
        self._stores = stores
        self._predictor = predictor
        self._shown = shown
        self._asked = CheckRequests(MOST_ASKED)
        self._last_shown: Augmentation | None = None
        self._sample: tuple[tuple[str, ...], list[Probe]] = ((), [])
        self._failure = _Failure()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="label safety", daemon=True)

    def start(self) -> None:
        """Begin to look for work, in a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        """Stop, within a moment; what was found is kept."""
        self._closing.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def ask(self, augmentation: Augmentation) -> None:
        """Have an augmentation checked that is not the one shown on the page."""
        self._asked.add(augmentation)
        self._wake.set()

    def report(self, augmentation: Augmentation) -> SafetyReport:
        """What is known of an augmentation by now; reads no picture."""
        version = self._stores.registry.production()
        if version is None:
            return SafetyReport(NO_MODEL)
        findings = read_findings(self._stores.preferences, version)
        failure = self._failure
        failed = failure.holds(findings.source)
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
        if self._shown is None and augmentation not in self._asked:
            return OFF
        return WAITING if self._busy() else CHECKING

    def _watch(self) -> None:
        while not self._closing.is_set():
            if not self._looked():
                self._wake.wait(PAUSE_SECONDS)
            self._wake.clear()

    def _looked(self) -> bool:
        """Check the next operation, if any; whether there may be more to do at once."""
        version = None
        try:
            version = self._stores.registry.production()
            return version is not None and self._step(version)
        except _Ended:
            return False
        except Exception as error:
            log.exception("the check of label safety failed")
            if version is not None:
                words = str(error) if isinstance(error, DomainError) else UNEXPECTED
                self._failure = _Failure(source(version), words, time.monotonic() + RETRY_SECONDS)
            return False

    def _step(self, version: Version) -> bool:
        findings = read_findings(self._stores.preferences, version)
        setting = self._next(findings)
        if setting is None:
            self._sample = ((), [])
            return False
        if self._failure.holds(findings.source) or _too_few(findings) or self._busy():
            return False
        read = self._reader(version)
        pictures = self._pictures(version, read)
        found = dict(findings.tallies)
        if len(pictures) >= LEAST:
            found[setting] = tally(pictures, *setting, read)
        write_findings(self._stores.preferences, replace(findings, pictures=len(pictures), tallies=found))
        return True

    def _next(self, findings: SafetyResults) -> Setting | None:
        asked = self._asked.waiting()
        for augmentation in [*asked, *self._settled()]:
            if missing := findings.missing(augmentation):
                return missing[0]
        self._asked.done(asked)
        return None

    def _settled(self) -> list[Augmentation]:
        """The augmentation shown, if it stands since the last look: a dial that is being moved is not chased."""
        shown = self._shown() if self._shown else None
        settled = [shown] if shown is not None and shown == self._last_shown else []
        self._last_shown = shown
        return settled

    def _pictures(self, version: Version, read: Reader) -> list[Probe]:
        made_from = source(version)
        if self._sample[0] != made_from:
            self._sample = (made_from, list(sample(self._stores, version, read)))
        return self._sample[1]

    def _reader(self, version: Version) -> Reader:
        def read(picture: np.ndarray) -> Prediction:
            if self._closing.is_set() or self._busy():
                raise _Ended
            began = time.perf_counter()
            answer = self._predictor.predict_unlogged(picture, version.name)
            # Half of the time at most: others want the cores, and the model too.
            self._closing.wait(time.perf_counter() - began)
            return answer

        return read

    def _busy(self) -> bool:
        """Whether a run trains on a machine with too few cores for both."""
        return cores() < FEW_CORES and any(run.status == "running" for run in self._stores.runs.active())


def _too_few(findings: SafetyResults) -> bool:
    return findings.pictures is not None and findings.pictures < LEAST
