"""Which epoch of a run is kept. Imports no TensorFlow, so that the page can say it while the run goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, isfinite
from typing import Any

NEWS = 0.1


def score(before: float, figures: Mapping[str, Any], monitor: str) -> float:
    """How good an epoch is; the first epoch with the highest score is kept.

    Macro-F1 over a few dozen pictures jumps from epoch to epoch, and the luckiest of the first epochs would win.
    Its running mean, which starts at 0, asks for several good epochs in a row.

    Args:
        before: The score of the epoch before, 0 for the first.
        figures: The epoch's ``val_loss`` and ``val_macro_f1``.
        monitor: ``val_loss`` or ``val_macro_f1``.
    """
    if monitor == "val_loss":
        return -float(figures["val_loss"])
    return before + NEWS * (float(figures["val_macro_f1"]) - before)


def kept_so_far(history: Sequence[Mapping[str, Any]], monitor: str) -> Mapping[str, Any] | None:
    """The epoch that would be kept if the run ended now, ``None`` while there is none.

    Args:
        history: One mapping per epoch, in order, each with ``epoch``, ``val_loss`` and ``val_macro_f1``.
        monitor: What decides: ``val_loss`` or ``val_macro_f1``.
    """
    kept, highest, latest = None, -inf, 0.0
    for row in history:
        if row[monitor] is None:
            continue
        latest = score(latest, row, monitor)
        if isfinite(latest) and latest > highest:
            kept, highest = row, latest
    return kept
