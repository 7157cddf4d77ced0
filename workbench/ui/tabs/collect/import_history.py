"""The section of the Collect tab that lists earlier imports."""

from __future__ import annotations

import gradio as gr

from workbench.ui.context import TabContext
from workbench.ui.error_boundary import guarded
from workbench.ui.tabs.collect.report import past_html

MAX_LISTED = 30


def build(context: TabContext, accordion: gr.Accordion) -> None:
    """Build the list; it is loaded when it is opened."""
    table = gr.HTML(past_html([]), elem_id="collect-past")

    @guarded
    def refresh() -> str:
        return past_html(context.services.imports.recent(MAX_LISTED))

    accordion.expand(refresh, None, table, queue=False, show_progress="hidden", api_visibility="private")
