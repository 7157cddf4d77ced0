"""A component with a number field for the weight of each class."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

import gradio as gr

from workbench.training.spec import MAX_CLASS_WEIGHT
from workbench.ui.components.assets import mounting
from workbench.ui.components.html import class_name


def weights_fields(elem_id: str) -> gr.HTML:
    """Build the component; its value is the weights as JSON, and it has the event ``weighed``."""
    return gr.HTML(
        "{}",
        elem_id=elem_id,
        html_template="${fields}",
        fields="",
        js_on_load=mounting("components/class_weights.js", events=("weighed",)),
        padding=False,
        apply_default_css=False,
        visible=False,
    )


def show_weights(weights: Mapping[str, float], colours: Mapping[str, str], visible: bool) -> Any:
    """An update for the component."""
    fields = "".join(
        f"<label>{class_name(name, colours)}<input type='number' inputmode='decimal' min='0.01' max='{MAX_CLASS_WEIGHT:g}' "
        f"step='any' value='{weight:.4g}' data-class='{escape(name)}'></label>"
        for name, weight in weights.items()
    )
    value = json.dumps({name: float(f"{weight:.4g}") for name, weight in weights.items()})
    return gr.update(value=value, fields=f"<div class='weights'>{fields}</div>", visible=visible)


def read_weights(value: str | None) -> dict[str, Any]:
    """Parse the value of the component; an empty field gives None."""
    weights = json.loads(value or "{}")
    return weights if isinstance(weights, dict) else {}
