"""Label: look at pictures in a grid or one by one, and say what they show."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

import gradio as gr

from storage.records import Filter
from workbench.services import Services
from workbench.ui.components.assets import mounting, template
from workbench.ui.components.filter_address import fields_of_show_value, filter_from_address, show_value
from workbench.ui.components.history import history_list, people, people_list, recent
from workbench.ui.context import TabContext, actor, open_tab
from workbench.ui.error_boundary import guarded
from workbench.ui.payload import Payload
from workbench.ui.tabs.label import server_functions, view_model
from workbench.ui.tabs.label.class_manager import class_manager, listed
from workbench.ui.tabs.label.filter_choices import ANY_CLASS, ANY_TAG, ORDER, SHOW, show_choices
from workbench.ui.tabs.label.view_model import LabelState, Viewer

EVENTS = ("settled", "turn", "begin", "all", "search", "train")
# A chosen option keeps the focus, and keys do not label while a field has it.
LET_GO = "() => { document.activeElement.blur(); }"
# A page that loads selects its tab as well; the second answer must not undo what a person did after the first.
AGAIN = "again"
ADDRESS = """(view, address) => {
  const [last, when] = window.labelArrived || ['', 0];
  window.labelArrived = [location.search, Date.now()];
  return [view, last === location.search && Date.now() - when < 3000 ? 'again' : location.search];
}"""
WITH_ADDRESS = "(view, address, ...fields) => [view, location.search, ...fields]"
# One after the other: a refresh that began before a page was turned must not bring the old page back.
EVENT: dict[str, Any] = {
    "api_visibility": "private",
    "concurrency_limit": 1,
    "concurrency_id": "label",
    "trigger_mode": "always_last",
    "show_progress": "hidden",
}
LONGEST_SEARCH = 200


@dataclass(frozen=True)
class LabelFields:
    """The components that events bind to."""

    view: gr.State
    address: gr.Textbox
    board: gr.HTML
    status: gr.Dropdown
    label: gr.Dropdown
    tag: gr.Dropdown
    sort: gr.Dropdown
    classes: gr.HTML
    people: gr.HTML
    history: gr.HTML
    work: gr.Row
    empty: gr.Column
    collect: gr.Button

    @property
    def filters(self) -> list[gr.Dropdown]:
        """The fields that choose what is shown."""
        return [self.status, self.label, self.tag, self.sort]

    @property
    def shown(self) -> list[Any]:
        """What :func:`_render` gives, in its order."""
        return [
            *(self.view, self.board, *self.filters),
            *(self.classes, self.people, self.history, self.work, self.empty),
        ]


def build(place: TabContext) -> None:
    """Build the tab."""
    _bind(place, _view(place.services))


def _view(services: Services) -> LabelFields:
    # Empty where a tab is new, or older than what the server remembers of it; the address of the page tells then.
    view, address = gr.State(None), gr.Textbox(visible=False)
    with gr.Column(visible=False, elem_id="label-empty") as empty:
        gr.Markdown("Pictures that you collect appear here, to be given their class.")
        collect = gr.Button("Collect pictures", variant="primary", elem_id="label-collect")
    with gr.Row(elem_id="label-work", equal_height=False) as work:
        with gr.Column(scale=0, min_width=270, elem_id="label-side"):
            status, label, tag, sort = _filters()
            with gr.Accordion("Classes", elem_id="label-classes-panel"):
                classes = class_manager(services)
            with gr.Accordion("Who did how much", open=False, elem_id="label-people-panel"):
                done = people_list()
            with gr.Accordion("Recent changes", open=False, elem_id="label-history-panel"):
                history = history_list()
        with gr.Column(scale=1, min_width=320, elem_id="label-main"):
            shown = gr.HTML(
                html_template=template("label/board.html"),
                js_on_load=mounting("label/board.js", events=EVENTS),
                server_functions=server_functions.functions(services),
                apply_default_css=False,
                elem_id="label-board",
            )
    return LabelFields(
        view, address, shown, status, label, tag, sort, classes, done, history, work, empty, collect
    )  # fmt: skip


def _filters() -> tuple[gr.Dropdown, ...]:
    with gr.Row(elem_id="label-filters"):
        return (
            gr.Dropdown(list(SHOW), value="", label="Show", filterable=False, elem_id="label-show"),
            gr.Dropdown([ANY_CLASS], value="", label="Class", filterable=False, elem_id="label-class"),
            gr.Dropdown(
                [ANY_TAG], value="", label="Tag", filterable=False, visible=False, elem_id="label-tag"
            ),
            gr.Dropdown(ORDER, value="newest", label="Order", filterable=False, elem_id="label-sort"),
        )


@dataclass(frozen=True)
class Callbacks:
    """What a session asks for; each gives what :func:`_render` gives."""

    services: Services

    def refresh(self, view: LabelState | None, address: str, request: gr.Request) -> list[Any]:
        """The same again, as it is now."""
        return self._show(standing(view, address), request)

    def arrive(self, view: LabelState | None, address: str, request: gr.Request) -> list[Any]:
        """What the address of the page names."""
        if address == AGAIN:
            return self._show(view or LabelState(), request)
        named, parts = standing(None, address), _parts(address)
        there = view if view and named.filter_ == view.filter_ else named
        picture = parts.get("picture", "")
        chosen = int(picture) if picture.isdecimal() and len(picture) < 16 else 0
        mode = "stage" if parts.get("view") == "stage" else ""
        return _render(self.services, there, Viewer(actor(request), mode, chosen))

    def status(self, view: LabelState | None, address: str, status: str, request: gr.Request) -> list[Any]:
        """Another choice of what to show; what is left to label has no class."""
        other = {"label": ""} if status == "unlabelled" else {}
        return self._chosen(standing(view, address), {**fields_of_show_value(status or ""), **other}, request)

    def label(self, view: LabelState | None, address: str, label: str, request: gr.Request) -> list[Any]:
        """The pictures of a class."""
        there = standing(view, address)
        other = {"status": ""} if label and there.filter_.status == "unlabelled" else {}
        return self._chosen(there, {"label": label, **other}, request)

    def tag(self, view: LabelState | None, address: str, tag: str, request: gr.Request) -> list[Any]:
        """The pictures with a tag."""
        return self._chosen(standing(view, address), {"tag": tag}, request)

    def sort(self, view: LabelState | None, address: str, sort: str, request: gr.Request) -> list[Any]:
        """Another order."""
        return self._chosen(standing(view, address), {"sort": sort}, request)

    def search(
        self, view: LabelState | None, address: str, event: gr.EventData, request: gr.Request
    ) -> list[Any]:
        """The pictures with a part of their file name."""
        text = Payload.of(event).text("text")[:LONGEST_SEARCH].strip()
        return self._chosen(standing(view, address), {"search": text}, request)

    def turn(
        self, view: LabelState | None, address: str, event: gr.EventData, request: gr.Request
    ) -> list[Any]:
        """The page before or after."""
        cursor, there = Payload.of(event).text("cursor"), standing(view, address)
        return self._show(there.next(cursor) if cursor else there.previous(), request)

    def begin(self, view: LabelState | None, address: str, request: gr.Request) -> list[Any]:
        """What is left to label, one by one."""
        there = LabelState(Filter(status="unlabelled", sort=standing(view, address).filter_.sort))
        return _render(self.services, there, Viewer(actor(request), "stage"))

    def everything(self, view: LabelState | None, address: str, request: gr.Request) -> list[Any]:
        """No filter any more."""
        return self._show(LabelState(Filter(sort=standing(view, address).filter_.sort)), request)

    def _chosen(self, view: LabelState, fields: dict[str, str], request: gr.Request) -> list[Any]:
        return self._show(LabelState(replace(view.filter_, **fields)), request)

    def _show(self, view: LabelState, request: gr.Request) -> list[Any]:
        return _render(self.services, view, Viewer(actor(request)))


def standing(view: LabelState | None, address: str) -> LabelState:
    """What a tab looks at: as the server remembers it, else as the address of the page says."""
    return view or LabelState(filter_from_address(_parts(address)))


def _parts(address: str) -> dict[str, str]:
    return dict(parse_qsl(str(address).removeprefix("?")))


def _bind(place: TabContext, parts: LabelFields) -> None:
    moves, shown, view = Callbacks(place.services), parts.shown, parts.view
    for listen in (place.page.load, place.tab.select):
        listen(guarded(moves.arrive), [view, parts.address], shown, js=ADDRESS, **EVENT)
    for listen, move, inputs in (
        (parts.board.settled, moves.refresh, []),
        (parts.classes.changed, moves.refresh, []),
        (parts.board.turn, moves.turn, []),
        (parts.board.begin, moves.begin, []),
        (parts.board.all, moves.everything, []),
        (parts.board.search, moves.search, []),
        (parts.status.input, moves.status, [parts.status]),
        (parts.label.input, moves.label, [parts.label]),
        (parts.tag.input, moves.tag, [parts.tag]),
        (parts.sort.input, moves.sort, [parts.sort]),
    ):
        listen(guarded(move), [view, parts.address, *inputs], shown, js=WITH_ADDRESS, **EVENT)
    for dropdown in parts.filters:
        dropdown.select(None, js=LET_GO)
    for button, tab in ((parts.collect.click, "collect"), (parts.board.train, "train")):
        button(lambda tab=tab: open_tab(tab), None, place.tabs, api_visibility="private")


def _render(services: Services, view: LabelState, visit: Viewer) -> list[Any]:
    view, data = view_model.page_data(services, view, visit)
    names = [class_["name"] for class_ in data["classes"]]
    filter_, tags = view.filter_, data["tags"]
    return [
        view,
        data,
        gr.update(choices=show_choices(services), value=show_value(filter_)),
        gr.update(choices=[ANY_CLASS, *((name, name) for name in names)], value=filter_.label),
        gr.update(choices=[ANY_TAG, *((tag, tag) for tag in tags)], value=filter_.tag, visible=bool(tags)),
        gr.update(value=filter_.sort or "newest"),
        listed(services),
        people(services),
        recent(services),
        gr.update(visible=data["images"] > 0),
        gr.update(visible=data["images"] == 0),
    ]
