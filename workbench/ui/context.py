"""The context that is passed to the build function of each tab, and the name of the acting user."""

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
    """The context of a tab that is being built.

    Attributes:
        services: The services that its callbacks call.
        page: The whole page, for the event ``page.load``.
        tabs: The ``gr.Tabs`` component: the output of callbacks that open another tab (:func:`open_tab`).
        tab: The ``gr.Tab`` itself. Refresh on ``tab.select``, since hidden tabs are not rendered.
    """

    services: Services
    page: gr.Blocks
    tabs: gr.Tabs
    tab: gr.Tab


def open_tab(name: str) -> gr.Tabs:
    """An update of ``context.tabs`` that opens a tab."""
    return gr.Tabs(selected=name)


def actor(request: gr.Request | None) -> str:
    """The acting user: the login name, else the name from the status bar's cookie, else ``someone``."""
    return (
        principal_of(request).name
        or typed_name((getattr(request, "cookies", None) or {}).get(NAME_COOKIE, ""))
        or NOBODY
    )


def typed_name(cookie: str) -> str:
    """The user name in the status bar's cookie, normalised."""
    return tidy_name(unquote(str(cookie)))


def tidy_name(text: str) -> str:
    """A user name on one line, cut to its maximum length; empty if no character of it is printable."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(printable.split())[:LONGEST_ACTOR].strip()
