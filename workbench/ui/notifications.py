"""Notifications of ended runs, on every tab of the page and optionally by the browser."""

from __future__ import annotations

from typing import Any

import gradio as gr

from storage.records import Run
from storage.training.run_attempts import ENDED
from workbench.charts import number
from workbench.services import Services
from workbench.ui.components.assets import mounting
from workbench.ui.error_boundary import guarded
from workbench.ui.payload import Payload

RECENT = 12
NOTIFY = "<button type='button' class='plain notify'></button> <span class='note'></span>"
# Shown as warnings; runs are only stopped or paused by a user.
_WARNED_STATUSES = ("failed", "interrupted")

News = list[dict[str, Any]]


def build_news(services: Services) -> gr.HTML:
    """Build the invisible component that announces news; its value comes from :func:`news`."""

    def latest() -> News:
        return news(services)

    def announce(event: gr.EventData) -> None:
        run = services.stores.runs.get(Payload.of(event).number("run"))
        notify = gr.Warning if run.status in _WARNED_STATUSES else gr.Info
        notify(run_sentence(services, run))

    listener = gr.HTML(
        elem_id="strip-news",
        html_template="<span></span>",
        js_on_load=mounting("notifications/notifications.js", events=("announce",)),
        server_functions=[latest],
        padding=False,
        apply_default_css=False,
    )
    listener.announce(
        guarded(announce),
        trigger_mode="multiple",
        show_progress="hidden",
        api_visibility="private",
    )
    return listener


def news(services: Services) -> News:
    """The newest runs, each with its announcement; empty while it is queued or running."""
    return [
        {"run": run.id, "status": run.status, "words": run_sentence(services, run)}
        for run in services.stores.runs.recent(RECENT)
    ]


def run_sentence(services: Services, run: Run) -> str:
    """One or two sentences on how a run ended or that it is paused; empty while it is queued or running."""
    if run.status == "paused":
        return f"Run {run.id} is paused."
    if run.status not in ENDED:
        return ""
    if run.version:
        score = services.stores.registry.metrics(run.version)["macro_f1"]
        return f"Run {run.id} is done: {run.version} is ready, macro-F1 {number(score)}."
    outcome = {"stopped": "was stopped", "interrupted": "was interrupted"}.get(run.status, "failed")
    return f"Run {run.id} {outcome}. {run.error or ''}".strip()


def notify_button() -> gr.HTML:
    """A button that enables browser notifications of ended runs."""
    return gr.HTML(
        elem_id="train-notify",
        html_template=NOTIFY,
        js_on_load=mounting("notifications/browser_notification.js"),
        padding=False,
        apply_default_css=False,
    )
