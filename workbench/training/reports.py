"""What a run has to say while it trains. Imports no TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


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


class Reporter(Protocol):
    """Takes what a run has to say."""

    def phase(self, name: str) -> None:
        """A phase begins: ``preparing``, ``training``, ``evaluating`` or ``exporting``."""

    def step(self, progress: Progress) -> None:
        """A step is done. Called for every batch."""

    def epoch(self, record: EpochRecord) -> None:
        """An epoch is done and judged."""

    def should_stop(self) -> bool:
        """Whether the run has been asked to stop. Called for every batch."""
