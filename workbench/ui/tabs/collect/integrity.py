"""The integrity check section of the Collect tab."""

from __future__ import annotations

from html import escape

import gradio as gr

from storage.queries.image_rows import counted
from workbench.integrity import Fault, IntegrityReport, check
from workbench.services import Services
from workbench.ui.error_boundary import guarded

ABOUT = (
    "<p class='note'>Compares the catalogue, its journal and the files, and says what does not agree. Work can go on "
    "meanwhile.</p>"
)


def build(services: Services) -> None:
    """Build the section."""
    gr.HTML(ABOUT)
    with gr.Row(elem_classes="steps", elem_id="collect-check-acts"):
        check_button = gr.Button("Check now", size="sm", elem_id="collect-check-go")
        deep = gr.Checkbox(
            label="Read every byte (minutes for many pictures)", elem_id="collect-check-deep", container=False
        )
        repair_button = gr.Button(
            "Repair", size="sm", variant="primary", visible=False, elem_id="collect-check-repair"
        )
    result = gr.HTML(visible=False, elem_id="collect-check-found")

    @guarded
    def run_check(every_byte: bool) -> tuple[object, object]:
        return _result_updates(check(services.stores, deep=bool(every_byte)))

    @guarded
    def run_repair(every_byte: bool) -> tuple[object, object]:
        return _result_updates(check(services.stores, repair=True, deep=bool(every_byte)))

    # One check at a time: concurrent ones would slow each other down.
    options = {"concurrency_limit": 1, "concurrency_id": "check", "api_visibility": "private"}
    check_button.click(run_check, deep, [result, repair_button], **options)
    repair_button.click(run_repair, deep, [result, repair_button], **options)


def findings_html(report: IntegrityReport) -> str:
    """The report of a check as HTML."""
    extent = f"{counted(report.pictures)} and {report.files:,} files checked in {report.seconds:.3g} s."
    if not report.faults:
        return f"<p class='well'><b>All is well.</b> {extent}</p>"
    heading = (
        "Repaired what can be repaired."
        if any(fault.repaired for fault in report.faults)
        else "Not all is well."
    )
    return (
        f"<p><b>{heading}</b> {extent}</p><ul class='faults'>{''.join(map(_fault_html, report.faults))}</ul>"
    )


def _result_updates(report: IntegrityReport) -> tuple[object, object]:
    return gr.update(value=findings_html(report), visible=True), gr.update(visible=report.repairable)


def _fault_html(fault: Fault) -> str:
    examples = ", ".join(escape(example) for example in fault.examples if example)
    more = f" and {fault.count - len(fault.examples):,} more" if fault.count > len(fault.examples) else ""
    names = f"<span class='note'>{examples}{more}</span>" if examples else ""
    return f"<li><b>{escape(fault.what)}</b> {escape(fault.sentence)} {names}</li>"
