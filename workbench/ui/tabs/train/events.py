"""The event callbacks of the buttons of the Train tab."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import gradio as gr

from storage.core.errors import Conflict
from workbench.services import Services
from workbench.training.spec import TrainingSpec
from workbench.ui.components.diff import Keys
from workbench.ui.context import TabContext, open_tab
from workbench.ui.error_boundary import guarded
from workbench.ui.payload import STALE, Payload
from workbench.ui.tabs.train.form import Form, form_values, with_recipe
from workbench.ui.tabs.train.preflight import Preflight
from workbench.ui.tabs.train.run_panel import RunPanel, show_run, shown_run

EVENT: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


def bind_actions(context: TabContext, form: Form, preflight: Preflight, run_panel: RunPanel) -> None:
    """Bind the callbacks of all buttons."""
    services, parts = context.services, run_panel.parts

    def start(*values: Any) -> list[Any]:
        settings = form_values(form, values)
        draft = services.training.change_draft(
            lambda draft: replace(with_recipe(draft, settings["recipe"]), **settings)
        )
        return _start_run(services, draft)

    def again(sent_keys: Keys) -> list[Any]:
        return _start_run(
            services,
            TrainingSpec.from_dict(services.stores.runs.get(_shown_run_id(services, sent_keys)).spec),
        )

    def press(event: gr.EventData) -> list[Any]:
        actions = _actions(services)
        payload = Payload.of(event)
        action = actions.get(payload.text("press"))
        if action is None:
            raise Conflict(STALE)
        return _run_action(services, action, payload.number("run"))

    preflight.start.click(guarded(start), form.inputs, run_panel.outputs, **EVENT)
    parts["again"].click(guarded(again), run_panel.sent_keys, run_panel.outputs, **EVENT)
    run_panel.runs.press(guarded(press), None, run_panel.outputs, **EVENT)
    for name in ("stop", "pause", "resume"):
        action = partial(_act_on_shown_run, services, name)
        parts[name].click(guarded(action), run_panel.sent_keys, run_panel.outputs, **EVENT)
    _bind_links(context, parts, preflight)


def _bind_links(context: TabContext, parts: dict[str, Any], preflight: Preflight) -> None:
    links = (
        (parts["see"], "evaluate"),
        (parts["models"], "models"),
        (preflight.collect, "collect"),
        (preflight.label, "label"),
    )
    for button, name in links:
        button.click(partial(open_tab, name), None, context.tabs, queue=False, **EVENT)


def _actions(services: Services) -> dict[str, Callable[[int], Any]]:
    training = services.training
    return {
        "stop": training.stop,
        "cancel": training.stop,
        "pause": training.pause,
        "resume": training.resume,
        "up": partial(_move, services, by=-1),
        "down": partial(_move, services, by=1),
    }


def _move(services: Services, run_id: int, by: int) -> None:
    waiting = [run.id for run in services.stores.runs.active() if run.status == "queued"]
    position = waiting.index(run_id) + 1 if run_id in waiting else 1
    services.training.move(run_id, max(1, position + by))


def _act_on_shown_run(services: Services, name: str, sent_keys: Keys) -> list[Any]:
    """Run an action on the run that is shown."""
    return _run_action(services, _actions(services)[name], _shown_run_id(services, sent_keys))


def _shown_run_id(services: Services, sent_keys: Keys) -> int:
    """The id of the run that the tab shows; if its session was dropped, of the run that it would show now.

    Raises:
        Conflict: There is no run.
    """
    if sent_keys.get("run") is None:
        run = shown_run(services)
        if run is None:
            raise Conflict(STALE)
        return run.id
    return int(sent_keys["run"])


def _run_action(services: Services, action: Callable[[int], Any], run_id: int) -> list[Any]:
    action(run_id)
    return show_run(services, {})


def _start_run(services: Services, spec: TrainingSpec) -> list[Any]:
    before = services.stores.runs.active()
    run_id = services.training.start(spec)
    if before:
        gr.Info(f"Run {run_id} waits for run {before[0].id} to end.")
    return show_run(services, {})
