"""The Evaluate tab: metrics, charts and mistakes of a run's model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from html import escape
from typing import Any

import gradio as gr

from storage.records import Run
from workbench.services import Services
from workbench.ui.components.click_events import clickable_html
from workbench.ui.components.diff import Keys
from workbench.ui.components.relabel_grid import answers_component
from workbench.ui.context import TabContext, actor, open_tab
from workbench.ui.error_boundary import guarded
from workbench.ui.payload import Payload
from workbench.ui.tabs.evaluate.html import choice_text
from workbench.ui.tabs.evaluate.report import COUNTS, PARTS, SHARES, EvaluateState, show

MAX_RUNS = 500
UNQUEUED: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
# Processed sequentially: a slow answer must not overwrite a later choice.
SEQUENTIAL: dict[str, Any] = {
    "show_progress": "hidden",
    "api_visibility": "private",
    "concurrency_id": "evaluate",
}


@dataclass(frozen=True)
class EvaluateView:
    """The components: parts by name, and the session states ``state`` and ``sent_keys``."""

    choice: gr.Dropdown
    measure: gr.Radio
    parts: dict[str, Any]
    state: gr.State
    sent_keys: gr.State

    @property
    def outputs(self) -> list[Any]:
        """The outputs of :func:`workbench.ui.tabs.evaluate.report.show`, in its order."""
        return [*(self.parts[name] for name in PARTS), self.state, self.sent_keys]


def build(context: TabContext) -> None:
    """Build the tab."""
    with gr.Column(visible=False, elem_id="evaluate-empty") as empty:
        gr.HTML(
            "<p>How good a model is shows here once a run has finished: figures, charts and its mistakes.</p>"
        )
        train = gr.Button("Train a model", variant="primary", elem_id="evaluate-train", scale=0)
    with gr.Column(elem_classes="stage-first", visible=False, elem_id="evaluate") as full:
        with gr.Row(elem_id="evaluate-head"):
            choice = gr.Dropdown(label="Model", elem_id="evaluate-run", filterable=False)
            models = gr.Button(
                "Compare and promote models",
                variant="primary",
                elem_id="evaluate-models",
                scale=0,
                min_width=320,
            )
        view = _build_view(choice)
    models.click(partial(open_tab, "models"), None, context.tabs, **UNQUEUED)
    train.click(partial(open_tab, "train"), None, context.tabs, **UNQUEUED)
    _bind(context, view, [empty, full])


def _build_view(choice: gr.Dropdown) -> EvaluateView:
    parts: dict[str, Any] = {}
    parts["headline"] = _html("evaluate-headline")
    parts["curves"] = _html("evaluate-curves")
    with gr.Row(elem_classes="chart-pair"):
        parts["loss"] = _plot("evaluate-loss")
        parts["accuracy"] = _plot("evaluate-accuracy")
    parts["classes"] = _html("evaluate-classes")
    with gr.Row(elem_classes="chart-pair"):
        parts["table"] = _html("evaluate-table")
        parts["bars"] = _plot("evaluate-bars")
    measure = _build_confusion(parts)
    parts["stays"] = _html("evaluate-stays")
    parts["worst"] = answers_component("evaluate-worst")
    return EvaluateView(choice, measure, parts, gr.State(EvaluateState()), gr.State({}))


def _build_confusion(parts: dict[str, Any]) -> gr.Radio:
    parts["confused"] = _html("evaluate-confused")
    with gr.Row(elem_classes="chart-pair", elem_id="evaluate-cells-area"):
        with gr.Column():
            measure = gr.Radio(
                [("Counts", COUNTS), ("Shares of each row", SHARES)],
                value=COUNTS,
                show_label=False,
                container=False,
                elem_id="evaluate-measure",
            )
            parts["confusion"] = _plot("evaluate-confusion")
        with gr.Column():
            gr.HTML("<p class='note'>Press a cell to see its pictures.</p>", padding=False)
            parts["cells"] = clickable_html("evaluate-cells", "evaluate/confusion.js")
            parts["title"] = _html("evaluate-opened-title")
            parts["opened"] = answers_component("evaluate-opened")
    return measure


def _html(elem_id: str) -> gr.HTML:
    return gr.HTML(elem_id=elem_id, padding=False, apply_default_css=False)


def _plot(elem_id: str) -> gr.Plot:
    return gr.Plot(show_label=False, container=False, elem_id=elem_id)


def _bind(context: TabContext, view: EvaluateView, pages: list[Any]) -> None:
    services = context.services

    def refresh(state: EvaluateState, sent_keys: Keys) -> list[Any]:
        runs = [run for run in services.stores.runs.recent(MAX_RUNS) if run.version]
        newest = runs[0].id if runs else None
        if state.newest != newest:
            state = EvaluateState(newest, newest, state.measure)
        choices = [(_choice_text(services, run), run.id) for run in runs]
        pages = [gr.update(visible=not runs), gr.update(visible=bool(runs))]
        return [*pages, gr.update(choices=choices, value=state.run), *show(services, state, sent_keys)]

    # The form fields define the view, also if the session state of the tab was dropped.
    def current_state(
        run: int, measure: str, state: EvaluateState, sent_keys: Keys
    ) -> tuple[EvaluateState, Keys]:
        cell = state.cell if state.run == run else None
        return replace(state, run=run, measure=measure, cell=cell), sent_keys

    def choose(*fields: Any) -> list[Any]:
        return show(services, *current_state(*fields))

    def press(event: gr.EventData, *fields: Any) -> list[Any]:
        state, sent_keys = current_state(*fields)
        payload = Payload.of(event)
        cell = (payload.text("true"), payload.text("predicted"))
        return show(services, replace(state, cell=cell), sent_keys)

    def relabel(event: gr.EventData, request: gr.Request, *fields: Any) -> list[Any]:
        payload = Payload.of(event)
        revisions = {payload.number("image"): payload.number("revision")}
        class_ = services.stores.classes.get(payload.text("label"))
        services.stores.edits.label(list(revisions), class_, actor(request), revisions)
        gr.Info(f"Labelled as {escape(class_.name)}. Undo it on the Label tab.")
        return show(services, *current_state(*fields))

    outputs = [*pages, view.choice, *view.outputs]
    context.tab.select(guarded(refresh), [view.state, view.sent_keys], outputs, **SEQUENTIAL)
    inputs, parts = [view.choice, view.measure, view.state, view.sent_keys], view.parts
    options: dict[str, Any] = {"outputs": view.outputs, **SEQUENTIAL}
    for field in (view.choice, view.measure):
        field.input(guarded(choose), inputs, **options)
    parts["cells"].press(guarded(press), inputs, **options)
    for grid in (parts["worst"], parts["opened"]):
        grid.relabel(guarded(relabel), inputs, **options)


def _choice_text(services: Services, run: Run) -> str:
    return choice_text(run, services.stores.registry.metrics(str(run.version)))
