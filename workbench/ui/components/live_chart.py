"""A Plotly chart that is updated in place: it keeps its zoom and does not flicker."""

from __future__ import annotations

import json
from typing import Any

import gradio as gr
import plotly.graph_objects as go

from workbench.charts.plotly_asset import ADDRESS
from workbench.ui.components.assets import mounting


def live_chart(elem_id: str) -> gr.HTML:
    """Build an empty chart; its value comes from :func:`chart_value`."""
    return gr.HTML(
        elem_id=elem_id,
        # In the template: props are not available yet if the chart is rendered late.
        html_template=f"<div class='curves' data-library='{ADDRESS}'></div>",
        js_on_load=mounting("components/live_chart.js"),
        padding=False,
        apply_default_css=False,
    )


def chart_value(figure: go.Figure, revision: int) -> Any:
    """The value of the component for a figure.

    Args:
        figure: The figure.
        revision: The zoom is kept as long as it is the same.
    """
    # An explicit range that grows with the epochs would reset the zoom.
    figure.update_xaxes(range=None)
    figure.update_layout(uirevision=revision)
    return json.loads(figure.to_json())
