"""Common layout of all figures: transparent background, fixed height, text colour inherited from the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# Imported early: Plotly and scikit-learn import it on first use, and two threads that do so concurrently deadlock.
import narwhals.stable  # noqa: F401
import plotly.graph_objects as go

from workbench.core.palette import PALETTE

BLUE, ORANGE, GREEN = PALETTE[0], PALETTE[5], PALETTE[2]
NEUTRAL = "#8a8f98"
OUTLINE = {"color": "rgba(128,128,128,0.7)", "width": 1}
_GRID = "rgba(128,128,128,0.25)"
_TRANSPARENT = "rgba(0,0,0,0)"


def base_figure(traces: Sequence[Any], height: int, **layout: Any) -> go.Figure:
    """Create a figure of a fixed height in pixels, without background and text colours."""
    figure = go.Figure(list(traces))
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 8, "r": 16, "t": 28, "b": 8},
        paper_bgcolor=_TRANSPARENT,
        plot_bgcolor=_TRANSPARENT,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "bgcolor": _TRANSPARENT},
        hoverlabel={"namelength": -1},
        modebar={"remove": ["sendChartToCloud"]},  # nothing leaves the machine
    )
    axis = {"gridcolor": _GRID, "zeroline": False, "automargin": True, "linecolor": _GRID, "ticks": ""}
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    figure.update_layout(**layout)
    return figure


def categorical_axis(labels: Sequence[str], **more: Any) -> dict[str, Any]:
    """Categorical axis with labels at 0, 1, 2...; by position, so that equal labels stay separate."""
    return {"tickvals": list(range(len(labels))), "ticktext": list(labels), "showgrid": False, **more}


def column_axis(labels: Sequence[str], room: int) -> dict[str, Any]:
    """Horizontal categorical axis; labels are slanted if they would need more than ``room`` characters in total."""
    longest = max((len(line) for label in labels for line in label.split("<br>")), default=0)
    angle = -35 if longest * len(labels) > room else 0
    return categorical_axis(labels, range=[-0.5, len(labels) - 0.5], tickangle=angle)


def row_axis(labels: Sequence[str]) -> dict[str, Any]:
    """Vertical categorical axis, the first row on top."""
    return categorical_axis(labels, range=[len(labels) - 0.5, -0.5])
