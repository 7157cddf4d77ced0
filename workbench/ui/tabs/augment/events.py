"""What the dials and buttons of the Augment tab do."""

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
from workbench.ui.tabs.augment.html import PreviewChoice, chosen, labels, preview_html, seed_html
from workbench.ui.tabs.augment.layout import AugmentView
from workbench.ui.tabs.augment.operation_notes import notes, summary
from workbench.ui.tabs.augment.variant_inspector import RejectedVariant, found

Say = Callable[[Any], Any]
LARGEST_SEED = 2**32 - 1
QUIET: dict[str, Any] = {
    "show_progress": "hidden",
    "api_visibility": "private",
    "concurrency_id": "augment",
}
AT_ONCE: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "queue": False}


def bind(place: TabContext, view: AugmentView) -> None:
    """Bind every event of the tab."""
    say = _saying(place.services, view)
    _bind_dials(place.services, view, say)
    _bind_doubt(place.services, view, say)
    _bind_choice(place, view, say)


def _bind_dials(services: Services, view: AugmentView, say: Say) -> None:
    for control in view.controls:
        turned = gr.on(
            [control.switch.input, control.strength.input],
            _turned(services, control.operation.name),
            [control.switch, control.strength, *view.choice],
            [control.strength, view.preview, view.doubt],
            trigger_mode="always_last",
            **QUIET,
        )
        say(turned)

    @guarded
    def back(*choice: Any) -> list[object]:
        _save(services, lambda _: Augmentation())
        for name in Augmentation().enabled:
            mark(services.stores.preferences, name, "")
        return [
            *_positions(Augmentation()),
            preview_html(services, Augmentation(), PreviewChoice.of(*choice)),
            None,
        ]

    say(view.defaults.click(back, view.choice, [*view.dials, view.preview, view.doubt], **QUIET))


def _turned(services: Services, name: str) -> Callable[..., tuple[object, ...]]:
    """Keep one operation and no other: another browser tab may have moved them since this one was loaded."""

    @guarded
    def turned(on: bool, strength: float, *choice: Any) -> tuple[object, ...]:
        one = {name: {"enabled": on, "strength": strength}}
        augmentation = _save(services, lambda now: Augmentation.from_dict({**now.to_dict(), **one}))
        if on:
            mark(services.stores.preferences, name, "")
        return (
            gr.update(interactive=on),
            preview_html(services, augmentation, PreviewChoice.of(*choice)),
            None,
        )

    return turned


def _saying(services: Services, view: AugmentView) -> Say:
    """Says what is known of the operations after an event, and as time passes while they are tried on the model."""

    @guarded
    def say(before: str) -> list[object]:
        return _known(services, before)

    view.timer.tick(say, view.said, view.known, **AT_ONCE)
    # What follows an event is not left out because what followed the one before is not there yet.
    return lambda event: event.then(say, view.said, view.known, trigger_mode="always_last", **AT_ONCE)


def _known(services: Services, before: str) -> list[object]:
    augmentation = services.training.draft().augmentation
    safety = services.safety.report(augmentation)
    said = [*notes(services, augmentation, safety), summary(services, augmentation, safety)]
    going_on = safety.state in {CHECKING, WAITING}
    now = f"{going_on} {''.join(said)}"
    if now == before:
        return [gr.skip()] * (len(said) + 2)
    return [*said, gr.Timer(active=going_on), now]


def _bind_doubt(services: Services, view: AugmentView, say: Say) -> None:
    @guarded
    def press(event: gr.EventData, doubt: RejectedVariant | None, *choice: Any) -> list[object]:
        sent, made = Payload.of(event), PreviewChoice.of(*choice)
        act, name = sent.text("press"), sent.text("operation", "")
        augmentation = services.training.draft().augmentation
        if act == "no":
            doubt = RejectedVariant(sent.number("image"), sent.number("variant"), made.seed, augmentation)
            name = found(services, doubt)[1]
        if act == "close":
            doubt = None
        if name in BY_NAME and doubt is not None:
            augmentation = _switch(services, doubt, name, act == "on")
        return [*_positions(augmentation), preview_html(services, augmentation, made, doubt), doubt]

    outputs = [*view.dials, view.preview, view.doubt]
    say(view.preview.press(press, [view.doubt, *view.choice], outputs, **QUIET))


def _switch(services: Services, doubt: RejectedVariant, name: str, on: bool) -> Augmentation:
    """Switch an operation off because it changed the class of a variant, or on again after all."""
    image = services.stores.catalogue.get(doubt.image_id)
    words = f"variant {doubt.variant} of {image.filename} no longer showed {image.label or 'the same'}."
    with services.stores.database.write():
        mark(services.stores.preferences, name, "" if on else words)
        now = _save(services, lambda now: now.switched(name, on))
    gr.Info(f"{BY_NAME[name].label} is {'on again' if on else 'switched off'}.")
    return now


def _bind_choice(place: TabContext, view: AugmentView, say: Say) -> None:
    services = place.services

    @guarded
    def refresh(*choice: Any) -> list[object]:
        return _everything(services, PreviewChoice.of(*choice))

    @guarded
    def look(*choice: Any) -> list[object]:
        return _shown(services, PreviewChoice.of(*choice))

    @guarded
    def other(*choice: Any) -> list[object]:
        made = PreviewChoice.of(*choice)
        return [made.draw + 1, *_shown(services, replace(made, draw=made.draw + 1))]

    @guarded
    def again(*choice: Any) -> list[object]:
        made = PreviewChoice.of(*choice)
        following = (made.seed + 1) % LARGEST_SEED
        return [following, *_shown(services, replace(made, seed=following))]

    shown = [view.preview, view.meaning, view.doubt]
    everything = [*view.dials, view.label, *shown, view.collect]
    say(place.tab.select(refresh, view.choice, everything, **QUIET))
    for field in (view.label, view.seed, view.count):
        field.input(look, view.choice, shown, trigger_mode="always_last", **QUIET)
    view.others.click(other, view.choice, [view.draw, *shown], **QUIET)
    view.again.click(again, view.choice, [view.seed, *shown], **QUIET)
    view.collect.click(lambda: open_tab("collect"), None, place.tabs, queue=False, api_visibility="private")


def _everything(services: Services, choice: PreviewChoice) -> list[object]:
    draft, options = services.training.draft(), labels(services)
    if choice.label not in {value for _, value in options}:
        choice = replace(choice, label="")
    return [
        *_positions(draft.augmentation),
        gr.update(choices=options, value=choice.label),
        *_shown(services, choice),
        gr.update(visible=not chosen(services, choice)),
    ]


def _shown(services: Services, choice: PreviewChoice) -> list[object]:
    """The preview, what its seed means, and no doubt about a variant."""
    draft = services.training.draft()
    return [preview_html(services, draft.augmentation, choice), seed_html(choice.seed, draft), None]


def _positions(augmentation: Augmentation) -> list[object]:
    """Updates for all switches and strengths."""
    settings = [augmentation.settings[operation.name] for operation in OPERATIONS]
    return [
        part
        for setting in settings
        for part in (setting.enabled, gr.update(value=setting.strength, interactive=setting.enabled))
    ]


def _save(services: Services, change: Callable[[Augmentation], Augmentation]) -> Augmentation:
    changed = services.training.change_draft(
        lambda draft: replace(draft, augmentation=change(draft.augmentation))
    )
    return changed.augmentation
