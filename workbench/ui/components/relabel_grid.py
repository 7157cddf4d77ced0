"""A grid of pictures with the model's predictions, which can be relabelled in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import gradio as gr

from storage.records import ImageRecord
from workbench.charts import percent
from workbench.training.misclassified import PredictedImage
from workbench.ui.components.assets import mounting
from workbench.ui.components.html import class_name

SYNTHETIC = "<span><span class='chip'>synthetic</span></span>"
SCRIPT = "components/relabel_grid.js"


def answers_component(elem_id: str) -> gr.HTML:
    """Build an empty grid; relabelling a picture triggers the event ``relabel`` with ``image``, ``revision`` and ``label``."""
    js = mounting(SCRIPT, events=("relabel",))
    return gr.HTML(elem_id=elem_id, js_on_load=js, padding=False, apply_default_css=False)


def answers_html(
    answers: Sequence[PredictedImage], images: Mapping[int, ImageRecord], colours: Mapping[str, str]
) -> str:
    """The grid as HTML. Pictures that were removed from the catalogue are only counted.

    Args:
        answers: The predictions, in order.
        images: The pictures that still exist, by id.
        colours: The colour of each class, in the order in which they are offered.
    """
    present = [answer for answer in answers if answer.image_id in images]
    cards = "".join(_card(answer, images[answer.image_id], colours) for answer in present)
    removed = len(answers) - len(present)
    note = f"<p class='note'>{removed:,} more were removed from the catalogue since.</p>" if removed else ""
    return f"<div class='answers'>{cards}</div>{note}"


def _card(answer: PredictedImage, image: ImageRecord, colours: Mapping[str, str]) -> str:
    name = escape(image.filename)
    media = f"/media/{image.sha256}"
    changed = image.label != answer.true
    current = class_name(image.label, colours) if image.label else "no class"
    return (
        f"<figure><a href='{media}/stage.jpg' target='_blank' data-look title='{name}'>"
        f"<img loading='lazy' src='{media}/thumbnail.jpg' alt='{name}, {escape(answer.true)}'></a>"
        f"<figcaption>{SYNTHETIC if image.synthetic else ''}<span>is {class_name(answer.true, colours)}</span>"
        f"<span>answered {class_name(answer.predicted, colours)} · {percent(answer.probability)}</span>"
        f"{f'<span>now labelled {current}</span>' if changed else ''}"
        f"<select data-image='{image.id}' data-revision='{image.revision}' aria-label='Relabel {name}'><option value=''>Relabel</option>"
        f"{_options(image, colours)}</select></figcaption></figure>"
    )


def _options(image: ImageRecord, colours: Mapping[str, str]) -> str:
    others = (name for name in colours if name != image.label)
    return "".join(f"<option value='{escape(name)}'>as {escape(name)}</option>" for name in others)
