"""The part of the Train tab before a run: the start button, and the plan or the reason why none can start."""

from __future__ import annotations

from dataclasses import dataclass, replace
from html import escape
from typing import Any

import gradio as gr

from storage.core.errors import DomainError
from workbench.backbones.weights import WeightsState
from workbench.core.errors import NotReady
from workbench.imaging.augmentation import BY_NAME
from workbench.services import Services
from workbench.training.service import TrainingPlan
from workbench.training.spec import BEST, TrainingSpec
from workbench.ui.components.html import problem
from workbench.ui.components.spec_words import minutes_text
from workbench.ui.tabs.train.form import with_class_weights, with_recipe
from workbench.ui.tabs.train.html import plan_html
from workbench.ui.tabs.train.options import missing_weights, purposes_html


@dataclass(frozen=True)
class Preflight:
    """The components of the part before a run."""

    start: gr.Button
    reason: gr.HTML
    collect: gr.Button
    label: gr.Button
    missing_weights_note: gr.HTML
    plan: gr.HTML

    @property
    def outputs(self) -> list[Any]:
        """The outputs of :func:`preflight_updates`, in its order."""
        return [self.start, self.reason, self.collect, self.label, self.missing_weights_note, self.plan]


def build_preflight() -> Preflight:
    """Build it, empty; the caller must render ``plan``."""
    with gr.Column(elem_classes="ahead"):
        with gr.Row():
            start = gr.Button("Train", variant="primary", interactive=False, elem_id="train-start")
            collect = gr.Button("Collect pictures", variant="primary", visible=False, elem_id="train-collect")
            label = gr.Button("Label pictures", variant="primary", visible=False, elem_id="train-label")
        reason = gr.HTML(elem_id="train-reason", padding=False, visible=False)
        missing_weights_note = gr.HTML(
            elem_id="train-lacking", padding=False, visible=False, apply_default_css=False
        )
    # Rendered by the caller: the run panel is placed in between, so that the button does not move.
    plan = gr.HTML(elem_id="train-plan", padding=False, apply_default_css=False, render=False)
    return Preflight(start, reason, collect, label, missing_weights_note, plan)


def build_help() -> gr.HTML:
    """Build the collapsed help; returns the component on backbones, which must be refreshed as weights change."""
    nets = gr.HTML(elem_id="train-nets", padding=False, apply_default_css=False)
    gr.HTML(purposes_html(), elem_id="train-purposes", padding=False, apply_default_css=False)
    return nets


def save_setting(services: Services, key: str, settings: dict[str, Any]) -> list[Any]:
    """Save one setting in the draft; the updates are for the values of all fields."""
    try:
        draft = services.training.change_draft(
            lambda draft: with_class_weights(
                services, replace(with_recipe(draft, settings["recipe"]), **{key: settings[key]})
            )
        )
        if key == "class_weights":
            settings[key] = draft.class_weights
        return preflight_updates(services, replace(draft, **settings))
    except DomainError as error:
        return _blocked_updates(services, error)


def preflight_updates(services: Services, spec: TrainingSpec) -> list[Any]:
    """Updates in the order of :attr:`Preflight.outputs`."""
    try:
        plan = services.training.plan(spec)
    except DomainError as error:
        return _blocked_updates(services, error)
    state = missing_weights(spec, services.settings.weights_folder)
    if state and state.path.is_file():
        return _blocked_updates(services, DomainError(state.sentence))
    colours = services.stores.classes.colours()
    hidden = gr.update(visible=False)
    start = gr.update(value=_button_text(spec, plan), interactive=True)
    return [
        start,
        hidden,
        hidden,
        hidden,
        _lacking_update(state),
        gr.update(value=plan_html(plan, colours) + _warning_html(services, spec), visible=True),
    ]


def _warning_html(services: Services, spec: TrainingSpec) -> str:
    warning = augmentation_warning(services, spec)
    return f"<p class='note'>{escape(warning)}</p>" if warning else ""


def _button_text(spec: TrainingSpec, plan: TrainingPlan) -> str:
    if spec.recipe == BEST:
        time = f"for {minutes_text(spec.max_minutes)}" if spec.max_minutes else "without a limit of time"
        return f"Search {time} on {plan.images:,} pictures"
    return f"Train on {plan.images:,} pictures"


def _lacking_update(state: WeightsState | None) -> Any:
    value = f"<p class='note'>{escape(state.sentence)}</p>" if state else ""
    return gr.update(value=value, visible=state is not None)


def _blocked_updates(services: Services, error: DomainError) -> list[Any]:
    summary = services.stores.catalogue.summary(services.stores.classes.all())
    not_ready = isinstance(error, NotReady)
    return [
        gr.update(value="Train", interactive=False),
        gr.update(value=problem(str(error)), visible=True),
        gr.update(visible=not_ready and not summary.unlabelled),
        gr.update(visible=not_ready and bool(summary.unlabelled)),
        gr.update(visible=False),
        gr.update(visible=False),
    ]


def augmentation_warning(services: Services, spec: TrainingSpec) -> str:
    """A sentence on operations that change the class according to the production model; empty if there are none."""
    safety = services.label_safety.report(spec.augmentation)
    flagged = safety.flagged(spec.augmentation)
    if not flagged:
        return ""
    names = " and ".join(BY_NAME[tally.operation].label for tally in flagged)
    worst = flagged[0]
    return (
        f"{names} may change the class: {safety.version} reads {worst.misread} of {worst.variants} variants "
        f"by {BY_NAME[worst.operation].label} as another one. See the Augment tab."
    )
