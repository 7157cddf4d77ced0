"""A progress bar with count, rate and remaining time."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from workbench.charts.formatting import duration


@dataclass(frozen=True)
class ProgressBar:
    """The state of a progress bar.

    Attributes:
        name: The accessible name of the bar.
        verb: The operation, such as ``Importing``.
        done: The number of items done.
        total: The number of all items.
        rate: Items per second; 0 if unknown.
        unit: The name of the items.
    """

    name: str
    verb: str
    done: int
    total: int
    rate: float = 0.0
    unit: str = "files"


def progress_html(progress: ProgressBar) -> str:
    """The progress bar as HTML."""
    filled = 100 * progress.done / max(1, progress.total)
    return (
        f"<div class='pace' role='progressbar' aria-label='{escape(progress.name)}' aria-valuemin='0' "
        f"aria-valuemax='{progress.total}' aria-valuenow='{progress.done}'>"
        f"<p>{escape(progress.verb)}: <b>{progress.done:,} of {progress.total:,}</b> {escape(progress.unit)}{_remaining(progress)}</p>"
        f"<span class='track'><i style='width:{filled:.1f}%'></i></span></div>"
    )


def _remaining(progress: ProgressBar) -> str:
    if not (progress.rate and progress.done):
        return ""
    seconds = max(0, progress.total - progress.done) / progress.rate
    return f" · {progress.rate:.3g} a second · about {duration(seconds)} left"
