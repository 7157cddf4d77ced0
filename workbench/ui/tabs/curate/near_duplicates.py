"""Look-alikes: groups of near-duplicates, and what becomes of each."""

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
from workbench.ui.tabs.curate.section import Click, ClickOutcome, Section, SectionFrame, board
from workbench.ui.tabs.curate.tiles import class_choice, pager, tiles

PAGE = 20
MOST_TILES = 12


@dataclass(frozen=True)
class DuplicatesState:
    """The first group on the page, and whether keeping the best of each is about to be confirmed."""

    begin: int = 0
    asked: bool = False


def build(frame: SectionFrame) -> Section:
    """Build the section."""
    services = frame.services
    with gr.Column(visible=False, elem_id="curate-alike") as column:
        page = board("curate-groups")

    def show(looked: DuplicatesState) -> list[Any]:
        found = services.lookalikes.found()
        begin = looked.begin if looked.begin < len(found.groups) else 0
        looked = replace(looked, begin=begin)
        return [looked, _page(services, found, looked)]

    section = Section(
        "alike",
        "Look-alikes",
        column,
        gr.State(DuplicatesState()),
        [page],
        show,
        lambda: len(services.lookalikes.found().groups),
    )
    frame.acts(page, section, lambda press: _act(services, press))
    return section


def _act(services: Services, press: Click) -> ClickOutcome:
    looked: DuplicatesState = press.looked
    if press.kind == "turn":
        return ClickOutcome(DuplicatesState(max(0, press.sent.number("to"))))
    if press.kind in {"ask", "cancel"}:
        return ClickOutcome(replace(looked, asked=press.kind == "ask"))
    if press.kind == "best":
        changed, event = services.lookalikes.keep_best(press.sent.number("count"), press.by)
        return ClickOutcome(
            DuplicatesState(), f"Moved {counted(changed)} to the bin and kept the best of each.", event
        )
    ids = list(_group(services, press).image_ids)
    if press.kind == "one":
        keep = press.picked[0] if press.picked else ids[0]
        changed, event = services.lookalikes.keep_one(ids, keep, press.by)
        return ClickOutcome(looked, f"Kept one; {counted(changed)} went to the bin.", event)
    if press.kind == "all":
        _, event = services.lookalikes.keep_all(ids, press.by)
        said = f"Kept all {len(ids):,}. The group comes back when another picture joins it."
        return ClickOutcome(looked, said, event)
    to = services.stores.classes.get(press.value)
    changed, event = services.stores.edits.label(ids, to, press.by)
    return ClickOutcome(looked, f"Labelled {counted(changed)} as {to.name}.", event)


def _group(services: Services, press: Click) -> DuplicateGroup:
    """The group as it was shown."""
    first, size = press.sent.number("group"), press.sent.number("size")
    for group in services.lookalikes.found().groups:
        if group.image_ids[0] == first and len(group.image_ids) == size:
            return group
    raise Conflict("This group has changed in the meantime, so nothing was done. Look at it again.")


def _page(services: Services, found: OpenDuplicates, looked: DuplicatesState) -> str:
    if not found.groups:
        return f"<p>{_nothing(services, found)}</p>"
    shown = found.groups[looked.begin : looked.begin + PAGE]
    wanted = [image_id for each in shown for image_id in each.image_ids[:MOST_TILES]]
    images = {each.id: each for each in services.stores.catalogue.several(wanted)}
    classes = services.stores.classes.all()
    rows = "".join(_row(each, images, classes) for each in shown)
    return f"{_head(found, looked)}<div class='groups'>{rows}</div>{pager(looked.begin, PAGE, len(found.groups))}"


def _nothing(services: Services, found: OpenDuplicates) -> str:
    if not services.stores.curation.newest():
        return "Pictures that look alike will be shown here as groups."
    kept = f" {found.settled:,} {'group was' if found.settled == 1 else 'groups were'} kept whole." * bool(
        found.settled
    )
    return f"No two pictures look alike, beside those that were settled.{kept}"


def _head(found: OpenDuplicates, looked: DuplicatesState) -> str:
    mixed = sum(group.mixed for group in found.groups)
    groups = "1 group" if len(found.groups) == 1 else f"{len(found.groups):,} groups"
    words = f"{groups} of pictures that look alike, {counted(found.pictures)} in all."
    if mixed:
        have = "1 has" if mixed == 1 else f"{mixed:,} have"
        words += f" {have} different classes: often one of the labels is wrong. Those are left for you."
    return f"<div class='curate-head'><p>{words}</p>{_best(len(found.spare), looked.asked)}</div>"


def _best(spare: int, asked: bool) -> str:
    if not spare:
        return ""
    if not asked:
        return f"<button class='primary' data-press='ask'>Keep the best of each: {_go(spare)} to the bin</button>"
    return (
        f"<div class='confirm' role='alert'><span>{_go(spare)} to the bin. Undo brings them back.</span>"
        f"<button class='primary' data-press='best' data-count='{spare}'>Move {counted(spare)}</button>"
        "<button class='plain' data-press='cancel'>Cancel</button></div>"
    )


def _go(count: int) -> str:
    return f"{counted(count)} {'goes' if count == 1 else 'go'}"


def _row(group: DuplicateGroup, images: Mapping[int, ImageRecord], classes: Sequence[ClassRecord]) -> str:
    size = len(group.image_ids)
    warning = "<span class='chip warn'>different classes</span>" if group.mixed else ""
    there = [images[each] for each in group.image_ids if each in images]
    hidden = size - MOST_TILES
    more = f"<p class='note'>and {hidden:,} more like them</p>" if hidden > 0 else ""
    return (
        f"<section class='alike' data-scope data-group='{group.image_ids[0]}' data-size='{size}' aria-label='{counted(size)} that look alike'>"
        f"<header><b>{counted(size)}</b><span class='shares'>{_shares(group, classes)}</span>{warning}</header>"
        f"{tiles(there, group.image_ids[:1], one=True)}{more}"
        f"<footer><button class='plain' data-press='one'>Keep the marked one, {counted(size - 1)} to the bin</button>"
        f"<button class='plain' data-press='all'>Keep all</button>"
        f"{class_choice(classes, f'Label all {size:,} as')}</footer></section>"
    )


def _shares(group: DuplicateGroup, classes: Sequence[ClassRecord]) -> str:
    by_id = {class_.id: class_name(class_.name, {class_.name: class_.colour}) for class_ in classes}
    return " ".join(f"{by_id.get(class_id, 'no class')} {count:,}" for class_id, count in group.shares)
