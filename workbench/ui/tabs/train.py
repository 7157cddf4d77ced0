"""Train: settings and plan, one button, and the run as it goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import gradio as gr

from workbench.services import Services
from workbench.training.spec import TrainingSpec
from workbench.ui.components.changes import Keys
from workbench.ui.components.press import pressable
from workbench.ui.guard import guarded
from workbench.ui.place import Place, open_tab
from workbench.ui.tabs.train_ahead import Ahead, build_ahead, save_setting, show_ahead
from workbench.ui.tabs.train_form import Form, build_form, fitting, read, show
from workbench.ui.tabs.train_run import IDLE_SECONDS, Under, build_run, show_run

QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
# One after the other: an answer that took long must not come after that to a later change.
IN_TURN: dict[str, Any] = {
    "show_progress": "hidden",
    "api_visibility": "private",
    "concurrency_id": "train-ahead",
}


def build(place: Place) -> None:
    """Build the tab."""
    with gr.Row(elem_classes=["work", "stage-first"]):
        with gr.Column(elem_classes="controls"):
            form = build_form()
        with gr.Column(elem_classes="stage"):
            parts = build_run()
            ahead = build_ahead()
            parts["start"] = ahead.start
            runs = pressable("train-runs")
    under = Under(parts, runs, gr.Timer(IDLE_SECONDS), gr.State({}))
    _bind_refresh(place, form, ahead, under)
    _bind_form(place.services, form, ahead)
    _bind_buttons(place, form, ahead, under)


def _bind_refresh(place: Place, form: Form, ahead: Ahead, under: Under) -> None:
    services = place.services

    def fields() -> list[Any]:
        return show(form, services, fitting(services, services.training.draft()))

    def ahead_now() -> list[Any]:
        return show_ahead(services, fitting(services, services.training.draft()))

    # Apart, since the fields are there at once and the first split takes a second.
    place.tab.select(guarded(fields), None, form.inputs, **QUIET)
    place.tab.select(guarded(partial(show_run, services)), under.sent, under.outputs, **QUIET)
    place.tab.select(guarded(ahead_now), None, ahead.outputs, **IN_TURN)
    under.timer.tick(guarded(partial(show_run, services)), under.sent, under.outputs, **QUIET)


def _bind_form(services: Services, form: Form, ahead: Ahead) -> None:
    def save(key: str) -> Callable[..., list[Any]]:
        def saved(*values: Any) -> list[Any]:
            return save_setting(services, key, read(form, values))

        return guarded(saved)

    def weigh(*values: Any) -> list[Any]:
        answer = save_setting(services, "class_weights", read(form, values))
        return [*answer, show(form, services, services.training.draft())[-1]]

    quiet = {**IN_TURN, "trigger_mode": "always_last"}
    for key, field in form.fields.items():
        if key != "class_weights":
            field.input(save(key), form.inputs, ahead.outputs, **quiet)
    form.fields["class_weights"].input(guarded(weigh), form.inputs, [*ahead.outputs, form.weights], **quiet)
    form.weights.weighed(save("class_weights"), form.inputs, ahead.outputs, **quiet)


def _bind_buttons(place: Place, form: Form, ahead: Ahead, under: Under) -> None:
    services, parts = place.services, under.parts

    def start(*values: Any) -> list[Any]:
        given = read(form, values)
        return _started(services, services.training.change_draft(lambda draft: replace(draft, **given)))

    def again(sent: Keys) -> list[Any]:
        return _started(services, TrainingSpec.from_dict(services.stores.runs.get(sent["run"]).spec))

    def stop(sent: Keys) -> list[Any]:
        services.training.stop(sent["run"])
        return show_run(services, {})

    def cancel(event: gr.EventData) -> list[Any]:
        services.training.stop(int(event._data["run"]))
        return show_run(services, {})

    acts: dict[str, Any] = {"outputs": under.outputs, "api_visibility": "private", "show_progress": "hidden"}
    ahead.start.click(guarded(start), form.inputs, **acts)
    parts["again"].click(guarded(again), under.sent, **acts)
    parts["stop"].click(guarded(stop), under.sent, **acts)
    under.runs.press(guarded(cancel), **acts)
    doors = (
        (parts["see"], "evaluate"),
        (parts["models"], "models"),
        (ahead.collect, "collect"),
        (ahead.label, "label"),
    )
    for button, name in doors:
        button.click(partial(open_tab, name), None, place.tabs, **QUIET)


def _started(services: Services, spec: TrainingSpec) -> list[Any]:
    before = services.stores.runs.active()
    run_id = services.training.start(spec)
    if before:
        gr.Info(f"Run {run_id} waits for run {before[0].id} to end.")
    return show_run(services, {})
