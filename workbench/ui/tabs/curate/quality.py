"""The section on quality flags: counts, with links to the pictures on the Label tab."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import gradio as gr

from storage.queries.image_rows import counted
from workbench.ui.components.html import table
from workbench.ui.tabs.curate.section import ClickOutcome, Section, SectionFrame, section_html

MEANINGS = {
    "too small": "is so small that it has less than half the detail that a model can see",
    "blurred": "has soft edges only",
    "dark": "has hardly a light spot",
    "bright": "has hardly a dark spot",
    "uniform": "has hardly anything to see, such as a lens cap or a wall",
    "odd aspect": "is over three times as long as it is wide, a thin strip in a square",
    "transparent": "has a see-through ground, which becomes white",
    "grayscale": "has no colours",
}


def build(frame: SectionFrame) -> Section:
    """Build the section."""
    curation = frame.services.stores.curation
    with gr.Column(visible=False, elem_id="curate-quality") as column:
        flag_board = section_html("curate-flags")

    def show(state: Any) -> list[Any]:
        return [state, _table_html(curation.flagged())]

    section = Section("quality", "Quality", column, gr.State(None), [flag_board], show, lambda: None)
    frame.bind_clicks(flag_board, section, lambda click: ClickOutcome(click.state))
    return section


def _table_html(flagged: dict[str, int]) -> str:
    rows = [
        [name, MEANINGS[name], f"{count:,}", _link_html(name, count)]
        for name, count in sorted(flagged.items(), key=lambda item: -item[1])
    ]
    note = "<p class='note'>Flags are set as pictures come in. None is a fault by itself: look before you remove one.</p>"
    return f"{table(['flag', 'a picture that', 'pictures', ''], rows, 'Quality flags', wide=True)}{note}"


def _link_html(name: str, count: int) -> str:
    if not count:
        return ""
    return f"<a href='?tab=label&show={quote(f'flag:{name}')}' data-go>Look at {counted(count)}</a>"
