"""The newest changes, for people: who, when, what."""

from __future__ import annotations

from html import escape

import gradio as gr

from storage.records import Event
from workbench.services import Services
from workbench.ui.components.scripts import script

SHOWN = 12


def history_list() -> gr.HTML:
    """The list; its value is :func:`recent`. The browser writes times in its own time zone."""
    return gr.HTML(js_on_load=script("label_history.js"), apply_default_css=False, elem_id="label-history")


def recent(services: Services) -> str:
    """The newest events as HTML."""
    events = services.stores.journal.recent(SHOWN)
    if not events:
        return "<p class='history-empty'>Every change appears here and can be undone.</p>"
    return f"<ol class='history'>{''.join(map(_line, events))}</ol>"


def _line(event: Event) -> str:
    state = " class='undone'" if event.undone else ""
    suffix = " <span>(undone)</span>" if event.undone else ""
    return (
        f"<li{state}><b>{escape(event.actor)}</b> {escape(event.summary)}{suffix} "
        f"<time datetime='{escape(event.created_at)}'>{escape(event.created_at[11:16])} UTC</time></li>"
    )
