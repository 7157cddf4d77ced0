"""The form of a training spec: basic and collapsed advanced fields; those without effect for the recipe are hidden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from workbench.backbones.definitions import BACKBONES
from workbench.services import Services
from workbench.training.spec import BEST, RECIPES, SCRATCH, TrainingSpec, class_weight_table
from workbench.ui.components.class_weights import read_weights, show_weights, weights_fields
from workbench.ui.tabs.train import options
from workbench.ui.tabs.train.advanced_fields import advanced_fields, has_effect, number, whole

BY_HAND = "by hand"
KEPT = ("validation_fraction", "seed", "class_weights", "fit", "precision", "augmentation")
"""The settings that are kept when the recipe changes; the others get the recipe's defaults."""
VISIBILITY_KEYS = ("recipe", "loss", "schedule")
"""The settings that determine which other fields are visible."""


@dataclass(frozen=True)
class Form:
    """The fields by their keys in :class:`TrainingSpec`, the class weights, and the note on the backbone."""

    fields: Mapping[str, Any]
    weights: gr.HTML
    net: gr.HTML

    @property
    def inputs(self) -> list[Any]:
        """All fields, in the order in which :func:`form_values` expects their values."""
        return [*self.fields.values(), self.weights]

    @property
    def outputs(self) -> list[Any]:
        """The outputs of :func:`show`, in its order."""
        return [*self.inputs, self.net]


def build_recipe() -> gr.Radio:
    """Build the choice of the recipe."""
    choices = options.recipe_choices(options.FITTING_MINUTES)
    return gr.Radio(choices, label="How to train", elem_id="train-recipe", elem_classes="cards")


def build_form(recipe: gr.Radio) -> Form:
    """Build the other fields; :func:`show` sets their values."""
    fields: dict[str, Any] = {"recipe": recipe}
    choices = options.net_choices(SCRATCH)
    fields["architecture"] = gr.Radio(choices, label="Net", elem_id="train-architecture")
    net = gr.HTML(elem_id="train-net", padding=False, apply_default_css=False)
    fields["max_minutes"] = number("max_minutes", "Minutes, at most", "0 is no limit.")
    fields["epochs"] = whole("epochs", "Epochs, at most", "Passes over the training pictures.")
    fields["validation_fraction"] = gr.Slider(
        5, 50, step=1, label="Kept to check with, %", info="Never trained on.", elem_id="train-validation"
    )
    fields["seed"] = whole("seed", "Seed", "The same seed gives the same split and the same first weights.")
    fields["class_weights"] = gr.Radio(
        [("Balanced", "balanced"), ("None", "none"), ("By hand", BY_HAND)],
        label="Weight of a class in the loss",
        info="Balanced makes rare classes count as much as common ones.",
        elem_id="train-weighting",
    )
    weights = weights_fields("train-weights")
    with gr.Accordion("Advanced", open=False, elem_id="train-advanced"):
        advanced_fields(fields)
    return Form(fields, weights, net)


def form_values(form: Form, values: Sequence[Any]) -> dict[str, Any]:
    """The values of the fields by the keys of :class:`TrainingSpec`; not validated."""
    *fields, weights = values
    settings = dict(zip(form.fields, fields, strict=True))
    settings["validation_fraction"] = (settings["validation_fraction"] or 0) / 100
    if settings["class_weights"] == BY_HAND:
        settings["class_weights"] = read_weights(weights)
    return settings


def show(form: Form, services: Services, spec: TrainingSpec) -> list[Any]:
    """Updates that show a spec, in the order of :attr:`Form.outputs`."""
    by_hand = not isinstance(spec.class_weights, str)
    values = {**spec.to_dict(), "validation_fraction": round(spec.validation_fraction * 100)}
    values["class_weights"] = BY_HAND if by_hand else spec.class_weights
    summary = services.stores.catalogue.summary(services.stores.classes.all())
    weights = spec.class_weights if isinstance(spec.class_weights, Mapping) else {}
    updates = [gr.update(value=values[key], **_more(key, spec)) for key in form.fields]
    return [*updates, show_weights(weights, summary.colours, by_hand), show_net(services, spec.architecture)]


def _more(key: str, spec: TrainingSpec) -> dict[str, Any]:
    """The properties of a field that depend on the spec."""
    options_: dict[str, Any] = {"visible": has_effect(key, spec)}
    if key == "recipe":
        options_["choices"] = options.recipe_choices(options.minutes_of(spec))
    if key == "architecture":
        options_["choices"] = options.net_choices(spec.recipe)
        options_["label"] = "Net to try beside those from scratch" if spec.recipe == BEST else "Net"
    if key == "max_minutes":
        options_["label"] = "Minutes to search" if spec.recipe == BEST else "Minutes, at most"
        options_["info"] = (
            "More minutes, more is tried; 0 is no limit." if spec.recipe == BEST else "0 is no limit."
        )
    return options_


def visibility_updates(form: Form, spec: Mapping[str, Any]) -> list[Any]:
    """Updates of the visibility of the fields, in the order of ``form.fields``."""
    return [gr.update(visible=has_effect(key, spec)) for key in form.fields]


def show_net(services: Services, architecture: str | None) -> str:
    """The note on the chosen backbone."""
    backbone = BACKBONES.get(architecture or "")
    return options.net_html(backbone, services.settings.weights_folder) if backbone else ""


def with_recipe(spec: TrainingSpec, recipe: str) -> TrainingSpec:
    """The spec with another recipe and its defaults, except for the settings in :data:`KEPT`."""
    if spec.recipe == recipe or recipe not in RECIPES:
        return spec
    kept = {key: getattr(spec, key) for key in KEPT}
    if SCRATCH not in (spec.recipe, recipe):
        kept["architecture"] = spec.architecture
    return TrainingSpec.of(recipe, **kept)


def with_class_weights(services: Services, spec: TrainingSpec) -> TrainingSpec:
    """The spec with a weight for each class that has pictures, if class weights are set by hand."""
    if isinstance(spec.class_weights, str):
        return spec
    present = {class_.name: class_.count for class_ in services.stores.classes.all() if class_.count}
    defaults = (
        class_weight_table(present, "balanced") if not spec.class_weights else dict.fromkeys(present, 1.0)
    )
    return replace(
        spec,
        class_weights={
            **defaults,
            **{name: weight for name, weight in spec.class_weights.items() if name in defaults},
        },
    )
