"""Scatter plot of the 2D projection of the embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from workbench.charts.formatting import shown
from workbench.charts.layout import base_figure

HEIGHT = 520
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "triangle-down", "x", "star")


@dataclass(frozen=True)
class PlottedPoint:
    """A picture in the projection; ``known`` is its id, SHA-256 and file name."""

    x: float
    y: float
    known: tuple[int, str, str]


@dataclass(frozen=True)
class PointGroup:
    """Pictures drawn in the same colour; ``faint`` ones are drawn less prominently."""

    name: str
    colour: str
    spots: Sequence[PlottedPoint]
    faint: bool = False


@dataclass(frozen=True)
class Zoom:
    """The visible range of the axes."""

    x: tuple[float, float]
    y: tuple[float, float]


def map_figure(groups: Sequence[PointGroup], zoom: Zoom | None) -> go.Figure:
    """Scatter plot of the pictures; each group has its own colour and marker."""
    traces = [
        _trace(group, SYMBOLS[index % len(SYMBOLS)]) for index, group in enumerate(groups) if group.spots
    ]
    figure = base_figure(traces, HEIGHT, dragmode="lasso", hovermode="closest", clickmode="event")
    hidden_axis = {"showticklabels": False, "showgrid": False, "showline": False}
    figure.update_xaxes(**hidden_axis, **({"range": zoom.x} if zoom else {}))
    figure.update_yaxes(**hidden_axis, **({"range": zoom.y} if zoom else {}))
    figure.update_layout(showlegend=True)
    return figure


def _trace(group: PointGroup, symbol: str) -> Any:
    return go.Scattergl(
        x=[point.x for point in group.spots],
        y=[point.y for point in group.spots],
        customdata=[point.known for point in group.spots],
        mode="markers",
        name=f"{shown(group.name, 18)} {len(group.spots):,}",
        hoverinfo="none",
        marker={
            "color": group.colour,
            "symbol": "circle" if group.faint else symbol,
            "size": 6 if group.faint else 8,
            "opacity": 0.35 if group.faint else 0.85,
            "line": {"color": "rgba(128,128,128,0.6)", "width": 0.5},
        },
    )
