"""The form fields of the advanced settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from workbench.training.spec import BEST, FINE_TUNE, INSTANT, SCRATCH, TrainingSpec
from workbench.ui.tabs.train import options

PRETRAINED_RECIPES = (INSTANT, FINE_TUNE)
RECIPES_OF_SETTING: Mapping[str, tuple[str, ...]] = {
    "max_minutes": (SCRATCH, FINE_TUNE, BEST),
    "head": PRETRAINED_RECIPES,
    "variants": PRETRAINED_RECIPES,
    "depth": (FINE_TUNE,),
    "members": (FINE_TUNE,),
}
"""The recipes that use a setting, for settings that not all use. A search chooses :data:`SEARCHED_SETTINGS` itself."""
SEARCHED_SETTINGS = (
    "epochs", "learning_rate", "batch_size", "patience", "plateau_patience", "plateau_factor", "dropout", "label_smoothing",
    "mixup", "cutmix", "loss", "focal_gamma", "sampling", "optimizer", "schedule", "warmup_epochs",
)  # fmt: skip


def has_effect(key: str, spec: TrainingSpec | Mapping[str, Any]) -> bool:
    """Whether a setting has an effect, given the other settings of the spec."""
    values = spec.to_dict() if isinstance(spec, TrainingSpec) else spec
    if values["recipe"] not in RECIPES_OF_SETTING.get(key, (values["recipe"],)):
        return False
    if values["recipe"] == BEST and key in SEARCHED_SETTINGS:
        return False
    if key.startswith("plateau_"):
        return bool(values["schedule"] == "plateau")
    return key != "focal_gamma" or bool(values["loss"] == "focal")


def advanced_fields(fields: dict[str, Any]) -> None:
    """Build the fields and add them to the mapping, by their spec keys."""
    _net_fields(fields)
    _optimizer_fields(fields)
    _loss_fields(fields)
    _stopping_fields(fields)


def _net_fields(fields: dict[str, Any]) -> None:
    fields["depth"] = _radio("depth", "How deep the net adapts", options.DEPTHS)
    fields["head"] = _radio("head", "Head", options.HEADS)
    fields["variants"] = whole(
        "variants", "Variants of a picture", "Augmented copies with features of their own."
    )
    fields["members"] = whole("members", "Nets side by side", "Their mean answers: better, and slower.")
    fields["fit"] = _radio(
        "fit",
        "How a picture becomes square",
        (("Letterbox", "letterbox"), ("Squash", "squash"), ("Crop", "crop")),
        "Letterbox keeps all of it in shape. Squash distorts it. Crop cuts off its ends.",
    )


def _optimizer_fields(fields: dict[str, Any]) -> None:
    fields["optimizer"] = _list("optimizer", "Optimizer", options.OPTIMIZERS)
    fields["learning_rate"] = number(
        "learning_rate", "Learning rate", "The optimizer's step size at the start."
    )
    fields["schedule"] = _list("schedule", "Learning rate over time", options.SCHEDULES)
    fields["plateau_patience"] = whole(
        "plateau_patience", "Plateau patience, epochs", "Lowers the learning rate after so many."
    )
    fields["plateau_factor"] = number(
        "plateau_factor", "Plateau factor", "What the rate is multiplied by then."
    )
    fields["warmup_epochs"] = whole("warmup_epochs", "Warm-up, epochs", "The rate rises over so many.")
    fields["batch_size"] = whole("batch_size", "Batch size", "Pictures a step.")


def _loss_fields(fields: dict[str, Any]) -> None:
    fields["loss"] = _list("loss", "Loss", options.LOSSES)
    fields["focal_gamma"] = number("focal_gamma", "Focal gamma", "How much less is asked of easy pictures.")
    fields["sampling"] = _list("sampling", "Pictures of an epoch", options.SAMPLINGS)
    fields["dropout"] = number("dropout", "Dropout", "Share of the features left out; 0 is off.")
    fields["label_smoothing"] = number("label_smoothing", "Label smoothing", "0 is off.")
    fields["mixup"] = number("mixup", "Mixup, alpha", "0 is off.")
    fields["cutmix"] = number("cutmix", "CutMix, alpha", "0 is off.")


def _stopping_fields(fields: dict[str, Any]) -> None:
    fields["patience"] = whole(
        "patience", "Patience, epochs", "Ends after so many epochs without a better one."
    )
    monitors = (("Validation loss", "val_loss"), ("Validation macro-F1", "val_macro_f1"))
    fields["monitor"] = _radio("monitor", "The best epoch is that with the best", monitors)
    fields["precision"] = _list("precision", "Precision", options.PRECISIONS)


def _radio(key: str, label: str, choices: options.Choices, info: str = "") -> gr.Radio:
    return gr.Radio(list(choices), label=label, info=info or None, elem_id=_elem_id(key))


def _list(key: str, label: str, choices: options.Choices) -> gr.Dropdown:
    return gr.Dropdown(list(choices), label=label, filterable=False, elem_id=_elem_id(key))


def whole(key: str, label: str, info: str) -> gr.Number:
    """A field for an integer."""
    return gr.Number(label=label, info=info, precision=0, elem_id=_elem_id(key))


def number(key: str, label: str, info: str) -> gr.Number:
    """A field for a number."""
    return gr.Number(label=label, info=info, elem_id=_elem_id(key))


def _elem_id(key: str) -> str:
    return f"train-{key.replace('_', '-')}"
