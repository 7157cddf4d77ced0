"""What the Augment tab shows: pictures beside their variants, as HTML."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from storage.records import Filter, ImageRecord
from workbench.imaging.augmentation import Augmentation
from workbench.imaging.memory_budget import PATIENCE
from workbench.services import Services
from workbench.training.spec import FINE_TUNE, INSTANT, TrainingSpec
from workbench.ui.components.bars import dot
from workbench.ui.components.frames import frame
from workbench.ui.tabs.augment.variant_inspector import RejectedVariant, doubt_html

PICTURES = 3
COUNTS = (4, 8, 12)
ABREAST = 4
EMPTY = "<p>Here you see what training will do to your own pictures. There are none yet.</p>"


@dataclass(frozen=True)
class PreviewChoice:
    """Which pictures are previewed, with which seed and how many variants.

    ``label`` is a class name, empty for one of each class in turn; another ``draw`` gives other pictures.
    """

    label: str
    draw: int
    seed: int
    count: int

    @classmethod
    def of(cls, label: str | None, draw: int, seed: float | None, count: int | None) -> PreviewChoice:
        """As the fields of the page have it, some of which may be empty."""
        return cls(label or "", draw, int(seed or 0), count or COUNTS[0])


def chosen(services: Services, choice: PreviewChoice) -> list[ImageRecord]:
    """The pictures to preview: the same for the same choice and catalogue."""
    catalogue = services.stores.catalogue
    names = [choice.label] if choice.label else [c.name for c in services.stores.classes.all() if c.count]
    filters = [Filter(label=name) for name in names] or [Filter()]
    order = random.Random(choice.draw)  # noqa: S311 - picks pictures to look at
    pools = [order.sample(ids, min(PICTURES, len(ids))) for ids in map(services.stores.pages.ids, filters)]
    order.shuffle(pools)
    in_turn = [pool[turn] for turn in range(PICTURES) for pool in pools if turn < len(pool)]
    return catalogue.several(in_turn[:PICTURES])


def preview_html(
    services: Services,
    augmentation: Augmentation,
    choice: PreviewChoice,
    doubt: RejectedVariant | None = None,
) -> str:
    """Every chosen picture as the net sees it, beside its variants; below the doubted one what it is made of."""
    pictures = chosen(services, choice)
    if not pictures:
        return EMPTY
    sets = []
    for image in pictures:
        sets.append(_set(services, image, augmentation, choice))
        if doubt is not None and doubt.image_id == image.id:
            sets.append(doubt_html(services, doubt, image, augmentation))
    return f"<div class='variants' style='--columns:{ABREAST + 1};--rows:{-(-choice.count // ABREAST)}'>{''.join(sets)}</div>"


def seed_html(seed: int, spec: TrainingSpec) -> str:
    """What the seed means for the next run."""
    same = "the seed of the next run" if seed == spec.seed else f"the next run has seed {spec.seed}"
    seen = "A run with this seed sees variant 1 in its first epoch, variant 2 in its second."
    if spec.recipe in {INSTANT, FINE_TUNE}:
        itself = "itself, its mirror image" if spec.augmentation.strength("flip") else "itself"
        seen = f"A run with this seed sees each picture {itself} and its variants 1 to {spec.variants}, all computed before its first epoch."
    mixed = " Then mixup or CutMix mixes them." if spec.mixup or spec.cutmix else ""
    return f"<p class='note'>Seed {seed}: {same}. {seen}{mixed}</p>"


def _set(services: Services, image: ImageRecord, augmentation: Augmentation, choice: PreviewChoice) -> str:
    original = services.stores.media.canonical(image.sha256, services.training.draft().fit, PATIENCE)
    variants = services.training.preview(image.id, augmentation, choice.count, choice.seed)
    name = f"{image.filename}, {image.label or 'left to label'}"
    figures = "".join(
        f"<figure>{frame(each, f'Variant {number} of {name}')}<figcaption><span><span class='long'>Variant </span>{number}</span>{_no(image, number)}"
        "</figcaption></figure>"
        for number, each in enumerate(variants, 1)
    )
    first = f"<figure class='original'>{frame(original, name)}<figcaption><span>Original</span></figcaption></figure>"
    return f"<div class='set'>{_caption(image)}<div class='frames'>{first}{figures}</div></div>"


def _no(image: ImageRecord, number: int) -> str:
    words = f"No, variant {number} of {image.filename} does not show {image.label or 'the same'}"
    return (
        f"<button type='button' class='plain' data-press='no' data-image='{image.id}' data-variant='{number}' "
        f"aria-label='{escape(words)}' title='{escape(words)}'>No</button>"
    )


def _caption(image: ImageRecord) -> str:
    mark = " <span class='chip'>synthetic</span>" if image.synthetic else ""
    label = escape(image.label or "left to label")
    return f"<p class='caption'>{dot(image.colour or '')}<b>{label}</b> <span>{escape(image.filename)}</span>{mark}</p>"


def labels(services: Services) -> Sequence[tuple[str, str]]:
    """What pictures can be picked from, as (words, value)."""
    return [
        ("Every class", ""),
        *((class_.name, class_.name) for class_ in services.stores.classes.all() if class_.count),
    ]
