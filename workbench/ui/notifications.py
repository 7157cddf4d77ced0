"""A run that ended is announced wherever one is in the app, and by the browser where that is wanted."""

from __future__ import annotations

from typing import Any

import gradio as gr

from storage.records import Run
from storage.training.run_attempts import ENDED
from workbench.charts import number
from workbench.services import Services
from workbench.ui.components.assets import script
from workbench.ui.error_boundary import guarded
from workbench.ui.payload import Payload

RECENT = 12
NOTIFY = "<button type='button' class='plain notify'></button> <span class='note'></span>"
# A run that was stopped or paused was so by a person, and what ended well is no warning.
_WARNED_STATUSES = ("failed", "interrupted")

News = list[dict[str, Any]]


def build_news(services: Services) -> gr.HTML:
    """Build what listens for news, unseen; :func:`news` gives its values."""

    def latest() -> News:
        return news(services)

    def announce(event: gr.EventData) -> None:
        run = services.stores.runs.get(Payload.of(event).number("run"))
        notify = gr.Warning if run.status in _WARNED_STATUSES else gr.Info
        notify(words(services, run))

    listener = gr.HTML(
        elem_id="strip-news",
        html_template="<span></span>",
        js_on_load=script("notifications/notifications.js"),
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
    """The newest runs, each with what there is to announce of it; nothing where it still waits or runs."""
    return [
        {"run": run.id, "status": run.status, "words": words(services, run)}
        for run in services.stores.runs.recent(RECENT)
    ]


def words(services: Services, run: Run) -> str:
    """How a run ended or was paused, in a sentence or two; empty while it waits or runs."""
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
    """A button that has the browser say when a run ends, also while it shows another page."""
    return gr.HTML(
        elem_id="train-notify",
        html_template=NOTIFY,
        js_on_load=script("notifications/browser_notification.js"),
        padding=False,
        apply_default_css=False,
    )
