"""Models."""

from __future__ import annotations

import gradio as gr

from workbench.ui.place import Place


def build(place: Place) -> None:
    """Build the tab."""
    gr.Markdown("models")
