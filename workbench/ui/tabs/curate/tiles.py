"""Pictures as selectable tiles, with pager and class choice."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from html import escape

from storage.records import ClassRecord, ImageRecord
from workbench.ui.components.bars import dot


def tiles(images: Iterable[ImageRecord], picked: Collection[int] = (), single: bool = False) -> str:
    """A grid of pictures; with ``single`` only one can be picked."""
    return f"<div class='tiles'{' data-one' if single else ''}>{''.join(_tile(image, image.id in picked) for image in images)}</div>"


def _tile(image: ImageRecord, picked: bool) -> str:
    name, media = escape(image.filename), f"/media/{image.sha256}"
    return (
        f"<figure><button class='tile' data-pick='{image.id}' aria-pressed='{str(picked).lower()}' "
        f"aria-label='Pick {name}'><img loading='lazy' src='{media}/thumbnail.jpg' alt='{name}'></button>"
        f"<figcaption>{class_html(image)}<span class='size'>{image.width:,} × {image.height:,}"
        f"{' · synthetic' if image.synthetic else ''}</span>"
        f"<a href='{media}/stage.jpg' target='_blank' data-look title='{name}'>{name}"
        f"<img alt='{name}' hidden></a>"
        f"{'' if image.archived else _stage_link(image)}</figcaption></figure>"
    )


def class_html(image: ImageRecord) -> str:
    """The class of a picture as HTML."""
    if not image.label:
        return "<span class='class-name none'>no class</span>"
    return f"<span class='class-name'>{dot(image.colour or '')}{escape(image.label)}</span>"


def _stage_link(image: ImageRecord) -> str:
    return f"<a href='{stage_address(image.id)}' data-go title='Open on the Label tab'>Open</a>"


def stage_address(image_id: int) -> str:
    """The URL that opens a picture on the Label tab."""
    return f"?tab=label&picture={image_id}"


def class_choice(classes: Iterable[ClassRecord], label: str) -> str:
    """A select element that labels with the chosen class at once."""
    options = "".join(
        f"<option value='{escape(class_.name)}'>{escape(class_.name)}</option>" for class_ in classes
    )
    return f"<select data-press='label' aria-label='{label}'><option value=''>{label} …</option>{options}</select>"


def pager(begin: int, size: int, total: int) -> str:
    """Buttons to the previous and the next page; empty if there is only one page."""
    if total <= size:
        return ""
    last = min(begin + size, total)
    return (
        f"<div class='pager'><button class='plain' data-press='turn' data-to='{max(0, begin - size)}'"
        f"{'' if begin else ' disabled'}>Previous</button><span>{begin + 1:,} to {last:,} of {total:,}</span>"
        f"<button class='plain' data-press='turn' data-to='{last}'{' disabled' if last >= total else ''}>Next</button></div>"
    )
