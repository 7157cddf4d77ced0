"""A figure that is changed in place: its zoom stays and nothing flickers while values come in."""

from __future__ import annotations

import json
from typing import Any

import gradio as gr
import plotly.graph_objects as go

from workbench.charts.plotly_asset import ADDRESS
from workbench.ui.components.assets import script


def curves(elem_id: str) -> gr.HTML:
    """An empty figure; :func:`drawn` gives its values."""
    return gr.HTML(
        elem_id=elem_id,
        html_template="<div class='curves'></div>",
        # In the script itself: a property is not there yet where the figure comes into the page late.
        js_on_load=script("components/live_chart.js").replace("LIBRARY", ADDRESS),
        padding=False,
        apply_default_css=False,
    )


def drawn(figure: go.Figure, revision: int) -> Any:
    """A value for the component.

    Args:
        figure: What to draw.
        what: As long as it is the same, the zoom stays.
    """
    # A range that grows with the epochs would undo the zoom.
    figure.update_xaxes(range=None)
    figure.update_layout(uirevision=revision)
    return json.loads(figure.to_json())
