"""HTML of the Augment tab: pictures beside their augmented variants."""

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
from workbench.ui.components.html import frame
from workbench.ui.tabs.augment.variant_inspector import RejectedVariant, rejected_variant_html

MAX_PICTURES = 3
COUNTS = (4, 8, 12)
COLUMNS = 4
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
        """Create it from the values of the form fields, some of which may be empty."""
        return cls(label or "", draw, int(seed or 0), count or COUNTS[0])


def preview_pictures(services: Services, preview_choice: PreviewChoice) -> list[ImageRecord]:
    """The pictures to preview; deterministic for a choice and a catalogue."""
    catalogue = services.stores.catalogue
    names = (
        [preview_choice.label]
        if preview_choice.label
        else [c.name for c in services.stores.classes.all() if c.count]
    )
    filters = [Filter(label=name) for name in names] or [Filter()]
    rng = random.Random(preview_choice.draw)  # noqa: S311 - picks pictures to look at
    pools = [
        rng.sample(ids, min(MAX_PICTURES, len(ids))) for ids in map(services.stores.pages.all_ids, filters)
    ]
    rng.shuffle(pools)
    in_turn = [pool[turn] for turn in range(MAX_PICTURES) for pool in pools if turn < len(pool)]
    return catalogue.several(in_turn[:MAX_PICTURES])


def preview_html(
    services: Services,
    augmentation: Augmentation,
    preview_choice: PreviewChoice,
    rejected: RejectedVariant | None = None,
) -> str:
    """Every chosen picture beside its variants; below a rejected variant its operations one by one."""
    pictures = preview_pictures(services, preview_choice)
    if not pictures:
        return EMPTY
    sets = []
    for image in pictures:
        sets.append(_variant_set(services, image, augmentation, preview_choice))
        if rejected is not None and rejected.image_id == image.id:
            sets.append(rejected_variant_html(services, rejected, image, augmentation))
    return f"<div class='variants' style='--columns:{COLUMNS + 1};--rows:{-(-preview_choice.count // COLUMNS)}'>{''.join(sets)}</div>"


def seed_html(seed: int, spec: TrainingSpec) -> str:
    """An explanation of the seed for the next run."""
    comparison = "the seed of the next run" if seed == spec.seed else f"the next run has seed {spec.seed}"
    usage = "A run with this seed sees variant 1 in its first epoch, variant 2 in its second."
    if spec.recipe in {INSTANT, FINE_TUNE}:
        itself = "itself, its mirror image" if spec.augmentation.strength("flip") else "itself"
        usage = f"A run with this seed sees each picture {itself} and its variants 1 to {spec.variants}, all computed before its first epoch."
    mixed = " Then mixup or CutMix mixes them." if spec.mixup or spec.cutmix else ""
    return f"<p class='note'>Seed {seed}: {comparison}. {usage}{mixed}</p>"


def _variant_set(
    services: Services, image: ImageRecord, augmentation: Augmentation, preview_choice: PreviewChoice
) -> str:
    original = services.stores.derivatives.canonical(image.sha256, services.training.draft().fit, PATIENCE)
    variants = services.training.preview(image.id, augmentation, preview_choice.count, preview_choice.seed)
    name = f"{image.filename}, {image.label or 'left to label'}"
    figures = "".join(
        f"<figure>{frame(variant, f'Variant {number} of {name}')}<figcaption><span><span class='long'>Variant </span>{number}</span>{_reject_button(image, number)}"
        "</figcaption></figure>"
        for number, variant in enumerate(variants, 1)
    )
    first = f"<figure class='original'>{frame(original, name)}<figcaption><span>Original</span></figcaption></figure>"
    return f"<div class='set'>{_caption(image)}<div class='frames'>{first}{figures}</div></div>"


def _reject_button(image: ImageRecord, number: int) -> str:
    label = f"No, variant {number} of {image.filename} does not show {image.label or 'the same'}"
    return (
        f"<button type='button' class='plain' data-press='no' data-image='{image.id}' data-variant='{number}' "
        f"aria-label='{escape(label)}' title='{escape(label)}'>No</button>"
    )


def _caption(image: ImageRecord) -> str:
    chip = " <span class='chip'>synthetic</span>" if image.synthetic else ""
    label = escape(image.label or "left to label")
    return f"<p class='caption'>{dot(image.colour or '')}<b>{label}</b> <span>{escape(image.filename)}</span>{chip}</p>"


def class_choices(services: Services) -> Sequence[tuple[str, str]]:
    """The choices of the class field, as (label, value)."""
    return [
        ("Every class", ""),
        *((class_.name, class_.name) for class_ in services.stores.classes.all() if class_.count),
    ]
