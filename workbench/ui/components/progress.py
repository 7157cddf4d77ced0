"""How far something long is: a bar with count, rate and time left."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from workbench.charts.formatting import duration


@dataclass(frozen=True)
class ProgressBar:
    """How far something long is.

    Attributes:
        name: What it is, for those who do not see the bar.
        verb: What is done, as in ``Importing``.
        done: How many are done.
        total: How many there are.
        rate: How many a second; 0 where that is not known yet.
        unit: What is counted.
    """

    name: str
    verb: str
    done: int
    total: int
    rate: float = 0.0
    unit: str = "files"


def progress_html(pace: ProgressBar) -> str:
    """The bar."""
    filled = 100 * pace.done / max(1, pace.total)
    return (
        f"<div class='pace' role='progressbar' aria-label='{escape(pace.name)}' aria-valuemin='0' "
        f"aria-valuemax='{pace.total}' aria-valuenow='{pace.done}'>"
        f"<p>{escape(pace.verb)}: <b>{pace.done:,} of {pace.total:,}</b> {escape(pace.unit)}{_left(pace)}</p>"
        f"<span class='track'><i style='width:{filled:.1f}%'></i></span></div>"
    )


def _left(pace: ProgressBar) -> str:
    if not (pace.rate and pace.done):
        return ""
    seconds = max(0, pace.total - pace.done) / pace.rate
    return f" · {pace.rate:.3g} a second · about {duration(seconds)} left"
