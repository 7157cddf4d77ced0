"""The panel of the Train tab on the active run, or else on the last one that ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import gradio as gr

from storage.records import Run
from workbench import charts
from workbench.evaluation.best_epoch import best_so_far
from workbench.services import Services
from workbench.training.spec import BEST
from workbench.ui.components.diff import Keys, PartUpdates, changed_updates
from workbench.ui.components.live_chart import chart_value, live_chart
from workbench.ui.notifications import notify_button
from workbench.ui.tabs.train.html import active_html, ended_html
from workbench.ui.tabs.train.queue import runs_html
from workbench.ui.tabs.train.trials import trials_html

BUSY_SECONDS, IDLE_SECONDS = 0.7, 5.0
RECENT = 12
LOG_LINES = 12
PARTS = (
    "area", "status", "stop", "pause", "resume", "see", "models", "again", "trials", "sentence", "charts", "loss", "accuracy",
    "log", "start",
)  # fmt: skip


@dataclass(frozen=True)
class RunPanel:
    """The components of the panel."""

    parts: dict[str, Any]
    runs: gr.HTML
    timer: gr.Timer
    sent_keys: gr.State

    @property
    def outputs(self) -> list[Any]:
        """The outputs of :func:`show_run`, in its order."""
        return [*(self.parts[name] for name in PARTS), self.runs, self.timer, self.sent_keys]


def build_run() -> dict[str, Any]:
    """Build the parts of the panel, hidden; the caller must add the part ``start``."""
    parts: dict[str, Any] = {}
    with gr.Column(visible=False, elem_id="train-run") as parts["area"]:
        parts["status"] = gr.HTML(elem_id="train-status", padding=False, apply_default_css=False)
        with gr.Row(elem_classes="run-buttons"):
            _buttons(parts)
        notify_button()
        parts["trials"] = gr.HTML(
            elem_id="train-trials", padding=False, visible=False, apply_default_css=False
        )
        parts["sentence"] = gr.HTML(elem_id="train-sentence", padding=False)
        with gr.Row(elem_classes="chart-pair") as parts["charts"]:
            parts["loss"] = live_chart("train-loss")
            parts["accuracy"] = live_chart("train-accuracy")
        with gr.Accordion("The last lines of its log", open=False, elem_id="train-logging"):
            parts["log"] = gr.Textbox(
                label="Last lines of the log",
                show_label=False,
                container=False,
                lines=LOG_LINES,
                max_lines=LOG_LINES,
                interactive=False,
                elem_id="train-log",
            )
    return parts


def _buttons(parts: dict[str, Any]) -> None:
    parts["stop"] = _button("train-stop", "Stop and keep the best epoch", "stop")
    parts["pause"] = _button("train-pause", "Pause")
    parts["resume"] = _button("train-resume", "Resume from its last epoch", "primary")
    parts["see"] = _button("train-see", "See how good it is", "primary")
    parts["models"] = _button("train-models", "Models")
    parts["again"] = _button("train-again", "Train again with the same settings")


def _button(elem_id: str, text: str, variant: str = "secondary") -> gr.Button:
    return gr.Button(text, variant=variant, elem_id=elem_id, scale=0, min_width=80)


def shown_run(services: Services) -> Run | None:
    """The active run, or else the last one that ended or paused; runs cancelled before their start come last."""
    ended = sorted(services.stores.runs.recent(RECENT), key=_recency, reverse=True)
    return next(iter([*services.stores.runs.active(), *ended]), None)


def _recency(run: Run) -> tuple[bool, float]:
    moment = datetime.fromisoformat(run.ended_at).timestamp() if run.ended_at else run.heartbeat
    return run.status != "stopped" or run.started_at is not None, moment or 0


def show_run(services: Services, sent_keys: Keys) -> list[Any]:
    """Updates of what has changed since ``sent_keys``, in the order of :attr:`RunPanel.outputs`."""
    run = shown_run(services)
    active = bool(run and run.active)
    runs = _listed_runs(services)
    parts: PartUpdates = {
        **_run_parts(services, run),
        "runs": ([(run_.id, run_.status) for run_ in runs], partial(_runs_html, services, runs)),
        "timer": (active, lambda: gr.Timer(BUSY_SECONDS if active else IDLE_SECONDS)),
    }
    updates, keys = changed_updates(sent_keys, parts)
    return [*updates, {**keys, "run": run.id if run else None}]


def _listed_runs(services: Services) -> list[Run]:
    """The active runs, every queued run in its order, then the newest of the others."""
    runs = services.stores.runs
    active = runs.active()
    active_ids = {run.id for run in active}
    return [*active, *(run for run in runs.recent(RECENT) if run.id not in active_ids)]


def _run_parts(services: Services, run: Run | None) -> PartUpdates:
    if run is None:
        return dict.fromkeys(PARTS, (None, gr.skip))
    history = services.stores.runs.history(run.id)
    trials = services.stores.trials.of(run.id) if run.spec.get("recipe") == BEST else []
    state = (run.id, run.status)
    html = active_html(run, history, trials) if run.active else ""
    tried = trials_html(trials)
    log = services.training.log_tail(run.id)
    lost = not run.active and run.version is None
    return {
        "area": (True, lambda: gr.update(visible=True)),
        "status": (html or state, lambda: html or _ended_html(services, run)),
        **_button_parts(services, run),
        "trials": (tried, lambda: gr.update(value=tried, visible=bool(tried))),
        **_curve_parts(run, history),
        "log": (log, lambda: log),
        # Only one primary button: not ``start`` if another one is.
        "start": (lost, lambda: gr.update(variant="primary" if lost else "secondary")),
    }


def _button_parts(services: Services, run: Run) -> PartUpdates:
    key = (run.id, run.status, run.stop_requested, run.pause_requested)
    resumable = services.training.resumable(run)
    lost = not run.active and run.version is None
    return {
        "stop": (key, lambda: _stop_update(run)),
        "pause": (key, lambda: _pause_update(run)),
        "resume": ((key, resumable), lambda: gr.update(visible=resumable and lost)),
        "see": (key, lambda: gr.update(visible=not run.active and bool(run.version))),
        "models": (key, lambda: gr.update(visible=not run.active and bool(run.version))),
        "again": (key, lambda: gr.update(visible=lost and run.status != "paused")),
    }


def _curve_parts(run: Run, history: list[dict[str, Any]]) -> PartUpdates:
    epochs = (run.id, run.status, len(history))
    best = _best_epoch(run, history)
    return {
        "sentence": (epochs, lambda: _sentence_update(run, history)),
        "charts": (bool(history), lambda: gr.update(visible=bool(history))),
        "loss": (epochs, lambda: chart_value(charts.loss_curves(history, best), run.id)),
        "accuracy": (epochs, lambda: chart_value(charts.accuracy_curves(history, best), run.id)),
    }


def _best_epoch(run: Run, history: list[dict[str, Any]]) -> int | None:
    best = best_so_far(history, run.spec["monitor"])
    return run.best_epoch or (best["epoch"] if best else None)


def _ended_html(services: Services, run: Run) -> str:
    metrics = services.stores.registry.metrics(run.version) if run.version else None
    return ended_html(run, metrics)


def _stop_update(run: Run) -> Any:
    if run.stop_requested:
        return gr.update(value="Stopping", interactive=False, visible=run.active)
    kept = "try" if run.spec.get("recipe") == BEST else "epoch"
    words = "Do not start it" if run.status == "queued" else f"Stop and keep the best {kept}"
    return gr.update(value=words, interactive=True, visible=run.active or run.status == "paused")


def _pause_update(run: Run) -> Any:
    requested = run.pause_requested or run.stop_requested
    return gr.update(
        value="Pausing" if run.pause_requested else "Pause",
        interactive=not requested,
        visible=run.status == "running",
    )


def _sentence_update(run: Run, history: list[dict[str, Any]]) -> Any:
    if run.active:
        return gr.update(value="The curves gain a point with each epoch.", visible=bool(history))
    text = charts.curves_sentence(history, run.best_epoch, run.spec["monitor"])
    return gr.update(value=text, visible=bool(history))


def _runs_html(services: Services, runs: list[Run]) -> str:
    scores = {
        run.version: services.stores.registry.metrics(run.version)["macro_f1"] for run in runs if run.version
    }
    resumable = frozenset(run.id for run in runs if services.training.resumable(run))
    return runs_html(runs, scores, resumable)
