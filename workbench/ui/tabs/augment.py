"""Augment: switch and weigh the operations, and see at once what they do to one's own pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import gradio as gr

from workbench.augmentation import OPERATIONS, Augmentation, Operation
from workbench.services import Services
from workbench.ui.guard import guarded
from workbench.ui.place import Place, open_tab
from workbench.ui.tabs.augment_view import Choice, chosen, labels, preview_html, seed_html

QUESTION = (
    "<p class='question'>Does each variant still show the same class? If not, turn that operation down.</p>"
)
LARGEST_SEED = 2**32 - 1
QUIET = {"show_progress": "hidden", "api_visibility": "private", "concurrency_id": "augment"}


@dataclass(frozen=True)
class Control:
    """The switch and the strength of one operation."""

    operation: Operation
    switch: gr.Checkbox
    strength: gr.Slider


@dataclass(frozen=True)
class View:
    """The components that change."""

    controls: list[Control]
    defaults: gr.Button
    label: gr.Dropdown
    others: gr.Button
    seed: gr.Number
    again: gr.Button
    preview: gr.HTML
    meaning: gr.HTML
    collect: gr.Button
    draw: gr.State

    @property
    def choice(self) -> list[gr.Block]:
        """What says which pictures to show."""
        return [self.label, self.draw, self.seed]

    @property
    def dials(self) -> list[gr.Block]:
        """All switches and strengths, in the order of the operations."""
        return [part for each in self.controls for part in (each.switch, each.strength)]


def build(place: Place) -> None:
    """Build the tab."""
    view = _view()
    _bind_dials(place.services, view)
    _bind_choice(place, view)


def _view() -> View:
    with gr.Row(elem_id="augment", elem_classes="work stage-first"):
        with gr.Column(elem_classes="controls"):
            controls = [_control(each) for each in OPERATIONS]
            defaults = gr.Button("Back to the defaults", size="sm", elem_id="augment-defaults")
        with gr.Column(elem_classes="stage"):
            gr.HTML(QUESTION)
            with gr.Row(elem_classes="pick"):
                label = gr.Dropdown([], label="Pictures of", elem_id="augment-class", min_width=120)
                others = gr.Button("Other pictures", elem_id="augment-others", min_width=120)
                seed = gr.Number(
                    1, label="Seed", precision=0, minimum=0, maximum=LARGEST_SEED, min_width=90, elem_id="augment-seed"
                )  # fmt: skip
                again = gr.Button("New variants", elem_id="augment-again", min_width=120)
            preview = gr.HTML(elem_id="augment-preview")
            meaning = gr.HTML(elem_id="augment-meaning")
            collect = gr.Button(
                "Collect pictures", variant="primary", visible=False, elem_id="augment-collect"
            )
    return View(controls, defaults, label, others, seed, again, preview, meaning, collect, gr.State(0))


def _control(operation: Operation) -> Control:
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
    return Control(operation, switch, strength)


def _step(operation: Operation) -> float:
    span = operation.maximum - operation.minimum
    return 1 if span > 20 else 0.1 if span > 1 else 0.01


def _bind_dials(services: Services, view: View) -> None:
    for control in view.controls:
        gr.on(
            [control.switch.input, control.strength.input],
            _turned(services, control.operation.name),
            [control.switch, control.strength, *view.choice],
            [control.strength, view.preview],
            trigger_mode="always_last",
            **QUIET,
        )

    @guarded
    def back(label: str, draw: int, seed: float | None) -> list[object]:
        _save(services, lambda _: Augmentation())
        return [*_positions(Augmentation()), _preview(services, Augmentation(), label, draw, seed)]

    view.defaults.click(back, view.choice, [*view.dials, view.preview], **QUIET)


def _turned(services: Services, name: str) -> Callable[..., tuple[object, object]]:
    """Keep one operation and no other: another browser tab may have moved them since this one was loaded."""

    @guarded
    def turned(on: bool, strength: float, label: str, draw: int, seed: float | None) -> tuple[object, object]:
        one = {name: {"enabled": on, "strength": strength}}
        augmentation = _save(services, lambda now: Augmentation.from_dict({**now.to_dict(), **one}))
        return gr.update(interactive=on), _preview(services, augmentation, label, draw, seed)

    return turned


def _bind_choice(place: Place, view: View) -> None:
    services = place.services

    @guarded
    def refresh(label: str | None, draw: int, seed: float | None) -> list[object]:
        return _everything(services, label or "", draw, seed)

    @guarded
    def look(label: str, draw: int, seed: float | None) -> tuple[str, str]:
        draft = services.training.draft()
        shown = _preview(services, draft.augmentation, label, draw, seed)
        return shown, seed_html(int(seed or 0), draft.seed)

    @guarded
    def other(label: str, draw: int, seed: float | None) -> tuple[object, ...]:
        return (draw + 1, *look(label, draw + 1, seed))

    @guarded
    def again(label: str, draw: int, seed: float | None) -> tuple[object, ...]:
        following = (int(seed or 0) + 1) % LARGEST_SEED
        return (following, *look(label, draw, following))

    shown = [view.preview, view.meaning]
    everything = [*view.dials, view.label, view.preview, view.meaning, view.collect]
    place.tab.select(refresh, view.choice, everything, **QUIET)
    view.label.input(look, view.choice, shown, **QUIET)
    view.seed.input(look, view.choice, shown, trigger_mode="always_last", **QUIET)
    view.others.click(other, view.choice, [view.draw, *shown], **QUIET)
    view.again.click(again, view.choice, [view.seed, *shown], **QUIET)
    view.collect.click(lambda: open_tab("collect"), None, place.tabs, queue=False, api_visibility="private")


def _everything(services: Services, label: str, draw: int, seed: float | None) -> list[object]:
    draft, options = services.training.draft(), labels(services)
    label = label if label in {value for _, value in options} else ""
    choice = Choice(label, draw, int(seed or 0))
    return [
        *_positions(draft.augmentation),
        gr.update(choices=options, value=label),
        preview_html(services, draft.augmentation, choice),
        seed_html(choice.seed, draft.seed),
        gr.update(visible=not chosen(services, choice)),
    ]


def _preview(
    services: Services, augmentation: Augmentation, label: str, draw: int, seed: float | None
) -> str:
    return preview_html(services, augmentation, Choice(label or "", draw, int(seed or 0)))


def _positions(augmentation: Augmentation) -> list[object]:
    """Updates for all switches and strengths."""
    settings = [augmentation.settings[each.name] for each in OPERATIONS]
    return [
        part
        for each in settings
        for part in (each.enabled, gr.update(value=each.strength, interactive=each.enabled))
    ]


def _save(services: Services, change: Callable[[Augmentation], Augmentation]) -> Augmentation:
    changed = services.training.change_draft(
        lambda draft: replace(draft, augmentation=change(draft.augmentation))
    )
    return changed.augmentation
