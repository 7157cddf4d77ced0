"""HTML components whose buttons trigger Gradio events."""

from __future__ import annotations

import gradio as gr

from workbench.ui.components.assets import script

PRESS = script("components/click_events.js")


def pressable(elem_id: str, script: str = "") -> gr.HTML:
    """Build an empty HTML component; a click on an element with ``data-press`` triggers its event ``press``.

    The event carries the element's data attributes, so ``<button data-press="cancel" data-run="3">`` gives
    ``{"press": "cancel", "run": "3"}``.

    Args:
        elem_id: Its id in the page.
        script: More JavaScript to run on load, which may trigger ``press`` too.
    """
    return gr.HTML(elem_id=elem_id, js_on_load=PRESS + script, padding=False, apply_default_css=False)
