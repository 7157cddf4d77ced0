"""What the Augment tab shows: pictures beside their variants, as HTML."""

from __future__ import annotations

import base64
import random
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO

import numpy as np
from PIL import Image

from storage.records import Filter, ImageRecord
from workbench.augmentation import Augmentation
from workbench.services import Services
from workbench.ui.components.bars import dot

PICTURES = 3
VARIANTS = 4
EMPTY = "<p>Here you see what training will do to your own pictures. There are none yet.</p>"


@dataclass(frozen=True)
class Choice:
    """Which pictures are previewed, and with which seed.

    ``label`` is a class name, empty for one of each class in turn; another ``draw`` gives other pictures.
    """

    label: str
    draw: int
    seed: int


def chosen(services: Services, choice: Choice) -> list[ImageRecord]:
    """The pictures to preview: the same for the same choice and catalogue."""
    catalogue = services.stores.catalogue
    names = [choice.label] if choice.label else [c.name for c in services.stores.classes.all() if c.count]
    filters = [Filter(label=name) for name in names] or [Filter()]
    order = random.Random(choice.draw)  # noqa: S311 - picks pictures to look at
    pools = [order.sample(ids, min(PICTURES, len(ids))) for ids in map(services.stores.pages.ids, filters)]
    order.shuffle(pools)
    in_turn = [pool[turn] for turn in range(PICTURES) for pool in pools if turn < len(pool)]
    return catalogue.several(in_turn[:PICTURES])


def preview_html(services: Services, augmentation: Augmentation, choice: Choice) -> str:
    """Every chosen picture as the net sees it, beside its variants."""
    pictures = chosen(services, choice)
    if not pictures:
        return EMPTY
    heads = "".join(f"<span>{name}</span>" for name in ["Original", *_numbered(VARIANTS)])
    rows = "".join(_row(services, image, augmentation, choice.seed) for image in pictures)
    return (
        f"<div class='variants' style='--columns:{VARIANTS + 1}'><div class='heads'>{heads}</div>{rows}</div>"
    )


def seed_html(seed: int, next_run: int) -> str:
    """What the seed means."""
    same = "the seed of the next run" if seed == next_run else f"the next run has seed {next_run}"
    return f"<p class='note'>Seed {seed}: {same}. A run with this seed sees variant 1 in its first epoch, variant 2 in its second.</p>"


def _numbered(count: int) -> list[str]:
    return [f"Variant {number}" for number in range(1, count + 1)]


def _row(services: Services, image: ImageRecord, augmentation: Augmentation, seed: int) -> str:
    training = services.training
    original = services.stores.media.canonical(image.sha256, training.draft().fit)
    variants = training.preview(image.id, augmentation, VARIANTS, seed)
    label, name = image.label or "left to label", f"{image.filename}, {image.label or 'left to label'}"
    frames = _frame(original, name) + "".join(
        _frame(each, f"{title} of {name}") for title, each in zip(_numbered(VARIANTS), variants, strict=True)
    )
    mark = " <span class='chip'>synthetic</span>" if image.synthetic else ""
    caption = f"<p class='caption'>{dot(image.colour or '')}<b>{escape(label)}</b> <span>{escape(image.filename)}</span>{mark}</p>"
    return f"<div class='set'>{caption}<div class='frames'>{frames}</div></div>"


def _frame(picture: np.ndarray, name: str) -> str:
    return f"<img src='data:image/jpeg;base64,{_jpeg(picture)}' alt='{escape(name)}' title='{escape(name)}' width='256' height='256'>"


def _jpeg(picture: np.ndarray) -> str:
    buffer = BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=85)
    return base64.b64encode(buffer.getvalue()).decode()


def labels(services: Services) -> Sequence[tuple[str, str]]:
    """What pictures can be picked from, as (words, value)."""
    return [
        ("Every class", ""),
        *((each.name, each.name) for each in services.stores.classes.all() if each.count),
    ]
