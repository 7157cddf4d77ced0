"""What a tab is given to build itself with."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from workbench.services import Services

TABS = ("collect", "label", "augment", "train", "evaluate", "models", "predict")


@dataclass(frozen=True)
class Place:
    """Where a tab lives.

    Attributes:
        services: What it calls.
        page: The whole page, for ``page.load``.
        tabs: The row of tabs, an output for whoever wants to open another tab (:func:`open_tab`).
        tab: The tab itself, for ``tab.select``: refresh there, since hidden tabs are not in the page.
    """

    services: Services
    page: gr.Blocks
    tabs: gr.Tabs
    tab: gr.Tab


def open_tab(name: str) -> gr.Tabs:
    """An update for ``place.tabs`` that opens a tab."""
    return gr.Tabs(selected=name)


def actor(request: gr.Request | None) -> str:
    """Who acts: the name of a login, or ``someone`` where there is none."""
    # What calls a component's server function is Starlette's request, which knows no user name.
    return getattr(request, "username", None) or "someone"
