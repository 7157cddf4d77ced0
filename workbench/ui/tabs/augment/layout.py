"""The components of the Augment tab that its callbacks read and update."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from workbench.imaging.augmentation import Operation


@dataclass(frozen=True)
class OperationControl:
    """The switch, the strength and the note of one operation."""

    operation: Operation
    switch: gr.Checkbox
    strength: gr.Slider
    note: gr.HTML


@dataclass(frozen=True)
class AugmentView:
    """The components of the tab."""

    controls: list[OperationControl]
    defaults: gr.Button
    label: gr.Dropdown
    other_pictures: gr.Button
    seed: gr.Number
    count: gr.Dropdown
    again: gr.Button
    summary: gr.HTML
    preview: gr.HTML
    seed_note: gr.HTML
    collect: gr.Button
    draw: gr.State
    rejected: gr.State
    shown_notes: gr.State
    timer: gr.Timer

    @property
    def preview_choice(self) -> list[gr.Block]:
        """The inputs of :meth:`PreviewChoice.of`, in its order."""
        return [self.label, self.draw, self.seed, self.count]

    @property
    def operation_inputs(self) -> list[gr.Block]:
        """All switches and strengths, in the order of the operations."""
        return [part for control in self.controls for part in (control.switch, control.strength)]

    @property
    def note_outputs(self) -> list[gr.Block]:
        """The outputs of a refresh of the notes: notes, summary, timer, and the state of what is shown."""
        return [*(control.note for control in self.controls), self.summary, self.timer, self.shown_notes]
