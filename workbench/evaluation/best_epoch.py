"""Selection of the best epoch of a run. Imports no TensorFlow, so that the UI can use it during training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, isfinite
from typing import Any

SMOOTHING = 0.1


class BestEpoch:
    """Online selection of the best epoch.

    With ``val_loss`` the lowest loss is best. Macro-F1 on a few dozen pictures is noisy, and a maximum would pick a lucky early
    epoch; there the highest exponential moving average is best, which starts at 0 and so requires several good epochs in a row.
    The average keeps rising after the metric itself has stopped improving, so an epoch whose metric equals that of the selected one
    is no improvement: of equal epochs the first is selected.

    Args:
        monitor: Metric that decides: ``val_loss`` or ``val_macro_f1``.

    Attributes:
        epoch: The selected epoch, ``None`` while there is none.
        signal: Value of the last epoch for callbacks that monitor improvement: a new maximum exactly if the epoch is selected.
    """

    def __init__(self, monitor: str) -> None:
        self.epoch: int | None = None
        self.signal = -inf
        self._monitor = monitor
        self._selected_value = -inf
        self._average = 0.0
        self._best_score = -inf
        self._selected_score = -inf

    def take(self, row: Mapping[str, Any]) -> bool:
        """Take the next epoch, with keys ``epoch``, ``val_loss`` and ``val_macro_f1``; returns whether it is selected."""
        value = row[self._monitor]
        if value is None or not isfinite(value):
            self.signal = min(self.signal, self._selected_score)
            return False
        score = self._score(float(value))
        better = score > self._best_score and value != self._selected_value
        self._best_score = max(self._best_score, score)
        if better:
            self.epoch, self._selected_value, self._selected_score = int(row["epoch"]), float(value), score
        self.signal = min(score, self._selected_score)
        return better

    def _score(self, value: float) -> float:
        if self._monitor == "val_loss":
            return -value
        self._average += SMOOTHING * (value - self._average)
        return self._average


def best_so_far(history: Sequence[Mapping[str, Any]], monitor: str) -> Mapping[str, Any] | None:
    """The epoch that is selected so far, ``None`` if there is none.

    Args:
        history: One mapping per epoch, in order, each with ``epoch``, ``val_loss`` and ``val_macro_f1``.
        monitor: Metric that decides: ``val_loss`` or ``val_macro_f1``.
    """
    selection, selected_row = BestEpoch(monitor), None
    for row in history:
        if selection.take(row):
            selected_row = row
    return selected_row
