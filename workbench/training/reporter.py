"""What a run has to say while it trains. Imports no TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class Progress:
    """How far a run is; epochs and steps count from 1. There is no speed before the second step, the first one is slow."""

    epoch: int
    epochs: int
    step: int
    steps: int
    pictures_per_second: float | None
    eta_seconds: float | None


@dataclass(frozen=True)
class EpochRecord:
    """What one finished epoch gave. Both losses are weighted by class, so that they can be compared."""

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
    """The folders that a run works with; each is made where it is missing.

    Attributes:
        model: Where the model's files go.
        checkpoints: Where the run keeps what it needs to go on after an interruption; what lies there is gone on with.
        features: Features of pictures by content hash and backbone, shared by all runs.
        weights: Where Keras' files of pretrained weights are looked for first.
    """

    model: Path
    checkpoints: Path
    features: Path
    weights: Path


@dataclass(frozen=True)
class TrialRecord:
    """Where a try of a search stands; ``status`` is ``waiting``, ``running``, ``finished``, ``dropped`` or ``failed``."""

    number: int
    name: str
    spec: dict[str, Any]
    status: str
    metrics: dict[str, Any]
    seconds: float


class Reporter(Protocol):
    """Takes what a run has to say, and tells what is asked of it."""

    def phase(self, name: str) -> None:
        """A phase begins: ``preparing``, ``downloading``, ``features``, ``searching``, ``training``, ``evaluating`` or ``exporting``."""

    def counted(self, done: int, total: int) -> None:
        """So many pictures of a phase are done that has no epochs."""

    def step(self, progress: Progress) -> None:
        """A step is done. Called for every batch."""

    def epoch(self, record: EpochRecord) -> None:
        """An epoch is done and judged."""

    def trial(self, record: TrialRecord) -> None:
        """A try of a search begins or ends."""

    def asked(self) -> str:
        """What was asked of the run: nothing, ``stop`` or ``pause``. Called for every batch."""
