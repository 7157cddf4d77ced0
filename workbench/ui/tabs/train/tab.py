"""The Train tab: the form of a training spec, the start button, and the active run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from workbench.services import Services
from workbench.ui.components.click_events import clickable_html
from workbench.ui.context import TabContext
from workbench.ui.error_boundary import guarded
from workbench.ui.tabs.train.events import bind_actions
from workbench.ui.tabs.train.form import (
    VISIBILITY_KEYS,
    Form,
    build_form,
    build_recipe,
    form_values,
    show,
    show_net,
    visibility_updates,
    with_class_weights,
    with_recipe,
)
from workbench.ui.tabs.train.options import minutes_of, nets_html, recipe_choices
from workbench.ui.tabs.train.preflight import (
    Preflight,
    build_help,
    build_preflight,
    preflight_updates,
    save_setting,
)
from workbench.ui.tabs.train.run_panel import IDLE_SECONDS, RunPanel, build_run, show_run

UNQUEUED: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
# Processed sequentially: a slow answer must not arrive after that to a later change.
SEQUENTIAL: dict[str, Any] = {
    "show_progress": "hidden",
    "api_visibility": "private",
    "concurrency_id": "train-ahead",
}


@dataclass(frozen=True)
class TrainTab:
    """The components of the tab."""

    form: Form
    preflight: Preflight
    run_panel: RunPanel
    nets: gr.HTML


def build(context: TabContext) -> None:
    """Build the tab."""
    recipe = build_recipe()
    with gr.Row(elem_classes=["work", "stage-first"]):
        with gr.Column(elem_classes="controls"):
            form = build_form(recipe)
        with gr.Column(elem_classes="stage"):
            preflight = build_preflight()
            parts = {**build_run(), "start": preflight.start}
            preflight.plan.render()
            runs = clickable_html("train-runs")
            nets = build_help()
    tab = TrainTab(form, preflight, RunPanel(parts, runs, gr.Timer(IDLE_SECONDS), gr.State({})), nets)
    _bind_refresh(context, tab)
    _bind_fields(context.services, tab)
    _bind_forming(context.services, tab)
    bind_actions(context, form, preflight, tab.run_panel)


def _bind_refresh(context: TabContext, tab: TrainTab) -> None:
    services, run_panel = context.services, tab.run_panel

    def refresh_fields() -> list[Any]:
        draft = with_class_weights(services, services.training.draft())
        return [*show(tab.form, services, draft), nets_html(services.settings.weights_folder)]

    def refresh_preflight() -> list[Any]:
        return preflight_updates(services, with_class_weights(services, services.training.draft()))

    # Separate events, since the fields are fast and the first split takes a second.
    context.tab.select(guarded(refresh_fields), None, [*tab.form.outputs, tab.nets], **UNQUEUED)
    context.tab.select(
        guarded(partial(show_run, services)), run_panel.sent_keys, run_panel.outputs, **UNQUEUED
    )
    context.tab.select(guarded(refresh_preflight), None, tab.preflight.outputs, **SEQUENTIAL)
    run_panel.timer.tick(
        guarded(partial(show_run, services)), run_panel.sent_keys, run_panel.outputs, **UNQUEUED
    )


def _bind_fields(services: Services, tab: TrainTab) -> None:
    """Save each field when it changes, and refresh the plan."""
    form, preflight = tab.form, tab.preflight

    def save_callback(key: str) -> Callable[..., list[Any]]:
        def save_field(*values: Any) -> list[Any]:
            return save_setting(services, key, form_values(form, values))

        return guarded(save_field)

    def change_weights(*values: Any) -> list[Any]:
        updates = save_setting(services, "class_weights", form_values(form, values))
        return [*updates, show(form, services, services.training.draft())[len(form.fields)]]

    def change_minutes(*values: Any) -> list[Any]:
        updates = save_setting(services, "max_minutes", form_values(form, values))
        choices = recipe_choices(minutes_of(services.training.draft()))
        return [*updates, gr.update(choices=choices)]

    latest_only = {**SEQUENTIAL, "trigger_mode": "always_last"}
    for key, field in form.fields.items():
        if key not in {"recipe", "class_weights", "max_minutes"}:
            field.input(save_callback(key), form.inputs, preflight.outputs, **latest_only)
    minutes, recipe = form.fields["max_minutes"], form.fields["recipe"]
    minutes.input(guarded(change_minutes), form.inputs, [*preflight.outputs, recipe], **latest_only)
    form.fields["class_weights"].input(
        guarded(change_weights), form.inputs, [*preflight.outputs, form.weights], **latest_only
    )
    form.weights.weighed(save_callback("class_weights"), form.inputs, preflight.outputs, **latest_only)


def _bind_forming(services: Services, tab: TrainTab) -> None:
    """Show the fields that have an effect for the chosen recipe, loss and schedule."""
    form, preflight = tab.form, tab.preflight

    def change_recipe(recipe: str) -> list[Any]:
        draft = services.training.change_draft(
            lambda draft: with_class_weights(services, with_recipe(draft, recipe))
        )
        return [*show(form, services, draft), *preflight_updates(services, draft)]

    def change_visibility(*values: Any) -> list[Any]:
        return visibility_updates(form, form_values(form, values))

    form.fields["recipe"].input(
        guarded(change_recipe), form.fields["recipe"], [*form.outputs, *preflight.outputs], **SEQUENTIAL
    )
    for key in VISIBILITY_KEYS:
        form.fields[key].input(
            guarded(change_visibility), form.inputs, list(form.fields.values()), **UNQUEUED
        )
    net = guarded(partial(show_net, services))
    form.fields["architecture"].input(net, form.fields["architecture"], form.net, **UNQUEUED)
