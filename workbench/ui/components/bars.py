"""Horizontal bar charts as plain HTML."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

NEUTRAL = "#8a8f98"


@dataclass(frozen=True)
class Bar:
    """One row: a name, its colour as ``#rrggbb`` (empty for none), how full it is (0..1) and the figure beside it."""

    name: str
    colour: str
    share: float
    text: str


def bars(rows: Iterable[Bar]) -> str:
    """The bars as HTML."""
    return f"<div class='bars' role='list'>{''.join(map(_row, rows))}</div>"


def dot(colour: str) -> str:
    """The coloured dot before the name of a class; a ring if it has no colour."""
    kind = "dot" if colour else "dot ring"
    return f"<i class='{kind}' style='--tint:{escape(colour or NEUTRAL)}' aria-hidden='true'></i>"


def _row(bar: Bar) -> str:
    name, width = escape(bar.name), max(0.0, min(1.0, bar.share)) * 100
    return (
        f"<div class='bar-row' role='listitem'><span class='name' title='{name}'>{dot(bar.colour)}<span>{name}</span></span>"
        f"<span class='track'><i style='width:{width:.1f}%;--tint:{escape(bar.colour or NEUTRAL)}'></i></span>"
        f"<span class='figure'>{escape(bar.text)}</span></div>"
    )
