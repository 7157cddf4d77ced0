"""HTML snippets that several tabs use. Arguments that are text are escaped here."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape

import numpy as np
from PIL import Image

from workbench.imaging.decode import encode_image
from workbench.ui.components.bars import dot

MEGABYTE = 1e6


def class_name(name: str, colours: Mapping[str, str]) -> str:
    """A class as a dot of its colour and its name."""
    return f"<span class='class-name'>{dot(colours.get(name, ''))}{escape(name)}</span>"


def table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], name: str, foot: int = 0, wide: bool = False
) -> str:
    """A table whose rows become blocks on a narrow screen.

    Args:
        headers: HTML of the column headers.
        rows: HTML of the cells; the first cell of a row is its header.
        name: The accessible name of the table.
        foot: How many of the last rows are the footer.
        wide: Whether its rows do not fit on a narrow screen.
    """
    head = "".join(f"<th scope='col'>{header}</th>" for header in headers)
    body = [_row(headers, row) for row in rows]
    first_foot = len(body) - foot
    footer = f"<tfoot>{''.join(body[first_foot:])}</tfoot>" if foot else ""
    return (
        f"<table class='facts-table{' wide' if wide else ''}' aria-label='{escape(name)}'><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(body[:first_foot])}</tbody>{footer}</table>"
    )


def _row(headers: Sequence[str], row: Sequence[str]) -> str:
    first, *others = row
    cells = "".join(
        f"<td><span class='cell-head'>{head}</span><span>{cell}</span></td>"
        for head, cell in zip(headers[1:], others, strict=True)
    )
    return f"<tr><th scope='row'>{first}</th>{cells}</tr>"


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """A list of names with values, both as HTML."""
    return (
        "<dl class='measures'>" + "".join(f"<div><dt>{k}</dt><dd>{v}</dd></div>" for k, v in pairs) + "</dl>"
    )


def problem(sentence: str) -> str:
    """An error sentence as a paragraph; empty if there is none."""
    return f"<p class='problem'>{escape(sentence)}</p>" if sentence else ""


def when(iso: str | None) -> str:
    """A time as ``22 Nov 2026, 18:40 UTC``."""
    if not iso:
        return "–"
    moment = datetime.fromisoformat(iso).astimezone(UTC)
    return f"<time datetime='{escape(iso)}'>{moment.day} {moment:%b %Y, %H:%M} UTC</time>"


def megabytes(size: int) -> str:
    """``3.1 MB``."""
    return f"{size / MEGABYTE:.3g} MB"


def frame(picture: np.ndarray, name: str) -> str:
    """A picture ``(256, 256, 3) uint8`` as an HTML image with a name."""
    data = base64.b64encode(encode_image(Image.fromarray(picture), "JPEG", quality=85)).decode()
    title = escape(name)
    return f"<img src='data:image/jpeg;base64,{data}' alt='{title}' title='{title}' width='256' height='256'>"
