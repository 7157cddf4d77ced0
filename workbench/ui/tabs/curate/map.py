"""The map of the pictures: a lasso opens those inside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import gradio as gr

from storage.core.errors import Conflict
from storage.queries.image_rows import counted
from workbench.charts.projection import Zoom, map_figure
from workbench.services import Services
from workbench.ui.components.assets import script
from workbench.ui.error_boundary import guarded
from workbench.ui.tabs.curate.label_errors import POLL_SECONDS, state_html
from workbench.ui.tabs.curate.map_colours import COLOURINGS, kinds
from workbench.ui.tabs.curate.section import EVENT, Click, ClickOutcome, Section, SectionFrame, board
from workbench.ui.tabs.curate.tiles import class_choice, tiles

MOST_POINTS = 5000
MOST_CHOSEN = 300


@dataclass(frozen=True)
class MapState:
    """How the points are coloured, what the lasso holds and how many that were, the zoom, and which figure was sent."""

    colouring: str = "class"
    chosen: tuple[int, ...] = ()
    held: int = 0
    zoom: Zoom | None = None
    sent: str = ""


def build(frame: SectionFrame) -> Section:
    """Build the section."""
    services = frame.services
    with gr.Column(visible=False, elem_id="curate-map") as column:
        state = board("curate-map-state")
        colouring = gr.Radio(
            [(words, name) for name, words in COLOURINGS.items()],
            value="class",
            label="Colour by",
            show_label=False,
            container=False,
            elem_id="curate-colouring",
        )
        plot = gr.Plot(show_label=False, container=False, elem_id="curate-plot")
        chosen = board("curate-chosen", script("curate/map.js"))
        timer = gr.Timer(POLL_SECONDS, active=False)
    section = Section(
        "map",
        "Map",
        column,
        gr.State(MapState()),
        [state, colouring, plot, chosen, timer],
        partial(_show, services),
        lambda: None,
    )
    for component in (state, chosen):
        frame.acts(component, section, lambda press: _act(services, press))
    acts: dict[str, Any] = {"outputs": section.outputs, **EVENT}
    timer.tick(guarded(section.show), section.looked, **acts)

    def recolour(looked: MapState, name: str) -> list[Any]:
        return section.show(replace(looked, colouring=name))

    colouring.input(guarded(recolour), [section.looked, colouring], **acts)
    return section


def _show(services: Services, looked: MapState) -> list[Any]:
    status, curation = services.insight.status(), services.stores.curation
    stamp = [status.mapped, curation.newest(), curation.last_event(), status.suspicious, status.trained_at]
    key = repr([looked.colouring, *stamp])
    figure = gr.skip()
    if looked.sent != key:
        found = kinds(services, looked.colouring, MOST_POINTS) if status.mapped else []
        figure = gr.update(value=map_figure(found, looked.zoom), visible=True) if found else _no_plot()
    return [
        replace(looked, sent=key),
        state_html(status),
        gr.update(visible=status.mapped > 0),
        figure,
        _chosen(services, looked) if status.mapped else "",
        gr.Timer(active=status.running),
    ]


def _no_plot() -> Any:
    return gr.update(value=None, visible=False)


def _act(services: Services, press: Click) -> ClickOutcome:
    looked: MapState = press.looked
    if press.kind == "refresh":
        services.insight.refresh()
        return ClickOutcome(looked)
    if press.kind == "zoom":
        return ClickOutcome(
            replace(looked, zoom=_zoom(press.sent.values.get("x"), press.sent.values.get("y")))
        )
    if press.kind == "chosen":
        return ClickOutcome(replace(looked, chosen=tuple(press.picked[:MOST_CHOSEN]), held=len(press.picked)))
    if press.kind == "none":
        return ClickOutcome(replace(looked, chosen=(), held=0))
    if not press.picked:
        raise Conflict("No picture is picked. Pick some, then say what becomes of them.")
    if press.kind == "archive":
        changed, event = services.stores.edits.archive(press.picked, press.by)
        return ClickOutcome(looked, f"Moved {counted(changed)} to the bin.", event)
    to = services.stores.classes.get(press.value)
    changed, event = services.stores.edits.label(press.picked, to, press.by)
    return ClickOutcome(looked, f"Labelled {counted(changed)} as {to.name}.", event)


def _zoom(x: Any, y: Any) -> Zoom | None:
    if not (_is_range(x) and _is_range(y)):
        return None
    return Zoom((float(x[0]), float(x[1])), (float(y[0]), float(y[1])))


def _is_range(value: Any) -> bool:
    return (
        isinstance(value, list) and len(value) == 2 and all(isinstance(each, int | float) for each in value)
    )


def _chosen(services: Services, looked: MapState) -> str:
    images = services.stores.catalogue.several(looked.chosen)
    if not images:
        return "<p class='note'>Pictures that look alike lie close together. Draw round some of them to see them here.</p>"
    return f"<div data-scope>{_head(services, len(images), looked.held)}{tiles(images, _ids(looked.chosen))}</div>"


def _ids(chosen: Sequence[int]) -> frozenset[int]:
    return frozenset(chosen)


def _head(services: Services, count: int, held: int) -> str:
    more = f" The first {MOST_CHOSEN:,} of {held:,} are shown; draw a smaller shape for the others." * (
        held > MOST_CHOSEN
    )
    classes = class_choice(services.stores.classes.all(), "Label the picked ones as")
    move = f"Move {counted(count)} to the bin"
    return (
        f"<div class='curate-head'><p>{counted(count)} chosen. Press one to leave it out.{more}</p>{classes}"
        f"<button class='plain' data-press='archive' data-some='Move {{}} to the bin' data-whole='Pick pictures first'>{move}</button>"
        "<button class='plain' data-press='none'>Clear</button></div>"
    )
