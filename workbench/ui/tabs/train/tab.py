"""Train: how, with which settings, one button, and the run as it goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from workbench.services import Services
from workbench.ui.components.click_events import pressable
from workbench.ui.context import TabContext
from workbench.ui.error_boundary import guarded
from workbench.ui.tabs.train.events import bind_acts
from workbench.ui.tabs.train.form import (
    FORMING,
    Form,
    build_form,
    build_recipe,
    fitting,
    read,
    show,
    show_net,
    show_useful,
    switched,
)
from workbench.ui.tabs.train.options import minutes_of, nets_html, recipe_choices
from workbench.ui.tabs.train.preflight import Preflight, build_ahead, build_help, save_setting, show_ahead
from workbench.ui.tabs.train.run_panel import IDLE_SECONDS, RunPanel, build_run, show_run

QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
# One after the other: an answer that took long must not come after that to a later change.
IN_TURN: dict[str, Any] = {
    "show_progress": "hidden",
    "api_visibility": "private",
    "concurrency_id": "train-ahead",
}


@dataclass(frozen=True)
class TrainTab:
    """The parts of the tab."""

    form: Form
    ahead: Preflight
    under: RunPanel
    nets: gr.HTML


def build(place: TabContext) -> None:
    """Build the tab."""
    recipe = build_recipe()
    with gr.Row(elem_classes=["work", "stage-first"]):
        with gr.Column(elem_classes="controls"):
            form = build_form(recipe)
        with gr.Column(elem_classes="stage"):
            ahead = build_ahead()
            parts = {**build_run(), "start": ahead.start}
            ahead.plan.render()
            runs = pressable("train-runs")
            nets = build_help()
    tab = TrainTab(form, ahead, RunPanel(parts, runs, gr.Timer(IDLE_SECONDS), gr.State({})), nets)
    _bind_refresh(place, tab)
    _bind_fields(place.services, tab)
    _bind_forming(place.services, tab)
    bind_acts(place, form, ahead, tab.under)


def _bind_refresh(place: TabContext, tab: TrainTab) -> None:
    services, under = place.services, tab.under

    def fields() -> list[Any]:
        draft = fitting(services, services.training.draft())
        return [*show(tab.form, services, draft), nets_html(services.settings.weights_folder)]

    def ahead_now() -> list[Any]:
        return show_ahead(services, fitting(services, services.training.draft()))

    # Apart, since the fields are there at once and the first split takes a second.
    place.tab.select(guarded(fields), None, [*tab.form.outputs, tab.nets], **QUIET)
    place.tab.select(guarded(partial(show_run, services)), under.sent, under.outputs, **QUIET)
    place.tab.select(guarded(ahead_now), None, tab.ahead.outputs, **IN_TURN)
    under.timer.tick(guarded(partial(show_run, services)), under.sent, under.outputs, **QUIET)


def _bind_fields(services: Services, tab: TrainTab) -> None:
    """Keep each field as it is changed, and say what a run would be then."""
    form, ahead = tab.form, tab.ahead

    def save(key: str) -> Callable[..., list[Any]]:
        def saved(*values: Any) -> list[Any]:
            return save_setting(services, key, read(form, values))

        return guarded(saved)

    def weigh(*values: Any) -> list[Any]:
        answer = save_setting(services, "class_weights", read(form, values))
        return [*answer, show(form, services, services.training.draft())[len(form.fields)]]

    def search(*values: Any) -> list[Any]:
        answer = save_setting(services, "max_minutes", read(form, values))
        choices = recipe_choices(minutes_of(services.training.draft()))
        return [*answer, gr.update(choices=choices)]

    quiet = {**IN_TURN, "trigger_mode": "always_last"}
    for key, field in form.fields.items():
        if key not in {"recipe", "class_weights", "max_minutes"}:
            field.input(save(key), form.inputs, ahead.outputs, **quiet)
    minutes, recipe = form.fields["max_minutes"], form.fields["recipe"]
    minutes.input(guarded(search), form.inputs, [*ahead.outputs, recipe], **quiet)
    form.fields["class_weights"].input(guarded(weigh), form.inputs, [*ahead.outputs, form.weights], **quiet)
    form.weights.weighed(save("class_weights"), form.inputs, ahead.outputs, **quiet)


def _bind_forming(services: Services, tab: TrainTab) -> None:
    """Show the fields that belong to what is chosen, and hide the others."""
    form, ahead = tab.form, tab.ahead

    def choose(recipe: str) -> list[Any]:
        draft = services.training.change_draft(lambda draft: fitting(services, switched(draft, recipe)))
        return [*show(form, services, draft), *show_ahead(services, draft)]

    def useful(*values: Any) -> list[Any]:
        return show_useful(form, read(form, values))

    form.fields["recipe"].input(
        guarded(choose), form.fields["recipe"], [*form.outputs, *ahead.outputs], **IN_TURN
    )
    for key in FORMING:
        form.fields[key].input(guarded(useful), form.inputs, list(form.fields.values()), **QUIET)
    net = guarded(partial(show_net, services))
    form.fields["architecture"].input(net, form.fields["architecture"], form.net, **QUIET)
