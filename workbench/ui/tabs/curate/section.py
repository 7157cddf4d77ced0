"""What the sections of the Curate tab share: the row that leads to them, what was done last, and how they act."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from storage.core.errors import Conflict, NotFound
from workbench.services import Services
from workbench.ui.components.assets import script
from workbench.ui.components.relabel_grid import SCRIPT
from workbench.ui.context import TabContext, actor, open_tab
from workbench.ui.error_boundary import guarded, sentence
from workbench.ui.payload import Payload

EVENT: dict[str, Any] = {
    "api_visibility": "private",
    "concurrency_limit": 1,
    "concurrency_id": "curate",
    "trigger_mode": "multiple",
    "show_progress": "hidden",
}


@dataclass(frozen=True)
class ClickOutcome:
    """What became of a press: what is looked at then, what was done in words, and its event."""

    looked: Any
    said: str = ""
    event_id: int | None = None


@dataclass(frozen=True)
class Click:
    """A press on something: its data attributes, who pressed, and what the section looks at."""

    looked: Any
    sent: Payload
    by: str

    @property
    def kind(self) -> str:
        """What was pressed."""
        return self.sent.text("press", "")

    @property
    def value(self) -> str:
        """What was chosen or typed beside it."""
        return self.sent.text("value", "")

    @property
    def picked(self) -> list[int]:
        """The ids of the pictures that are picked."""
        return self.sent.numbers("picked")


@dataclass(frozen=True)
class Section:
    """One of the sections.

    Attributes:
        name: In the address.
        title: On its button.
        column: What is hidden while another section is open.
        looked: What the visitor looks at, for the session.
        parts: What it updates, beside ``looked``.
        show: Gives the updates of ``looked`` and ``parts``, in this order.
        count: How many things wait there, None where that is no number.
    """

    name: str
    title: str
    column: gr.Column
    looked: gr.State
    parts: list[Any]
    show: Callable[[Any], list[Any]]
    count: Callable[[], int | None]

    @property
    def outputs(self) -> list[Any]:
        """What it updates."""
        return [self.looked, *self.parts]

    def button(self, opened: str) -> str:
        """The button that leads there."""
        count = self.count()
        count_html = f" <b>{count:,}</b>" if count else ""
        return (
            f"<button class='plain' data-press='part' data-part='{self.name}' "
            f"aria-pressed='{str(self.name == opened).lower()}'>{self.title}{count_html}</button>"
        )


@dataclass(frozen=True)
class SectionFrame:
    """What is around the sections. ``sections`` fills while they are built."""

    place: TabContext
    nav: gr.HTML
    said: gr.HTML
    sections: list[Section]

    @property
    def services(self) -> Services:
        """What the sections call."""
        return self.place.services

    def nav_html(self, opened: str) -> str:
        """The row of buttons."""
        buttons = "".join(section.button(opened) for section in self.sections)
        return f"<div class='curate-nav' role='group' aria-label='What to look over'>{buttons}</div>"

    def acts(self, component: gr.HTML, section: Section, action: Callable[[Click], ClickOutcome]) -> None:
        """Let a press inside a component do something, and show the section as it is then."""

        def press(looked: Any, event: gr.EventData, request: gr.Request) -> list[Any]:
            sent = Payload.of(event)
            if sent.values.get("press") == "go":
                return [*(gr.skip() for _ in outputs[:-1]), open_tab("label")]
            outcome = _run_action(action, Click(looked, sent, actor(request)))
            return [
                *section.show(outcome.looked),
                self.nav_html(section.name),
                said_html(outcome) if outcome.said else gr.skip(),
                gr.skip(),
            ]

        outputs = [*section.outputs, self.nav, self.said, self.place.tabs]
        component.press(guarded(press), section.looked, outputs, **EVENT)


def _run_action(action: Callable[[Click], ClickOutcome], click: Click) -> ClickOutcome:
    """What a press did; where the page was not up to date it says so, and what is there now is shown."""
    try:
        return action(click)
    except (Conflict, NotFound) as error:
        gr.Warning(escape(sentence(error)))
        return ClickOutcome(click.looked)


def said_html(outcome: ClickOutcome) -> str:
    """What was done, and a button that takes it back."""
    undo = ""
    if outcome.event_id is not None:
        undo = f" <button class='plain' data-press='undo' data-event='{outcome.event_id}'>Undo</button>"
    return f"<p role='status'>{escape(outcome.said)}{undo}</p>"


def board(elem_id: str, extra_script: str = "", **options: Any) -> gr.HTML:
    """An empty HTML component whose buttons, choices and picks give the event ``press``."""
    return gr.HTML(
        elem_id=elem_id,
        js_on_load=SCRIPT + script("curate/curate.js") + extra_script,
        padding=False,
        apply_default_css=False,
        **options,
    )
