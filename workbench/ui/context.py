"""What a tab is given to build itself with."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

import gradio as gr

from workbench.services import Services
from workbench.web.principals import principal_of

TABS = ("collect", "label", "curate", "augment", "train", "evaluate", "models", "predict")
NAME_COOKIE = "waterline_name"
LONGEST_ACTOR = 40
NOBODY = "someone"


@dataclass(frozen=True)
class TabContext:
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
    """Who acts: the name that the login knows, else the one typed into the strip, or ``someone`` where there is none."""
    return (
        principal_of(request).name
        or typed_name((getattr(request, "cookies", None) or {}).get(NAME_COOKIE, ""))
        or NOBODY
    )


def typed_name(cookie: str) -> str:
    """The name in the cookie of the strip, tidied."""
    return tidy_name(unquote(str(cookie)))


def tidy_name(text: str) -> str:
    """A person's name on one line and short; empty where nothing of it can be seen."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(printable.split())[:LONGEST_ACTOR].strip()
