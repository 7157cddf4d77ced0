"""The event callbacks of the Augment tab."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gradio as gr

from workbench.imaging.augmentation import BY_NAME, OPERATIONS, Augmentation
from workbench.label_safety.results import mark
from workbench.label_safety.service import CHECKING, WAITING
from workbench.services import Services
from workbench.ui.context import TabContext, open_tab
from workbench.ui.error_boundary import guarded
from workbench.ui.payload import Payload
from workbench.ui.tabs.augment.html import (
    PreviewChoice,
    class_choices,
    preview_html,
    preview_pictures,
    seed_html,
)
from workbench.ui.tabs.augment.layout import AugmentView
from workbench.ui.tabs.augment.operation_notes import notes, summary
from workbench.ui.tabs.augment.variant_inspector import RejectedVariant, find_suspects

NoteRefresher = Callable[[Any], Any]
MAX_SEED = 2**32 - 1
SEQUENTIAL: dict[str, Any] = {
    "show_progress": "hidden",
    "api_visibility": "private",
    "concurrency_id": "augment",
}
UNQUEUED: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "queue": False}


def bind(context: TabContext, view: AugmentView) -> None:
    """Bind every event of the tab."""
    refresh_notes = _bind_notes(context.services, view)
    _bind_dials(context.services, view, refresh_notes)
    _bind_rejection(context.services, view, refresh_notes)
    _bind_choice(context, view, refresh_notes)


def _bind_dials(services: Services, view: AugmentView, refresh_notes: NoteRefresher) -> None:
    for control in view.controls:
        changed = gr.on(
            [control.switch.input, control.strength.input],
            _operation_changed(services, control.operation.name),
            [control.switch, control.strength, *view.preview_choice],
            [control.strength, view.preview, view.rejected],
            trigger_mode="always_last",
            **SEQUENTIAL,
        )
        refresh_notes(changed)

    @guarded
    def reset(*preview_choice: Any) -> list[object]:
        _save(services, lambda _: Augmentation())
        for name in Augmentation().enabled:
            mark(services.stores.preferences, name, "")
        return [
            *_control_updates(Augmentation()),
            preview_html(services, Augmentation(), PreviewChoice.of(*preview_choice)),
            None,
        ]

    refresh_notes(
        view.defaults.click(
            reset, view.preview_choice, [*view.operation_inputs, view.preview, view.rejected], **SEQUENTIAL
        )
    )


def _operation_changed(services: Services, name: str) -> Callable[..., tuple[object, ...]]:
    """The callback of one operation. It saves only that operation: another browser tab may have changed the others."""

    @guarded
    def changed(enabled: bool, strength: float, *preview_choice: Any) -> tuple[object, ...]:
        setting = {name: {"enabled": enabled, "strength": strength}}
        augmentation = _save(
            services, lambda current: Augmentation.from_dict({**current.to_dict(), **setting})
        )
        if enabled:
            mark(services.stores.preferences, name, "")
        return (
            gr.update(interactive=enabled),
            preview_html(services, augmentation, PreviewChoice.of(*preview_choice)),
            None,
        )

    return changed


def _bind_notes(services: Services, view: AugmentView) -> NoteRefresher:
    """Bind the timer that refreshes the notes while a safety check runs; returns a function that refreshes them after an event."""

    @guarded
    def refresh_notes(previous: str) -> list[object]:
        return _note_updates(services, previous)

    view.timer.tick(refresh_notes, view.shown_notes, view.note_outputs, **UNQUEUED)
    # always_last: a refresh is not dropped while the previous one is still pending.
    return lambda event: event.then(
        refresh_notes, view.shown_notes, view.note_outputs, trigger_mode="always_last", **UNQUEUED
    )


def _note_updates(services: Services, previous: str) -> list[object]:
    augmentation = services.training.draft().augmentation
    safety = services.label_safety.report(augmentation)
    note_html = [*notes(services, augmentation, safety), summary(services, augmentation, safety)]
    checking = safety.state in {CHECKING, WAITING}
    current = f"{checking} {''.join(note_html)}"
    if current == previous:
        return [gr.skip()] * (len(note_html) + 2)
    return [*note_html, gr.Timer(active=checking), current]


def _bind_rejection(services: Services, view: AugmentView, refresh_notes: NoteRefresher) -> None:
    @guarded
    def press(event: gr.EventData, rejected: RejectedVariant | None, *preview_choice: Any) -> list[object]:
        payload, selection = Payload.of(event), PreviewChoice.of(*preview_choice)
        action, name = payload.text("press"), payload.text("operation", "")
        augmentation = services.training.draft().augmentation
        if action == "no":
            rejected = RejectedVariant(
                payload.number("image"), payload.number("variant"), selection.seed, augmentation
            )
            name = find_suspects(services, rejected)[1]
        if action == "close":
            rejected = None
        if name in BY_NAME and rejected is not None:
            augmentation = _switch_operation(services, rejected, name, action == "on")
        return [
            *_control_updates(augmentation),
            preview_html(services, augmentation, selection, rejected),
            rejected,
        ]

    outputs = [*view.operation_inputs, view.preview, view.rejected]
    refresh_notes(view.preview.press(press, [view.rejected, *view.preview_choice], outputs, **SEQUENTIAL))


def _switch_operation(
    services: Services, rejected: RejectedVariant, name: str, enabled: bool
) -> Augmentation:
    """Switch an operation off because it changed the class of a variant, or on again."""
    image = services.stores.catalogue.get(rejected.image_id)
    reason = f"variant {rejected.variant} of {image.filename} no longer showed {image.label or 'the same'}."
    with services.stores.database.write():
        mark(services.stores.preferences, name, "" if enabled else reason)
        current = _save(services, lambda augmentation: augmentation.switched(name, enabled))
    gr.Info(f"{BY_NAME[name].label} is {'on again' if enabled else 'switched off'}.")
    return current


def _bind_choice(context: TabContext, view: AugmentView, refresh_notes: NoteRefresher) -> None:
    services = context.services

    @guarded
    def refresh(*preview_choice: Any) -> list[object]:
        return _all_updates(services, PreviewChoice.of(*preview_choice))

    @guarded
    def update_preview(*preview_choice: Any) -> list[object]:
        return _preview_updates(services, PreviewChoice.of(*preview_choice))

    @guarded
    def draw_others(*preview_choice: Any) -> list[object]:
        selection = PreviewChoice.of(*preview_choice)
        return [selection.draw + 1, *_preview_updates(services, replace(selection, draw=selection.draw + 1))]

    @guarded
    def next_seed(*preview_choice: Any) -> list[object]:
        selection = PreviewChoice.of(*preview_choice)
        seed = (selection.seed + 1) % MAX_SEED
        return [seed, *_preview_updates(services, replace(selection, seed=seed))]

    preview_outputs = [view.preview, view.seed_note, view.rejected]
    all_outputs = [*view.operation_inputs, view.label, *preview_outputs, view.collect]
    refresh_notes(context.tab.select(refresh, view.preview_choice, all_outputs, **SEQUENTIAL))
    for field in (view.label, view.seed, view.count):
        field.input(
            update_preview, view.preview_choice, preview_outputs, trigger_mode="always_last", **SEQUENTIAL
        )
    view.other_pictures.click(draw_others, view.preview_choice, [view.draw, *preview_outputs], **SEQUENTIAL)
    view.again.click(next_seed, view.preview_choice, [view.seed, *preview_outputs], **SEQUENTIAL)
    view.collect.click(lambda: open_tab("collect"), None, context.tabs, queue=False, api_visibility="private")


def _all_updates(services: Services, preview_choice: PreviewChoice) -> list[object]:
    draft, options = services.training.draft(), class_choices(services)
    if preview_choice.label not in {value for _, value in options}:
        preview_choice = replace(preview_choice, label="")
    return [
        *_control_updates(draft.augmentation),
        gr.update(choices=options, value=preview_choice.label),
        *_preview_updates(services, preview_choice),
        gr.update(visible=not preview_pictures(services, preview_choice)),
    ]


def _preview_updates(services: Services, preview_choice: PreviewChoice) -> list[object]:
    """Updates of the preview and the explanation of its seed; no variant is rejected."""
    draft = services.training.draft()
    return [
        preview_html(services, draft.augmentation, preview_choice),
        seed_html(preview_choice.seed, draft),
        None,
    ]


def _control_updates(augmentation: Augmentation) -> list[object]:
    """Updates for all switches and strengths."""
    settings = [augmentation.settings[operation.name] for operation in OPERATIONS]
    return [
        update
        for setting in settings
        for update in (setting.enabled, gr.update(value=setting.strength, interactive=setting.enabled))
    ]


def _save(services: Services, change: Callable[[Augmentation], Augmentation]) -> Augmentation:
    changed = services.training.change_draft(
        lambda draft: replace(draft, augmentation=change(draft.augmentation))
    )
    return changed.augmentation
