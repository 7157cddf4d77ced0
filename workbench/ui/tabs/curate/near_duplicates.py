"""The section on near-duplicates: groups of pictures to keep, remove or label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from storage.core.errors import Conflict
from storage.queries.image_rows import counted
from storage.records import ClassRecord, ImageRecord
from workbench.catalogue.near_duplicates import DuplicateGroup, OpenDuplicates
from workbench.services import Services
from workbench.ui.components.html import class_name
from workbench.ui.tabs.curate.section import (
    Click,
    ClickOutcome,
    Section,
    SectionFrame,
    label_all,
    section_html,
)
from workbench.ui.tabs.curate.tiles import class_choice, pager, tiles

PAGE_SIZE = 20
MAX_TILES = 12


@dataclass(frozen=True)
class DuplicatesState:
    """The index of the first group on the page, and whether the confirmation of "keep the best of each" is open."""

    begin: int = 0
    confirming: bool = False


def build(frame: SectionFrame) -> Section:
    """Build the section."""
    services = frame.services
    with gr.Column(visible=False, elem_id="curate-alike") as column:
        group_board = section_html("curate-groups")

    def show(state: DuplicatesState) -> list[Any]:
        duplicates = services.near_duplicates.unresolved()
        begin = state.begin if state.begin < len(duplicates.groups) else 0
        state = replace(state, begin=begin)
        return [state, _page_html(services, duplicates, state)]

    section = Section(
        "alike",
        "Look-alikes",
        column,
        gr.State(DuplicatesState()),
        [group_board],
        show,
        lambda: len(services.near_duplicates.unresolved().groups),
    )
    frame.bind_clicks(group_board, section, lambda click: _handle_click(services, click))
    return section


def _handle_click(services: Services, click: Click) -> ClickOutcome:
    state: DuplicatesState = click.state
    if click.kind == "turn":
        return ClickOutcome(DuplicatesState(max(0, click.payload.number("to"))))
    if click.kind in {"ask", "cancel"}:
        return ClickOutcome(replace(state, confirming=click.kind == "ask"))
    if click.kind == "best":
        changed, event = services.near_duplicates.keep_best(click.payload.number("count"), click.by)
        return ClickOutcome(
            DuplicatesState(), f"Moved {counted(changed)} to the bin and kept the best of each.", event
        )
    ids = list(_group(services, click).image_ids)
    if click.kind == "one":
        keep_id = click.picked[0] if click.picked else ids[0]
        changed, event = services.near_duplicates.keep_one(ids, keep_id, click.by)
        return ClickOutcome(state, f"Kept one; {counted(changed)} went to the bin.", event)
    if click.kind == "all":
        _, event = services.near_duplicates.keep_all(ids, click.by)
        message = f"Kept all {len(ids):,}. The group comes back when another picture joins it."
        return ClickOutcome(state, message, event)
    return ClickOutcome(state, *label_all(services, ids, click))


def _group(services: Services, click: Click) -> DuplicateGroup:
    """The group that was clicked.

    Raises:
        Conflict: The group has changed.
    """
    first, size = click.payload.number("group"), click.payload.number("size")
    for group in services.near_duplicates.unresolved().groups:
        if group.image_ids[0] == first and len(group.image_ids) == size:
            return group
    raise Conflict("This group has changed in the meantime, so nothing was done. Look at it again.")


def _page_html(services: Services, duplicates: OpenDuplicates, state: DuplicatesState) -> str:
    if not duplicates.groups:
        return f"<p>{_empty_text(services, duplicates)}</p>"
    groups = duplicates.groups[state.begin : state.begin + PAGE_SIZE]
    image_ids = [image_id for group in groups for image_id in group.image_ids[:MAX_TILES]]
    images = {image.id: image for image in services.stores.catalogue.several(image_ids)}
    classes = services.stores.classes.all()
    rows = "".join(_group_html(group, images, classes) for group in groups)
    return f"{_head_html(duplicates, state)}<div class='groups'>{rows}</div>{pager(state.begin, PAGE_SIZE, len(duplicates.groups))}"


def _empty_text(services: Services, duplicates: OpenDuplicates) -> str:
    if not services.stores.curation.newest():
        return "Pictures that look alike will be shown here as groups."
    settled_text = (
        f" {duplicates.settled:,} {'group was' if duplicates.settled == 1 else 'groups were'} kept whole."
        * bool(duplicates.settled)
    )
    return f"No two pictures look alike, beside those that were settled.{settled_text}"


def _head_html(duplicates: OpenDuplicates, state: DuplicatesState) -> str:
    mixed = sum(group.mixed for group in duplicates.groups)
    groups = "1 group" if len(duplicates.groups) == 1 else f"{len(duplicates.groups):,} groups"
    sentence = f"{groups} of pictures that look alike, {counted(duplicates.pictures)} in all."
    if mixed:
        have = "1 has" if mixed == 1 else f"{mixed:,} have"
        sentence += f" {have} different classes: often one of the labels is wrong. Those are left for you."
    return f"<div class='curate-head'><p>{sentence}</p>{_keep_best_html(len(duplicates.spare), state.confirming)}</div>"


def _keep_best_html(spare: int, confirming: bool) -> str:
    if not spare:
        return ""
    if not confirming:
        return f"<button class='primary' data-press='ask'>Keep the best of each: {_goes_text(spare)} to the bin</button>"
    return (
        f"<div class='confirm' role='alert'><span>{_goes_text(spare)} to the bin. Undo brings them back.</span>"
        f"<button class='primary' data-press='best' data-count='{spare}'>Move {counted(spare)}</button>"
        "<button class='plain' data-press='cancel'>Cancel</button></div>"
    )


def _goes_text(count: int) -> str:
    return f"{counted(count)} {'goes' if count == 1 else 'go'}"


def _group_html(
    group: DuplicateGroup, images: Mapping[int, ImageRecord], classes: Sequence[ClassRecord]
) -> str:
    size = len(group.image_ids)
    warning = "<span class='chip warn'>different classes</span>" if group.mixed else ""
    present = [images[image_id] for image_id in group.image_ids if image_id in images]
    hidden = size - MAX_TILES
    more = f"<p class='note'>and {hidden:,} more like them</p>" if hidden > 0 else ""
    return (
        f"<section class='alike' data-scope data-group='{group.image_ids[0]}' data-size='{size}' aria-label='{counted(size)} that look alike'>"
        f"<header><b>{counted(size)}</b><span class='shares'>{_shares_html(group, classes)}</span>{warning}</header>"
        f"{tiles(present, group.image_ids[:1], single=True)}{more}"
        f"<footer><button class='plain' data-press='one'>Keep the marked one, {counted(size - 1)} to the bin</button>"
        f"<button class='plain' data-press='all'>Keep all</button>"
        f"{class_choice(classes, f'Label all {size:,} as')}</footer></section>"
    )


def _shares_html(group: DuplicateGroup, classes: Sequence[ClassRecord]) -> str:
    by_id = {class_.id: class_name(class_.name, {class_.name: class_.colour}) for class_ in classes}
    return " ".join(f"{by_id.get(class_id, 'no class')} {count:,}" for class_id, count in group.shares)
