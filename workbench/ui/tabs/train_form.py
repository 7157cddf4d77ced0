"""The settings of a run as fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from workbench.services import Services
from workbench.training.spec import TrainingSpec, class_weight_table
from workbench.ui.components.weights import read_weights, show_weights, weights_fields

BY_HAND = "by hand"
ARCHITECTURES = (
    "<p class='note'><b>Compact</b> learns fast and keeps where things are, such as a fill level: choose it unless you have a "
    "reason not to. <b>Classic</b> is the six-convolution net of the reference notebooks, several times slower: choose it to "
    "compare with them.</p>"
)


@dataclass(frozen=True)
class Form:
    """The fields by the key of :class:`TrainingSpec` that they set, and the weights by hand."""

    fields: Mapping[str, Any]
    weights: gr.HTML

    @property
    def inputs(self) -> list[Any]:
        """All fields, in the order in which :func:`read` takes their values."""
        return [*self.fields.values(), self.weights]


def build_form() -> Form:
    """Build the fields; they are empty until :func:`show` fills them."""
    fields: dict[str, Any] = {}
    choices = [("Compact (recommended)", "compact"), ("Classic", "classic")]
    fields["architecture"] = gr.Radio(choices, label="Architecture", elem_id="train-architecture")
    gr.HTML(ARCHITECTURES, padding=False)
    fields["epochs"] = _whole("epochs", "Epochs, at most", "Passes over the training pictures.")
    fields["validation_fraction"] = gr.Slider(
        5, 50, step=1, label="Kept to check with, %", info="Never trained on.", elem_id="train-validation"
    )
    fields["seed"] = _whole("seed", "Seed", "The same seed gives the same split and the same first weights.")
    fields["class_weights"] = gr.Radio(
        [("Balanced", "balanced"), ("None", "none"), ("By hand", BY_HAND)],
        label="Weight of a class in the loss",
        info="Balanced makes rare classes count as much as common ones.",
        elem_id="train-weighting",
    )
    weights = weights_fields("train-weights")
    with gr.Accordion("Advanced", open=False, elem_id="train-advanced"):
        _advanced(fields)
    return Form(fields, weights)


def _advanced(fields: dict[str, Any]) -> None:
    fields["learning_rate"] = _number("learning_rate", "Learning rate", "Adam's step size at the start.")
    fields["batch_size"] = _whole("batch_size", "Batch size", "Pictures a step.")
    fields["patience"] = _whole(
        "patience", "Patience, epochs", "Ends after so many epochs without a better one."
    )
    fields["plateau_patience"] = _whole(
        "plateau_patience", "Plateau patience, epochs", "Lowers the learning rate after so many."
    )
    fields["plateau_factor"] = _number(
        "plateau_factor", "Plateau factor", "What the rate is multiplied by then."
    )
    fields["max_minutes"] = _number("max_minutes", "Minutes, at most", "0 is no limit.")
    fields["monitor"] = gr.Radio(
        [("Validation loss", "val_loss"), ("Validation macro-F1", "val_macro_f1")],
        label="The best epoch is that with the best",
        elem_id="train-monitor",
    )
    fields["fit"] = gr.Radio(
        [("Letterbox", "letterbox"), ("Squash", "squash"), ("Crop", "crop")],
        label="How a picture becomes square",
        info="Letterbox keeps all of it in shape. Squash distorts it. Crop cuts off its ends.",
        elem_id="train-fit",
    )


def _whole(key: str, label: str, info: str) -> gr.Number:
    return gr.Number(label=label, info=info, precision=0, elem_id=f"train-{key.replace('_', '-')}")


def _number(key: str, label: str, info: str) -> gr.Number:
    return gr.Number(label=label, info=info, elem_id=f"train-{key.replace('_', '-')}")


def read(form: Form, values: Sequence[Any]) -> dict[str, Any]:
    """What the fields say, by the keys of :class:`TrainingSpec`; not yet checked."""
    *fields, weights = values
    given = dict(zip(form.fields, fields, strict=True))
    given["validation_fraction"] = (given["validation_fraction"] or 0) / 100
    if given["class_weights"] == BY_HAND:
        given["class_weights"] = read_weights(weights)
    return given


def show(form: Form, services: Services, spec: TrainingSpec) -> list[Any]:
    """Updates that make the fields show a spec, in the order of :attr:`Form.inputs`."""
    by_hand = not isinstance(spec.class_weights, str)
    shown = {**spec.to_dict(), "validation_fraction": round(spec.validation_fraction * 100)}
    shown["class_weights"] = BY_HAND if by_hand else spec.class_weights
    summary = services.stores.catalogue.summary(services.stores.classes.all())
    weights = spec.class_weights if isinstance(spec.class_weights, Mapping) else {}
    return [*(shown[key] for key in form.fields), show_weights(weights, summary.colours, by_hand)]


def fitting(services: Services, spec: TrainingSpec) -> TrainingSpec:
    """The spec with a weight for each class that has pictures now, where weights are given by hand."""
    if isinstance(spec.class_weights, str):
        return spec
    present = {each.name: each.count for each in services.stores.classes.all() if each.count}
    start = class_weight_table(present, "balanced") if not spec.class_weights else dict.fromkeys(present, 1.0)
    return replace(
        spec, class_weights={**start, **{k: v for k, v in spec.class_weights.items() if k in start}}
    )
