"""HTML components whose buttons trigger Gradio events."""

from __future__ import annotations

import gradio as gr

from workbench.ui.components.assets import mounting

SCRIPT = "components/click_events.js"


def clickable_html(elem_id: str, *more: str) -> gr.HTML:
    """Build an empty HTML component; a click on an element with ``data-press`` triggers its event ``press``.

    The event carries the element's data attributes, so ``<button data-press="cancel" data-run="3">`` gives
    ``{"press": "cancel", "run": "3"}``.

    Args:
        elem_id: Its id in the page.
        more: Modules to mount as well, which may trigger ``press`` too.
    """
    js = mounting(SCRIPT, *more, events=("press",))
    return gr.HTML(elem_id=elem_id, js_on_load=js, padding=False, apply_default_css=False)
