"""The section of the Collect tab on imports: the running one, the queue, and the report of the last one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from workbench.importing.service import ImportState
from workbench.services import Services
from workbench.ui.components.click_events import clickable_html
from workbench.ui.error_boundary import guarded
from workbench.ui.payload import Payload
from workbench.ui.tabs.collect.report import ImportRemarks, report_html, running_html

MAX_NOTES = 200


@dataclass(frozen=True)
class ImportProgress:
    """The components, and the event that cancels a queued import."""

    progress: gr.HTML
    stop: gr.Button
    report: gr.HTML
    cancelled: Any

    @property
    def outputs(self) -> list[gr.Block]:
        """The outputs of :func:`section_updates`, in its order."""
        return [self.progress, self.stop, self.report]


def build(services: Services) -> ImportProgress:
    """Build and bind the section."""
    progress = clickable_html("collect-progress")
    with gr.Row(elem_classes="steps"):
        stop = gr.Button("Stop the import", size="sm", visible=False, elem_id="collect-stop")
    report = gr.HTML(visible=False, elem_id="collect-report")

    @guarded
    def stop_now() -> None:
        services.imports.stop()
        gr.Info("Stopping after the files in hand. What is in stays in.")

    @guarded
    def cancel(event: gr.EventData) -> None:
        services.imports.stop(Payload.of(event).number("import"))

    stop.click(stop_now, api_visibility="private")
    cancelled = progress.press(cancel, None, None, show_progress="hidden", api_visibility="private")
    return ImportProgress(progress, stop, report, cancelled)


def latest(services: Services) -> ImportState:
    """The running import, else the last one that ended; imports cancelled before their start do not count."""
    state = services.imports.state()
    started = [] if state.running else [job for job in services.imports.recent() if job.started_at]
    last = max(started, key=lambda job: job.ended_at or "", default=None)
    return services.imports.state(last.id) if last else state


def section_updates(services: Services, state: ImportState, colours: Mapping[str, str]) -> list[object]:
    """The updates of the section."""
    queue = services.stores.import_jobs.active() if state.running else []
    report = "" if state.running or not state.id else report_html(state, colours, _remarks(services, state))
    return [
        running_html(state, queue),
        gr.update(visible=state.running),
        gr.update(value=report, visible=bool(report)),
    ]


def _remarks(services: Services, state: ImportState) -> ImportRemarks:
    jobs = services.stores.import_jobs
    return ImportRemarks(jobs.flags(state.id), jobs.noted(state.id, MAX_NOTES))
