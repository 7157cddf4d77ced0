"""The run that is shown: the one under way as it goes, or else how the newest one ended."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from storage.records import Run
from workbench import charts
from workbench.epochs import kept_so_far
from workbench.services import Services
from workbench.ui.components.changes import Keys, Wanted, changed
from workbench.ui.tabs import train_view

BUSY_SECONDS, IDLE_SECONDS = 1.0, 5.0
RECENT = 8
PARTS = ("area", "status", "stop", "see", "models", "again", "sentence", "loss", "accuracy", "start")


@dataclass(frozen=True)
class Under:
    """What is said of the run that is shown: the one under way, or else the newest."""

    parts: dict[str, Any]
    runs: gr.HTML
    timer: gr.Timer
    sent: gr.State

    @property
    def outputs(self) -> list[Any]:
        """In the order of :func:`show_run`."""
        return [*self.parts.values(), self.runs, self.timer, self.sent]


def build_run() -> dict[str, Any]:
    """Build what is shown of a run, hidden; ``start``, which begins the next, is for the caller to add."""
    parts: dict[str, Any] = {}
    with gr.Column(visible=False, elem_id="train-run") as parts["area"]:
        parts["status"] = gr.HTML(elem_id="train-status", padding=False, apply_default_css=False)
        with gr.Row():
            parts["stop"] = gr.Button(
                "Stop and keep the best epoch", variant="stop", elem_id="train-stop", scale=0, min_width=330
            )
            parts["see"] = gr.Button(
                "See how good it is", variant="primary", elem_id="train-see", scale=0, min_width=220
            )
            parts["models"] = gr.Button("Models", elem_id="train-models", scale=0, min_width=220)
            parts["again"] = gr.Button(
                "Train again with the same settings", elem_id="train-again", scale=0, min_width=340
            )
        parts["sentence"] = gr.HTML(elem_id="train-sentence", padding=False)
        with gr.Row(elem_classes="chart-pair"):
            parts["loss"] = gr.Plot(show_label=False, container=False, elem_id="train-loss")
            parts["accuracy"] = gr.Plot(show_label=False, container=False, elem_id="train-accuracy")
    return parts


def shown_run(services: Services) -> Run | None:
    """The run under way, or else the one that ended last."""
    runs = services.stores.runs
    ended = sorted(runs.recent(RECENT), key=lambda run: run.ended_at or "", reverse=True)
    return next(iter([*runs.active(), *ended]), None)


def show_run(services: Services, sent: Keys) -> list[Any]:
    """Updates of what has changed since ``sent``, in the order of :attr:`Under.outputs`."""
    run = shown_run(services)
    active = bool(run and run.active)
    recent = services.stores.runs.recent(RECENT)
    wanted: Wanted = {
        **_parts(services, run),
        "runs": ([(each.id, each.status) for each in recent], partial(_runs, services, recent)),
        "timer": (active, lambda: gr.Timer(BUSY_SECONDS if active else IDLE_SECONDS)),
    }
    updates, keys = changed(sent, wanted)
    return [*updates, {**keys, "run": run.id if run else None}]


def _parts(services: Services, run: Run | None) -> Wanted:
    if run is None:
        return dict.fromkeys(PARTS, (None, gr.skip))
    history = services.stores.runs.history(run.id)
    state, epochs = (run.id, run.status), (run.id, run.status, len(history))
    best = _best(run, history)
    lost = not run.active and run.version is None
    html = train_view.active_html(run, history) if run.active else ""
    return {
        "area": (True, lambda: gr.update(visible=True)),
        "status": (html or state, lambda: html or _ended(services, run)),
        "stop": ((run.id, run.status, run.stop_requested), lambda: _stop(run)),
        "see": (state, lambda: gr.update(visible=bool(run.version))),
        "models": (state, lambda: gr.update(visible=bool(run.version))),
        "again": (state, lambda: gr.update(visible=lost)),
        "sentence": (epochs, lambda: _sentence(run, history)),
        "loss": (epochs, lambda: _chart(charts.loss_curves(history, best), run, history)),
        "accuracy": (epochs, lambda: _chart(charts.accuracy_curves(history, best), run, history)),
        # One primary button: with a run under way that is its stop, with a model the look at it.
        "start": (lost, lambda: gr.update(variant="primary" if lost else "secondary")),
    }


def _best(run: Run, history: list[dict[str, Any]]) -> int | None:
    best = kept_so_far(history, run.spec["monitor"])
    return run.best_epoch or (best["epoch"] if best else None)


def _ended(services: Services, run: Run) -> str:
    metrics = services.stores.registry.metrics(run.version) if run.version else None
    return train_view.ended_html(run, metrics, services.training.log_tail(run.id))


def _stop(run: Run) -> Any:
    if run.stop_requested:
        return gr.update(value="Stopping", interactive=False, visible=run.active)
    words = "Stop and keep the best epoch" if run.status == "running" else "Do not start it"
    return gr.update(value=words, interactive=True, visible=run.active)


def _sentence(run: Run, history: list[dict[str, Any]]) -> Any:
    if run.active:
        return gr.update(value="The curves gain a point with each epoch.", visible=True)
    said = charts.curves_sentence(history, run.best_epoch, run.spec["monitor"])
    return gr.update(value=said, visible=bool(history))


def _chart(figure: Any, run: Run, history: list[dict[str, Any]]) -> Any:
    return gr.update(value=figure, visible=run.active or bool(history))


def _runs(services: Services, recent: list[Run]) -> str:
    scores = {
        run.version: services.stores.registry.metrics(run.version)["macro_f1"]
        for run in recent
        if run.version
    }
    return train_view.runs_html(recent, scores)
