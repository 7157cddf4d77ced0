"""The Curate tab: near-duplicates, suspicious labels, a map of the pictures, quality flags, and the bin."""

from __future__ import annotations

from functools import partial
from typing import Any

import gradio as gr

from workbench.ui.context import TabContext, actor, open_tab
from workbench.ui.error_boundary import guarded
from workbench.ui.payload import Payload
from workbench.ui.tabs.curate import label_errors, map, near_duplicates, quality, trash
from workbench.ui.tabs.curate.section import (
    EVENT,
    ClickOutcome,
    Section,
    SectionFrame,
    message_html,
    section_html,
)

BUILDERS = (
    near_duplicates.build,
    label_errors.build,
    map.build,
    quality.build,
    trash.build,
)


def build(context: TabContext) -> None:
    """Build the tab."""
    with gr.Column(visible=False, elem_id="curate-empty") as empty:
        gr.HTML("<p>Pictures that you collect are looked over here: copies, wrong labels, poor quality.</p>")
        collect = gr.Button("Collect pictures", variant="primary", elem_id="curate-collect", scale=0)
    with gr.Column(visible=False, elem_id="curate") as full:
        with gr.Row(elem_id="curate-top"):
            frame = SectionFrame(
                context, section_html("curate-nav", "curate/address.js"), section_html("curate-said"), []
            )
        frame.sections.extend(builder(frame) for builder in BUILDERS)
    collect.click(partial(open_tab, "collect"), None, context.tabs, api_visibility="private")
    _bind(frame, gr.State(frame.sections[0].name), [empty, full])


def _bind(frame: SectionFrame, opened: gr.State, columns: list[gr.Column]) -> None:
    sections, stores = frame.sections, frame.services.stores
    outputs = [opened, frame.nav, frame.message, *columns, *(section.column for section in sections)]
    for section in sections:
        outputs += section.outputs

    def show(name: str, message: str, *state: Any) -> list[Any]:
        name = name if name in {section.name for section in sections} else sections[0].name
        has_pictures = stores.curation.newest() > 0
        updates = [name, frame.nav_html(name) if has_pictures else "", message]
        updates += [gr.update(visible=not has_pictures), gr.update(visible=has_pictures)]
        updates += [gr.update(visible=section.name == name) for section in sections]
        for section, section_state in zip(sections, state, strict=True):
            updates += (
                section.show(section_state)
                if has_pictures and section.name == name
                else _skip_updates(section)
            )
        return updates

    def open_address(address: str, name: str, *state: Any) -> list[Any]:
        return show(address or name, "", *state)

    def open_section(event: gr.EventData, name: str, *state: Any) -> list[Any]:
        return show(Payload.of(event).text("part", name), "", *state)

    def undo(event: gr.EventData, request: gr.Request, name: str, *state: Any) -> list[Any]:
        undone = stores.journal.undo(actor(request), Payload.of(event).number("event"))
        return show(name, message_html(ClickOutcome(None, f"Undone: {undone.summary}.")), *state)

    inputs = [opened, *(section.state for section in sections)]
    # A gr.State cannot be set by the browser, so the URL parameter is passed in a hidden text field.
    address = gr.Textbox(visible=False)
    script = "(...given) => [new URL(location).searchParams.get('part') || '', ...given.slice(1)]"
    for listener in (frame.context.page.load, frame.context.tab.select):
        listener(guarded(open_address), [address, *inputs], outputs, js=script, **EVENT)
    frame.nav.press(guarded(open_section), inputs, outputs, **EVENT)
    frame.message.press(guarded(undo), inputs, outputs, **EVENT)


def _skip_updates(section: Section) -> list[Any]:
    return [gr.skip() for _ in section.outputs]
