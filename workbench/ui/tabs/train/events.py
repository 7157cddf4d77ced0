"""What the buttons of the Train tab do."""

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
from workbench.ui.tabs.train.form import Form, read, switched
from workbench.ui.tabs.train.preflight import Preflight
from workbench.ui.tabs.train.run_panel import RunPanel, show_run, shown_run

ACT: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


def bind_acts(place: TabContext, form: Form, ahead: Preflight, under: RunPanel) -> None:
    """Give every button its act."""
    services, parts = place.services, under.parts

    def start(*values: Any) -> list[Any]:
        given = read(form, values)
        draft = services.training.change_draft(
            lambda draft: replace(switched(draft, given["recipe"]), **given)
        )
        return _started(services, draft)

    def again(sent: Keys) -> list[Any]:
        return _started(services, TrainingSpec.from_dict(services.stores.runs.get(_run(services, sent)).spec))

    def pressed(event: gr.EventData) -> list[Any]:
        acts = _acts(services)
        sent = Payload.of(event)
        act = acts.get(sent.text("press"))
        if act is None:
            raise Conflict(STALE)
        return _done(services, act, sent.number("run"))

    ahead.start.click(guarded(start), form.inputs, under.outputs, **ACT)
    parts["again"].click(guarded(again), under.sent, under.outputs, **ACT)
    under.runs.press(guarded(pressed), None, under.outputs, **ACT)
    for name in ("stop", "pause", "resume"):
        act = partial(_shown, services, name)
        parts[name].click(guarded(act), under.sent, under.outputs, **ACT)
    _bind_doors(place, parts, ahead)


def _bind_doors(place: TabContext, parts: dict[str, Any], ahead: Preflight) -> None:
    doors = (
        (parts["see"], "evaluate"),
        (parts["models"], "models"),
        (ahead.collect, "collect"),
        (ahead.label, "label"),
    )
    for button, name in doors:
        button.click(partial(open_tab, name), None, place.tabs, queue=False, **ACT)


def _acts(services: Services) -> dict[str, Callable[[int], Any]]:
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
    place = waiting.index(run_id) + 1 if run_id in waiting else 1
    services.training.move(run_id, max(1, place + by))


def _shown(services: Services, name: str, sent: Keys) -> list[Any]:
    """Do something with the run that is shown."""
    return _done(services, _acts(services)[name], _run(services, sent))


def _run(services: Services, sent: Keys) -> int:
    """The run that a tab shows; where the server does not remember that, the one that it would show now."""
    if sent.get("run") is None:
        run = shown_run(services)
        if run is None:
            raise Conflict(STALE)
        return run.id
    return int(sent["run"])


def _done(services: Services, act: Callable[[int], Any], run_id: int) -> list[Any]:
    act(run_id)
    return show_run(services, {})


def _started(services: Services, spec: TrainingSpec) -> list[Any]:
    before = services.stores.runs.active()
    run_id = services.training.start(spec)
    if before:
        gr.Info(f"Run {run_id} waits for run {before[0].id} to end.")
    return show_run(services, {})
