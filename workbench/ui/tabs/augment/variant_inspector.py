"""A variant that no longer shows its class: each of its operations alone, to find and switch off the one that did it."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np

from storage.core.errors import DomainError
from storage.records import ImageRecord
from workbench.charts import percent
from workbench.imaging.augmentation import BY_NAME, Augmentation
from workbench.imaging.memory_budget import PATIENCE
from workbench.label_safety.attribution import OperationSuspect, attribute, attribution_candidates
from workbench.services import Services
from workbench.serving.service import Prediction
from workbench.ui.components.frames import frame


@dataclass(frozen=True)
class RejectedVariant:
    """A variant that a person said No to.

    Attributes:
        image_id: Its picture.
        variant: Its number.
        seed: Its seed.
        augmentation: What made it.
    """

    image_id: int
    variant: int
    seed: int
    augmentation: Augmentation


def found(services: Services, doubt: RejectedVariant) -> tuple[list[OperationSuspect], str]:
    """What may have changed the class, and the name of what must have (empty where a person must say)."""
    image = services.stores.catalogue.get(doubt.image_id)
    picture = services.stores.media.canonical(image.sha256, services.training.draft().fit, PATIENCE)
    key = (doubt.seed, doubt.variant, doubt.image_id)
    before = _read(services, picture)
    read = services.predictor.predict_unlogged if before else None
    suspected = attribution_candidates(picture, doubt.augmentation, key, read)
    return suspected, attribute(suspected, before)


def _read(services: Services, picture: np.ndarray) -> Prediction | None:
    """What the model in production reads; None where there is none that answers, which the person can do without."""
    try:
        return services.predictor.predict_unlogged(picture)
    except DomainError:
        return None


def doubt_html(services: Services, doubt: RejectedVariant, image: ImageRecord, now: Augmentation) -> str:
    """The operations of a variant, each alone, with a button that switches it off or on again."""
    suspected, _ = found(services, doubt)
    cards = "".join(_card(each, image, now) for each in suspected)
    heading = f"Which of these alone no longer shows {escape(image.label or 'the same')}?"
    if not suspected:
        heading = "No operation that is on changed this variant."
    return (
        f"<div class='no' role='group' aria-label='Variant {doubt.variant} of {escape(image.filename)}'>"
        f"<p><b>{heading}</b> <button type='button' class='plain' data-press='close'>None of them: close</button></p>"
        f"<div class='suspects'>{cards}</div></div>"
    )


def _card(suspect: OperationSuspect, image: ImageRecord, now: Augmentation) -> str:
    operation = BY_NAME[suspect.operation]
    picture = frame(suspect.pixels, f"{operation.label} alone, {image.filename}")
    off = not now.settings[operation.name].enabled
    act, words = (
        ("on", f"{operation.label} is off. Put it back") if off else ("off", f"Switch {operation.label} off")
    )
    answer = suspect.answer
    reading = ""
    if answer is not None:
        other = " class='flag'" if image.label and answer.label != image.label else ""
        reading = (
            f"<span{other}>{answer.version} reads {escape(answer.label)}, {percent(answer.confidence)}</span>"
        )
    return (
        f"<figure>{picture}<figcaption><b>{operation.label}</b>{reading}"
        f"<button type='button' class='plain' data-press='{act}' data-operation='{operation.name}'>{words}</button>"
        "</figcaption></figure>"
    )
