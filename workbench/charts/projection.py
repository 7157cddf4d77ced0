"""The map: pictures that look alike lie close together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from workbench.charts.formatting import shown
from workbench.charts.layout import framed

HEIGHT = 520
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "triangle-down", "x", "star")


@dataclass(frozen=True)
class PlottedPoint:
    """A picture on the map; ``known`` is what the page needs of it: id, sha256 and file name."""

    x: float
    y: float
    known: tuple[int, str, str]


@dataclass(frozen=True)
class PointGroup:
    """Pictures that have the same colour; ``faint`` ones stand behind the others."""

    name: str
    colour: str
    spots: Sequence[PlottedPoint]
    faint: bool = False


@dataclass(frozen=True)
class Zoom:
    """The part of the map that is seen."""

    x: tuple[float, float]
    y: tuple[float, float]


def map_figure(kinds: Sequence[PointGroup], zoom: Zoom | None) -> go.Figure:
    """The pictures as points, each kind in a colour and a shape of its own."""
    traces = [_trace(kind, SYMBOLS[place % len(SYMBOLS)]) for place, kind in enumerate(kinds) if kind.spots]
    figure = framed(traces, HEIGHT, dragmode="lasso", hovermode="closest", clickmode="event")
    hidden = {"showticklabels": False, "showgrid": False, "showline": False}
    figure.update_xaxes(**hidden, **({"range": zoom.x} if zoom else {}))
    figure.update_yaxes(**hidden, **({"range": zoom.y} if zoom else {}))
    figure.update_layout(showlegend=True)
    return figure


def _trace(kind: PointGroup, symbol: str) -> Any:
    return go.Scattergl(
        x=[spot.x for spot in kind.spots],
        y=[spot.y for spot in kind.spots],
        customdata=[spot.known for spot in kind.spots],
        mode="markers",
        name=f"{shown(kind.name, 18)} {len(kind.spots):,}",
        hoverinfo="none",
        marker={
            "color": kind.colour,
            "symbol": "circle" if kind.faint else symbol,
            "size": 6 if kind.faint else 8,
            "opacity": 0.35 if kind.faint else 0.85,
            "line": {"color": "rgba(128,128,128,0.6)", "width": 0.5},
        },
    )
