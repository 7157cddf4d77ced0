"""The shared parts of the sections of the Curate tab: navigation, messages with undo, and click handling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from storage.core.errors import Conflict, NotFound
from storage.queries.image_rows import counted
from workbench.services import Services
from workbench.ui.components.assets import mounting
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
    """The result of a click: the section's new state, a message, and the id of the journal event."""

    state: Any
    message: str = ""
    event_id: int | None = None


@dataclass(frozen=True)
class Click:
    """A click: the section's state, the data attributes of the element, and the acting user."""

    state: Any
    payload: Payload
    by: str

    @property
    def kind(self) -> str:
        """The action of the clicked element."""
        return self.payload.text("press", "")

    @property
    def value(self) -> str:
        """The value that was chosen or typed."""
        return self.payload.text("value", "")

    @property
    def picked(self) -> list[int]:
        """The ids of the picked pictures."""
        return self.payload.numbers("picked")


@dataclass(frozen=True)
class Section:
    """One of the sections.

    Attributes:
        name: Its name in the URL.
        title: The text of its button.
        column: The column that is hidden while another section is open.
        state: The session state of the section.
        parts: The components that it updates, besides ``state``.
        show: Makes the updates of ``state`` and ``parts``, in this order.
        count: The number of open items, None if the section has no count.
    """

    name: str
    title: str
    column: gr.Column
    state: gr.State
    parts: list[Any]
    show: Callable[[Any], list[Any]]
    count: Callable[[], int | None]

    @property
    def outputs(self) -> list[Any]:
        """The components that it updates."""
        return [self.state, *self.parts]

    def button(self, opened: str) -> str:
        """The button that opens the section."""
        count = self.count()
        count_html = f" <b>{count:,}</b>" if count else ""
        return (
            f"<button class='plain' data-press='part' data-part='{self.name}' "
            f"aria-pressed='{str(self.name == opened).lower()}'>{self.title}{count_html}</button>"
        )


@dataclass(frozen=True)
class SectionFrame:
    """The frame around the sections. ``sections`` is filled while they are built."""

    context: TabContext
    nav: gr.HTML
    message: gr.HTML
    sections: list[Section]

    @property
    def services(self) -> Services:
        """The services that the sections call."""
        return self.context.services

    def nav_html(self, opened: str) -> str:
        """The navigation buttons as HTML."""
        buttons = "".join(section.button(opened) for section in self.sections)
        return f"<div class='curate-nav' role='group' aria-label='What to look over'>{buttons}</div>"

    def bind_clicks(
        self, component: gr.HTML, section: Section, action: Callable[[Click], ClickOutcome]
    ) -> None:
        """Bind a handler to clicks inside a component; the section is updated afterwards."""

        def press(state: Any, event: gr.EventData, request: gr.Request) -> list[Any]:
            payload = Payload.of(event)
            if payload.values.get("press") == "go":
                return [*(gr.skip() for _ in outputs[:-1]), open_tab("label")]
            outcome = _run_action(action, Click(state, payload, actor(request)))
            return [
                *section.show(outcome.state),
                self.nav_html(section.name),
                message_html(outcome) if outcome.message else gr.skip(),
                gr.skip(),
            ]

        outputs = [*section.outputs, self.nav, self.message, self.context.tabs]
        component.press(guarded(press), section.state, outputs, **EVENT)


def _run_action(action: Callable[[Click], ClickOutcome], click: Click) -> ClickOutcome:
    """Run the handler; if the page was outdated, show a warning and the current state."""
    try:
        return action(click)
    except (Conflict, NotFound) as error:
        gr.Warning(escape(sentence(error)))
        return ClickOutcome(click.state)


def label_all(services: Services, image_ids: Sequence[int], click: Click) -> tuple[str, int | None]:
    """Give pictures the class that was chosen.

    Returns:
        A message, and the id of the journal event.

    Raises:
        NotFound: There is no such class; an empty choice is none.
    """
    class_ = services.stores.classes.get(click.value)
    changed, event = services.stores.edits.label(image_ids, class_, click.by)
    return f"Labelled {counted(changed)} as {class_.name}.", event


def message_html(outcome: ClickOutcome) -> str:
    """The message of an outcome with an undo button, as HTML."""
    undo = ""
    if outcome.event_id is not None:
        undo = f" <button class='plain' data-press='undo' data-event='{outcome.event_id}'>Undo</button>"
    return f"<p role='status'>{escape(outcome.message)}{undo}</p>"


def section_html(elem_id: str, *more: str, **options: Any) -> gr.HTML:
    """Build an empty HTML component whose buttons, choices and picks trigger the event ``press``."""
    return gr.HTML(
        elem_id=elem_id,
        js_on_load=mounting(SCRIPT, "curate/curate.js", *more, events=("press",)),
        padding=False,
        apply_default_css=False,
        **options,
    )
