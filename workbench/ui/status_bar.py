"""The status bar above the tabs: dataset size, active import and run, production model."""

from __future__ import annotations

import contextlib
from functools import partial
from html import escape

import gradio as gr

from storage.core.errors import Conflict
from storage.records import Run
from workbench.charts import percent
from workbench.charts.formatting import duration
from workbench.importing.service import ImportState
from workbench.services import Services
from workbench.training.supervisor import heartbeat_warning
from workbench.ui.components.assets import mounting, template
from workbench.ui.error_boundary import guarded
from workbench.ui.notifications import RECENT, build_news, news

POLL_SECONDS = 1.5
PHASES = {
    "": "Starting",
    "starting": "Starting",
    "preparing": "Preparing the pictures",
    "loading": "Loading the training library",
    "downloading": "Downloading the net's weights",
    "features": "Looking at the pictures",
    "searching": "Trying settings",
    "training": "Training",
    "evaluating": "Judging the best epoch",
    "exporting": "Writing the model's files",
}


def build(services: Services, page: gr.Blocks) -> None:
    """Build the status bar, which polls the server."""
    with gr.Row(elem_id="strip", equal_height=True):
        facts_component = gr.HTML(elem_id="strip-facts", padding=False)
        gr.HTML(
            html_template=template(
                "status_bar/name.html",
                *(["status_bar/logout.html"] if services.settings.access.password else []),
            ),
            js_on_load=mounting("status_bar/name.js"),
            apply_default_css=False,
            padding=False,
            elem_id="strip-you",
        )
        stop = gr.Button(
            "Stop training", size="sm", visible=False, elem_id="strip-stop", scale=0, min_width=120
        )
    news_listener = build_news(services)
    last_html, last_states = gr.State(""), gr.State([])
    timer = gr.Timer(POLL_SECONDS)

    @guarded
    def poll(previous: str, known_states: list[list[object]]) -> list[object]:
        html = status_html(services)
        running = any(not run.stop_requested for run in _running_runs(services))
        current = f"{running} {html}"
        updates = [gr.skip()] * 3 if current == previous else [html, gr.update(visible=running), current]
        states: list[list[object]] = [[run.id, run.status] for run in services.stores.runs.recent(RECENT)]
        # On the first poll too, so that the page knows which runs are not news.
        return [*updates, *([gr.skip()] * 2 if states == known_states else [news(services), states])]

    @guarded
    def stop_now() -> None:
        for run in _running_runs(services):
            with contextlib.suppress(Conflict):  # it has just ended
                services.training.stop(run.id)
        gr.Info("Stopping after the current batch. The best epoch so far is kept as a model.")

    outputs = [facts_component, stop, last_html, news_listener, last_states]
    quiet = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    page.load(partial(poll, "", [["load"]]), None, outputs, **quiet)
    timer.tick(poll, [last_html, last_states], outputs, **quiet)
    stop.click(stop_now, api_visibility="private")


def _running_runs(services: Services) -> list[Run]:
    return [run for run in services.stores.runs.active() if run.status == "running"]


def status_html(services: Services) -> str:
    """The text of the status bar as HTML."""
    stores = services.stores
    summary = stores.catalogue.summary(stores.classes.all())
    parts = [_pictures_html(summary.images, summary.labelled)]
    parts += [_import_html(state) for state in [services.imports.state()] if state.running]
    parts += [run_status_html(run) for run in stores.runs.active()[:1]]
    production = stores.registry.production()
    name = f"<b>{escape(production.name)}</b>" if production else "none yet"
    parts.append(f"<span class='fact'>In production: {name}</span>")
    return (
        f"<div class='facts'><b class='brand'>Waterline</b><span role='status'>{''.join(parts)}</span></div>"
    )


def _pictures_html(images: int, labelled: int) -> str:
    if not images:
        return "<span class='fact'>No pictures yet</span>"
    return (
        f"<span class='fact'><b>{images:,}</b> pictures · {percent(labelled / images)} labelled · "
        f"<b>{images - labelled:,}</b> left to label</span>"
    )


def _import_html(state: ImportState) -> str:
    if state.phase:
        return f"<span class='fact busy'>Reading tables: {state.lines:,} lines</span>"
    return f"<span class='fact busy'>Importing {state.done:,} of {state.total:,} {_bar(state.done, state.total)}</span>"


def run_status_html(run: Run) -> str:
    """The progress of a run, as HTML."""
    if run.status == "queued":
        return f"<span class='fact busy'>Run {run.id} is waiting to start</span>"
    if heartbeat_warning(run):
        return f"<span class='fact warn'>Run {run.id} does not answer</span>"
    return f"<span class='fact busy'>Run {run.id}: {_stage_html(run)}</span>"


def _stage_html(run: Run) -> str:
    progress = run.progress
    if run.stop_requested or run.pause_requested or not progress:
        return escape(phase_text(run))
    seconds = progress.get("eta_seconds")
    remaining = "" if seconds is None else f" {duration(seconds)} left at most"
    if run.phase == "training" and progress.get("epochs"):
        words = f"epoch {progress['epoch']} of at most {progress['epochs']}"
        return f"{words} {_bar(fraction_done(run), 1)}{remaining}"
    if counts_items(run):
        return f"{escape(phase_text(run))} {_bar(progress['done'], progress['total'])}{remaining}"
    return f"{escape(phase_text(run))}{remaining if run.phase == 'searching' else ''}"


def fraction_done(run: Run) -> float:
    """The progress of a run's current phase, from 0 to 1."""
    progress = run.progress
    if run.phase in {"evaluating", "exporting"}:
        return 1
    if run.phase == "training" and progress.get("epochs"):
        steps = progress["epoch"] - 1 + progress["step"] / max(1, progress["steps"])
        return float(steps / progress["epochs"])
    return float(progress["done"] / progress["total"]) if counts_items(run) else 0


def counts_items(run: Run) -> bool:
    """Whether the progress of a run's current phase is a count of items, not of epochs."""
    return run.phase not in {"training", "evaluating", "exporting"} and bool(run.progress.get("total"))


def _bar(done: float, total: float) -> str:
    share = 100 * done / total if total else 0
    return f"<span class='bar'><i style='width:{share:.0f}%'></i></span>"


def phase_text(run: Run) -> str:
    """The current phase of a run as a text."""
    if run.stop_requested:
        return "Stopping after the current batch"
    return "Pausing after the current batch" if run.pause_requested else PHASES.get(run.phase, run.phase)
