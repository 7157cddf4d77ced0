"""Collect, the check of the data: whether rows, journal and files agree."""

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
        go = gr.Button("Check now", size="sm", elem_id="collect-check-go")
        deep = gr.Checkbox(
            label="Read every byte (minutes for many pictures)", elem_id="collect-check-deep", container=False
        )
        repair = gr.Button(
            "Repair", size="sm", variant="primary", visible=False, elem_id="collect-check-repair"
        )
    shown = gr.HTML(visible=False, elem_id="collect-check-found")

    @guarded
    def look(every_byte: bool) -> tuple[object, object]:
        return _answer(check(services.stores, deep=bool(every_byte)))

    @guarded
    def mend(every_byte: bool) -> tuple[object, object]:
        return _answer(check(services.stores, repair=True, deep=bool(every_byte)))

    # One check at a time: two at once would only slow each other.
    shared = {"concurrency_limit": 1, "concurrency_id": "check", "api_visibility": "private"}
    go.click(look, deep, [shown, repair], **shared)
    repair.click(mend, deep, [shown, repair], **shared)


def findings_html(found: IntegrityReport) -> str:
    """What a check found."""
    extent = f"{counted(found.pictures)} and {found.files:,} files checked in {found.seconds:.3g} s."
    if not found.faults:
        return f"<p class='well'><b>All is well.</b> {extent}</p>"
    head = (
        "Repaired what can be repaired."
        if any(fault.repaired for fault in found.faults)
        else "Not all is well."
    )
    return f"<p><b>{head}</b> {extent}</p><ul class='faults'>{''.join(map(_fault, found.faults))}</ul>"


def _answer(found: IntegrityReport) -> tuple[object, object]:
    return gr.update(value=findings_html(found), visible=True), gr.update(visible=found.repairable)


def _fault(fault: Fault) -> str:
    examples = ", ".join(escape(example) for example in fault.examples if example)
    more = f" and {fault.count - len(fault.examples):,} more" if fault.count > len(fault.examples) else ""
    named = f"<span class='note'>{examples}{more}</span>" if examples else ""
    return f"<li><b>{escape(fault.what)}</b> {escape(fault.sentence)} {named}</li>"
