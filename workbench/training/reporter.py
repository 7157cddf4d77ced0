"""Progress reporting interface of a training run. Imports no TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class Progress:
    """Progress within an epoch; epochs and steps count from 1.

    Speed and remaining time are None before the second step: the first one includes graph tracing and is slow.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    pictures_per_second: float | None
    eta_seconds: float | None


@dataclass(frozen=True)
class EpochRecord:
    """Metrics of one finished epoch. Both losses use the class weights, so that they are comparable."""

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    val_macro_f1: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class RunPaths:
    """Folders that a run uses; each is created if it does not exist.

    Attributes:
        model: Output folder of the exported model files.
        checkpoints: Checkpoint folder of the run; training resumes from what it contains.
        features: Feature cache keyed by content hash and backbone, shared by all runs.
        weights: First folder searched for Keras files of pretrained weights.
    """

    model: Path
    checkpoints: Path
    features: Path
    weights: Path


@dataclass(frozen=True)
class TrialRecord:
    """State of one trial of a search; ``status`` is ``waiting``, ``running``, ``finished``, ``dropped`` or ``failed``."""

    number: int
    name: str
    spec: dict[str, Any]
    status: str
    metrics: dict[str, Any]
    seconds: float


class Reporter(Protocol):
    """Receives progress events of a run and returns the action that the user requested."""

    def phase(self, name: str) -> None:
        """A phase starts: ``preparing``, ``downloading``, ``features``, ``searching``, ``training``, ``evaluating`` or ``exporting``."""

    def counted(self, done: int, total: int) -> None:
        """``done`` of ``total`` pictures are processed, in a phase without epochs."""

    def step(self, progress: Progress) -> None:
        """A training step is finished. Called for every batch."""

    def epoch(self, record: EpochRecord) -> None:
        """An epoch is finished and evaluated."""

    def trial(self, record: TrialRecord) -> None:
        """The state of a trial has changed."""

    def requested_action(self) -> str:
        """Action requested by the user: empty, ``stop`` or ``pause``. Called for every batch."""


class SilentReporter:
    """A reporter that discards all events and never requests an action."""

    def phase(self, name: str) -> None:
        """Discard the event."""

    def counted(self, done: int, total: int) -> None:
        """Discard the event."""

    def step(self, progress: Progress) -> None:
        """Discard the event."""

    def epoch(self, record: EpochRecord) -> None:
        """Discard the event."""

    def trial(self, record: TrialRecord) -> None:
        """Discard the event."""

    def requested_action(self) -> str:
        """No action: the run goes on."""
        return ""
