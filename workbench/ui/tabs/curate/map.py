"""The section with the map of the pictures: a lasso selects pictures to label or remove."""

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
from workbench.ui.error_boundary import guarded
from workbench.ui.tabs.curate.label_errors import POLL_SECONDS, state_html
from workbench.ui.tabs.curate.map_colours import COLOURINGS, point_groups
from workbench.ui.tabs.curate.section import (
    EVENT,
    Click,
    ClickOutcome,
    Section,
    SectionFrame,
    label_all,
    section_html,
)
from workbench.ui.tabs.curate.tiles import class_choice, tiles

MAX_POINTS = 5000
MAX_SELECTED = 300


@dataclass(frozen=True)
class MapState:
    """The session's view of the map.

    Attributes:
        colouring: The colour scheme.
        selected: The ids of the selected pictures that are shown.
        selected_count: How many pictures were selected.
        zoom: The visible range.
        figure_key: The key of the figure that was last sent to the page.
    """

    colouring: str = "class"
    selected: tuple[int, ...] = ()
    selected_count: int = 0
    zoom: Zoom | None = None
    figure_key: str = ""


def build(frame: SectionFrame) -> Section:
    """Build the section."""
    services = frame.services
    with gr.Column(visible=False, elem_id="curate-map") as column:
        status_board = section_html("curate-map-state")
        colouring_field = gr.Radio(
            [(words, name) for name, words in COLOURINGS.items()],
            value="class",
            label="Colour by",
            show_label=False,
            container=False,
            elem_id="curate-colouring",
        )
        plot = gr.Plot(show_label=False, container=False, elem_id="curate-plot")
        selection_board = section_html("curate-chosen", "curate/map.js")
        timer = gr.Timer(POLL_SECONDS, active=False)
    section = Section(
        "map",
        "Map",
        column,
        gr.State(MapState()),
        [status_board, colouring_field, plot, selection_board, timer],
        partial(_updates, services),
        lambda: None,
    )
    for component in (status_board, selection_board):
        frame.bind_clicks(component, section, lambda click: _handle_click(services, click))
    options: dict[str, Any] = {"outputs": section.outputs, **EVENT}
    timer.tick(guarded(section.show), section.state, **options)

    def recolour(state: MapState, colouring: str) -> list[Any]:
        return section.show(replace(state, colouring=colouring))

    colouring_field.input(guarded(recolour), [section.state, colouring_field], **options)
    return section


def _updates(services: Services, state: MapState) -> list[Any]:
    status, curation = services.active_learning.status(), services.stores.curation
    version_key = [
        status.mapped,
        curation.newest(),
        curation.last_event(),
        status.suspicious,
        status.trained_at,
    ]
    key = repr([state.colouring, *version_key])
    figure = gr.skip()
    if state.figure_key != key:
        groups = point_groups(services, state.colouring, MAX_POINTS) if status.mapped else []
        figure = gr.update(value=map_figure(groups, state.zoom), visible=True) if groups else _no_plot()
    return [
        replace(state, figure_key=key),
        state_html(status),
        gr.update(visible=status.mapped > 0),
        figure,
        _selection_html(services, state) if status.mapped else "",
        gr.Timer(active=status.running),
    ]


def _no_plot() -> Any:
    return gr.update(value=None, visible=False)


def _handle_click(services: Services, click: Click) -> ClickOutcome:
    state: MapState = click.state
    if click.kind == "refresh":
        services.active_learning.refresh()
        return ClickOutcome(state)
    if click.kind == "zoom":
        return ClickOutcome(
            replace(state, zoom=_zoom(click.payload.values.get("x"), click.payload.values.get("y")))
        )
    if click.kind == "chosen":
        return ClickOutcome(
            replace(state, selected=tuple(click.picked[:MAX_SELECTED]), selected_count=len(click.picked))
        )
    if click.kind == "none":
        return ClickOutcome(replace(state, selected=(), selected_count=0))
    if not click.picked:
        raise Conflict("No picture is picked. Pick some, then say what becomes of them.")
    if click.kind == "archive":
        changed, event = services.stores.edits.archive(click.picked, click.by)
        return ClickOutcome(state, f"Moved {counted(changed)} to the bin.", event)
    return ClickOutcome(state, *label_all(services, click.picked, click))


def _zoom(x: Any, y: Any) -> Zoom | None:
    if not (_is_range(x) and _is_range(y)):
        return None
    return Zoom((float(x[0]), float(x[1])), (float(y[0]), float(y[1])))


def _is_range(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(end, int | float) for end in value)


def _selection_html(services: Services, state: MapState) -> str:
    images = services.stores.catalogue.several(state.selected)
    if not images:
        return "<p class='note'>Pictures that look alike lie close together. Draw round some of them to see them here.</p>"
    return f"<div data-scope>{_selection_head(services, len(images), state.selected_count)}{tiles(images, _ids(state.selected))}</div>"


def _ids(selected: Sequence[int]) -> frozenset[int]:
    return frozenset(selected)


def _selection_head(services: Services, count: int, selected_count: int) -> str:
    cut = (
        f" The first {MAX_SELECTED:,} of {selected_count:,} are shown; draw a smaller shape for the others."
        * (selected_count > MAX_SELECTED)
    )
    classes = class_choice(services.stores.classes.all(), "Label the picked ones as")
    move_text = f"Move {counted(count)} to the bin"
    return (
        f"<div class='curate-head'><p>{counted(count)} chosen. Press one to leave it out.{cut}</p>{classes}"
        f"<button class='plain' data-press='archive' data-some='Move {{}} to the bin' data-whole='Pick pictures first'>{move_text}</button>"
        "<button class='plain' data-press='none'>Clear</button></div>"
    )
