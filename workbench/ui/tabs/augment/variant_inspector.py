"""Inspection of a rejected variant: its operations are applied one by one to find the one that changed the class."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np

from storage.core.errors import DomainError
from storage.records import ImageRecord
from workbench.charts import percent
from workbench.imaging.augmentation import BY_NAME, Augmentation
from workbench.imaging.memory_budget import PATIENCE
from workbench.label_safety.attribution import OperationSuspect, attribution_candidates, responsible_operation
from workbench.services import Services
from workbench.serving.service import Prediction
from workbench.ui.components.html import frame


@dataclass(frozen=True)
class RejectedVariant:
    """A variant that a user rejected.

    Attributes:
        image_id: The id of its picture.
        variant: Its number.
        seed: Its seed.
        augmentation: The augmentation that made it.
    """

    image_id: int
    variant: int
    seed: int
    augmentation: Augmentation


def find_suspects(services: Services, rejected: RejectedVariant) -> tuple[list[OperationSuspect], str]:
    """The operations that may have changed the class, and the name of the one that did (empty if the user must decide)."""
    image = services.stores.catalogue.get(rejected.image_id)
    picture = services.stores.derivatives.canonical(image.sha256, services.training.draft().fit, PATIENCE)
    key = (rejected.seed, rejected.variant, rejected.image_id)
    original_prediction = _try_predict(services, picture)
    predict = services.predictor.predict_unlogged if original_prediction else None
    suspected = attribution_candidates(picture, rejected.augmentation, key, predict)
    return suspected, responsible_operation(suspected, original_prediction)


def _try_predict(services: Services, picture: np.ndarray) -> Prediction | None:
    """The prediction of the production model; None if there is no usable model."""
    try:
        return services.predictor.predict_unlogged(picture)
    except DomainError:
        return None


def rejected_variant_html(
    services: Services, rejected: RejectedVariant, image: ImageRecord, current: Augmentation
) -> str:
    """The operations of a variant, each alone, with a button that switches it off or on again."""
    suspected, _ = find_suspects(services, rejected)
    cards = "".join(_card(suspect, image, current) for suspect in suspected)
    heading = f"Which of these alone no longer shows {escape(image.label or 'the same')}?"
    if not suspected:
        heading = "No operation that is on changed this variant."
    return (
        f"<div class='no' role='group' aria-label='Variant {rejected.variant} of {escape(image.filename)}'>"
        f"<p><b>{heading}</b> <button type='button' class='plain' data-press='close'>None of them: close</button></p>"
        f"<div class='suspects'>{cards}</div></div>"
    )


def _card(suspect: OperationSuspect, image: ImageRecord, current: Augmentation) -> str:
    operation = BY_NAME[suspect.operation]
    picture = frame(suspect.pixels, f"{operation.label} alone, {image.filename}")
    disabled = not current.settings[operation.name].enabled
    action, caption = (
        ("on", f"{operation.label} is off. Put it back")
        if disabled
        else ("off", f"Switch {operation.label} off")
    )
    prediction = suspect.answer
    prediction_html = ""
    if prediction is not None:
        other = " class='flag'" if image.label and prediction.label != image.label else ""
        prediction_html = f"<span{other}>{prediction.version} reads {escape(prediction.label)}, {percent(prediction.confidence)}</span>"
    return (
        f"<figure>{picture}<figcaption><b>{operation.label}</b>{prediction_html}"
        f"<button type='button' class='plain' data-press='{action}' data-operation='{operation.name}'>{caption}</button>"
        "</figcaption></figure>"
    )
