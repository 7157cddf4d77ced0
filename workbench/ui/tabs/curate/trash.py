"""The section on the bin: archived pictures, to restore or to delete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from storage.core.errors import Conflict
from storage.queries.image_rows import counted
from storage.records import Filter
from workbench.catalogue.trash import CONFIRMATION_WORDS
from workbench.services import Services
from workbench.ui.payload import STALE
from workbench.ui.tabs.curate.section import Click, ClickOutcome, Section, SectionFrame, section_html
from workbench.ui.tabs.curate.tiles import tiles

PAGE_SIZE = 60
BIN = Filter(status="bin")


@dataclass(frozen=True)
class TrashState:
    """The cursors of the pages up to the current one."""

    cursors: tuple[str, ...] = ("",)


def build(frame: SectionFrame) -> Section:
    """Build the section."""
    services = frame.services
    with gr.Column(visible=False, elem_id="curate-bin") as column:
        bin_board = section_html("curate-binned")

    def show(state: TrashState) -> list[Any]:
        page = services.stores.pages.page(BIN, state.cursors[-1], PAGE_SIZE)
        if not page.items and len(state.cursors) > 1:
            return show(TrashState(state.cursors[:-1]))
        if not page.items:
            return [state, "<p>The bin is empty. Pictures that you remove from the catalogue come here.</p>"]
        pager = _pager_html(state, page.next_cursor)
        return [state, f"<div data-scope>{_head_html(page.total)}{tiles(page.items)}{pager}</div>"]

    section = Section(
        "bin", "Bin", column, gr.State(TrashState()), [bin_board], show, services.stores.curation.in_bin
    )
    frame.bind_clicks(bin_board, section, lambda click: _handle_click(services, click))
    return section


def _handle_click(services: Services, click: Click) -> ClickOutcome:
    state: TrashState = click.state
    if click.kind == "next":
        return ClickOutcome(TrashState((*state.cursors, click.payload.text("cursor"))))
    if click.kind == "previous":
        return ClickOutcome(TrashState(state.cursors[:-1] or ("",)))
    if click.kind == "empty":
        count = services.trash.empty(click.value, click.by)
        return ClickOutcome(TrashState(), f"Removed {counted(count)} for good.")
    if click.kind != "restore":
        raise Conflict(STALE)
    ids = click.picked or services.stores.pages.all_ids(BIN)
    changed, event = services.stores.edits.restore(ids, click.by)
    return ClickOutcome(state, f"Brought {counted(changed)} back.", event)


def _head_html(total: int) -> str:
    all_text = f"Restore all {total:,}" if total > 1 else "Restore all"
    return (
        f"<div class='curate-head'><p>{counted(total)} in the bin. They are not trained on and not counted, and come back with their class.</p>"
        f"<button class='primary' data-press='restore' data-some='Restore {{}}' data-whole='{all_text}'>{all_text}</button></div>"
        "<details class='emptying'><summary>Empty the bin …</summary>"
        f"<p>This removes {counted(total)} with all files, and cannot be undone. Type <b>{total}</b> or <b>{CONFIRMATION_WORDS}</b> to confirm.</p>"
        f"<div><input data-typed aria-label='Type {total} to confirm' autocomplete='off' placeholder='{total}'>"
        "<button class='stop' data-press='empty' data-typed-by>Empty the bin</button></div></details>"
    )


def _pager_html(state: TrashState, cursor: str) -> str:
    if len(state.cursors) == 1 and not cursor:
        return ""
    disabled = "" if len(state.cursors) > 1 else " disabled"
    return (
        f"<div class='pager'><button class='plain' data-press='previous'{disabled}>Previous</button>"
        f"<span>Page {len(state.cursors):,}</span>"
        f"<button class='plain' data-press='next' data-cursor='{cursor}'{'' if cursor else ' disabled'}>Next</button></div>"
    )
