"""The Augment tab: configure the augmentation operations with a live preview."""

from __future__ import annotations

import gradio as gr

from workbench.imaging.augmentation import OPERATIONS, Operation
from workbench.ui.components.click_events import clickable_html
from workbench.ui.context import TabContext
from workbench.ui.tabs.augment.events import MAX_SEED, bind
from workbench.ui.tabs.augment.html import COUNTS
from workbench.ui.tabs.augment.layout import AugmentView, OperationControl
from workbench.ui.tabs.augment.operation_notes import QUESTION

POLL_SECONDS = 1.5


def build(context: TabContext) -> None:
    """Build the tab."""
    bind(context, _view())


def _view() -> AugmentView:
    with gr.Row(elem_id="augment", elem_classes="work stage-first"):
        with gr.Column(elem_classes="controls"):
            controls = [_control(operation) for operation in OPERATIONS]
            defaults = gr.Button("Back to the defaults", size="sm", elem_id="augment-defaults")
        with gr.Column(elem_classes="stage"):
            gr.HTML(f"<p class='question'>{QUESTION}</p>")
            with gr.Row(elem_classes="pick"):
                label = gr.Dropdown([], label="Pictures of", elem_id="augment-class", min_width=120)
                other_pictures = gr.Button("Other pictures", elem_id="augment-others", min_width=120)
                seed = gr.Number(
                    1, label="Seed", precision=0, minimum=0, maximum=MAX_SEED, min_width=90, elem_id="augment-seed"
                )  # fmt: skip
                count = gr.Dropdown(
                    list(COUNTS), value=COUNTS[0], label="Variants", min_width=80, elem_id="augment-count"
                )
                again = gr.Button("New variants", elem_id="augment-again", min_width=120)
            summary = gr.HTML(elem_id="augment-summary", padding=False)
            preview = clickable_html("augment-preview")
            seed_note = gr.HTML(elem_id="augment-meaning")
            collect = gr.Button(
                "Collect pictures", variant="primary", visible=False, elem_id="augment-collect"
            )
    states = gr.State(0), gr.State(None), gr.State("")
    return AugmentView(
        controls, defaults, label, other_pictures, seed, count, again, summary, preview, seed_note, collect,
        *states, gr.Timer(POLL_SECONDS, active=False),
    )  # fmt: skip


def _control(operation: Operation) -> OperationControl:
    with gr.Column(elem_classes="operation", elem_id=f"augment-{operation.name}"):
        switch = gr.Checkbox(
            operation.enabled,
            label=f"{operation.label} ({operation.unit})",
            info=operation.sentence,
            container=False,
        )
        strength = gr.Slider(
            operation.minimum, operation.maximum, operation.default, step=_step(operation),
            label=f"{operation.label} ({operation.unit})", buttons=[], container=False,
        )  # fmt: skip
        note = gr.HTML(elem_id=f"augment-note-{operation.name}", padding=False)
    return OperationControl(operation, switch, strength, note)


def _step(operation: Operation) -> float:
    span = operation.maximum - operation.minimum
    return 1 if span > 20 else 0.1 if span > 1 else 0.01
