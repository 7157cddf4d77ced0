"""Which epoch of a run is kept. Imports no TensorFlow, so that the page can say it while the run goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, isfinite
from typing import Any

NEWS = 0.1


class BestEpoch:
    """Finds the epoch to keep among those that it is shown in turn.

    Of the validation loss it is the lowest. Macro-F1 over a few dozen pictures jumps from epoch to epoch, and the luckiest of
    the first epochs would win: there the highest running mean decides, which starts at 0 and so asks for several good epochs
    in a row. That mean goes on rising long after the figure itself has stopped, so an epoch whose figure equals that of the kept
    one is no improvement: of equals the first is kept.

    Args:
        monitor: What decides: ``val_loss`` or ``val_macro_f1``.

    Attributes:
        epoch: The kept epoch, ``None`` while there is none.
        signal: Of the last epoch, for callbacks that wait for improvements: higher than ever before where it is kept, and only there.
    """

    def __init__(self, monitor: str) -> None:
        self.epoch: int | None = None
        self.signal = -inf
        self._monitor = monitor
        self._figure = -inf
        self._mean = 0.0
        self._bar = -inf
        self._top = -inf

    def take(self, row: Mapping[str, Any]) -> bool:
        """Look at the next epoch, with ``epoch``, ``val_loss`` and ``val_macro_f1``; whether it is the one to keep now."""
        value = row[self._monitor]
        if value is None or not isfinite(value):
            self.signal = min(self.signal, self._top)
            return False
        score = self._score(float(value))
        better = score > self._bar and value != self._figure
        self._bar = max(self._bar, score)
        if better:
            self.epoch, self._figure, self._top = int(row["epoch"]), float(value), score
        self.signal = min(score, self._top)
        return better

    def _score(self, value: float) -> float:
        if self._monitor == "val_loss":
            return -value
        self._mean += NEWS * (value - self._mean)
        return self._mean


def kept_so_far(history: Sequence[Mapping[str, Any]], monitor: str) -> Mapping[str, Any] | None:
    """The epoch that would be kept if the run ended now, ``None`` while there is none.

    Args:
        history: One mapping per epoch, in order, each with ``epoch``, ``val_loss`` and ``val_macro_f1``.
        monitor: What decides: ``val_loss`` or ``val_macro_f1``.
    """
    best, kept = BestEpoch(monitor), None
    for row in history:
        if best.take(row):
            kept = row
    return kept
