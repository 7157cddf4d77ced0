"""Label: look at pictures in a grid or one by one, and say what they show."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from storage.records import Filter
from workbench.services import Services
from workbench.ui.components import board
from workbench.ui.components.board import View
from workbench.ui.components.classes import class_manager, listed
from workbench.ui.components.history import history_list, recent
from workbench.ui.components.scripts import script
from workbench.ui.guard import guarded
from workbench.ui.place import Place, open_tab

SHOW = [
    ("All pictures", ""),
    ("Left to label", "unlabelled"),
    ("Labelled", "labelled"),
    ("In the training split", "train"),
    ("In the validation split", "validation"),
    ("Synthetic", "synthetic"),
]
SORT = [("Newest first", "newest"), ("Oldest first", "oldest"), ("By name", "name")]
ANY = ("Any class", "")
SCRIPTS = (
    "label_node.js",
    "label_queue.js",
    "label_model.js",
    "label_grid.js",
    "label_stage.js",
    "label_keys.js",
    "label_board.js",
)
# A chosen option keeps the focus, and keys do not label while a field has it.
LET_GO = "() => { document.activeElement.blur(); }"
# One after the other: a refresh that began before a page was turned must not bring the old page back.
EVENT: dict[str, Any] = {
    "api_visibility": "private",
    "concurrency_limit": 1,
    "concurrency_id": "label",
    "trigger_mode": "always_last",
    "show_progress": "hidden",
}


@dataclass(frozen=True)
class Parts:
    """The components that events bind to."""

    view: gr.State
    board: gr.HTML
    status: gr.Dropdown
    label: gr.Dropdown
    sort: gr.Dropdown
    classes: gr.HTML
    history: gr.HTML
    work: gr.Row
    empty: gr.Column
    collect: gr.Button

    @property
    def shown(self) -> list[Any]:
        """What :func:`_render` gives, in its order."""
        return [
            *(self.view, self.board, self.status, self.label, self.sort),
            *(self.classes, self.history, self.work, self.empty),
        ]


def build(place: Place) -> None:
    """Build the tab."""
    _bind(place, _view(place.services))


def _view(services: Services) -> Parts:
    view = gr.State(View())
    with gr.Column(visible=False, elem_id="label-empty") as empty:
        gr.Markdown("Pictures that you collect appear here, to be given their class.")
        collect = gr.Button("Collect pictures", variant="primary", elem_id="label-collect")
    with gr.Row(elem_id="label-work", equal_height=False) as work:
        with gr.Column(scale=0, min_width=270, elem_id="label-side"):
            with gr.Row(elem_id="label-filters"):
                status = gr.Dropdown(SHOW, value="", label="Show", filterable=False, elem_id="label-show")
                label = gr.Dropdown([ANY], value="", label="Class", filterable=False, elem_id="label-class")
                sort = gr.Dropdown(
                    SORT, value="newest", label="Order", filterable=False, elem_id="label-sort"
                )
            with gr.Accordion("Classes", elem_id="label-classes-panel"):
                classes = class_manager(services)
            with gr.Accordion("Recent changes", open=False, elem_id="label-history-panel"):
                history = history_list()
        with gr.Column(scale=1, min_width=320, elem_id="label-main"):
            shown = gr.HTML(
                html_template=script("label_board.html"),
                js_on_load=script(*SCRIPTS),
                server_functions=board.asked(services),
                apply_default_css=False,
                elem_id="label-board",
            )
    return Parts(view, shown, status, label, sort, classes, history, work, empty, collect)


def _bind(place: Place, parts: Parts) -> None:
    services, filters = place.services, [parts.status, parts.label, parts.sort]

    def refresh(view: View) -> list[Any]:
        return _render(services, view)

    def choose(status: str, label: str, sort: str) -> list[Any]:
        return _render(services, View(Filter(label, status, sort)))

    def choose_class(status: str, label: str, sort: str) -> list[Any]:
        return choose("" if label and status == "unlabelled" else status, label, sort)

    def choose_status(status: str, label: str, sort: str) -> list[Any]:
        return choose(status, "" if status == "unlabelled" else label, sort)

    def turn(view: View, event: gr.EventData) -> list[Any]:
        cursor = str(event.cursor)
        return _render(services, view.next(cursor) if cursor else view.previous())

    def begin(view: View) -> list[Any]:
        return _render(services, View(replace(view.wanted, label="", status="unlabelled")), "stage")

    def show_all(view: View) -> list[Any]:
        return _render(services, View(Filter(sort=view.wanted.sort)))

    shown, view = parts.shown, parts.view
    for listen, work, inputs in (
        (place.page.load, refresh, view),
        (place.tab.select, refresh, view),
        (parts.board.settled, refresh, view),
        (parts.classes.changed, refresh, view),
        (parts.board.turn, turn, view),
        (parts.board.begin, begin, view),
        (parts.board.all, show_all, view),
        (parts.sort.input, choose, filters),
        (parts.label.input, choose_class, filters),
        (parts.status.input, choose_status, filters),
    ):
        listen(guarded(work), inputs, shown, **EVENT)
    for dropdown in filters:
        dropdown.select(None, js=LET_GO)
    for button, tab in ((parts.collect.click, "collect"), (parts.board.train, "train")):
        button(lambda tab=tab: open_tab(tab), None, place.tabs, api_visibility="private")


def _render(services: Services, view: View, mode: str = "") -> list[Any]:
    view, data = board.present(services, view, mode)
    names = [each["name"] for each in data["classes"]]
    wanted = view.wanted
    return [
        view,
        data,
        gr.update(value=wanted.status),
        gr.update(choices=[ANY, *((name, name) for name in names)], value=wanted.label),
        gr.update(value=wanted.sort or "newest"),
        listed(services),
        recent(services),
        gr.update(visible=data["images"] > 0),
        gr.update(visible=data["images"] == 0),
    ]
