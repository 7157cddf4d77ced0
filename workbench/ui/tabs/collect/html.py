"""HTML of the Collect tab."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from storage.queries.image_rows import counted
from storage.records import ImageRecord, Summary
from workbench.charts import class_counts_sentence, share
from workbench.core.settings import Limits
from workbench.imaging.decode import FORMATS
from workbench.ui.components.bars import Bar, bars, dot

WELCOME = """<div class='welcome'><h2>Start with pictures of what you want to tell apart</h2>
<p>Drop photos here, or a zip with one folder for each class. Or try everything first with a sample set:
200 rendered bottles that are full, half full or overflowing. They are synthetic, stay marked as such, and are removed with
one click.</p></div>"""


def limits_html(limits: Limits) -> str:
    """The supported formats and limits."""
    return (
        f"<p class='note'>A folder in a zip names the class, and so does a table: a CSV with filename,label (and split), a "
        f"Hugging Face image folder, an export of Label Studio. Taken in: {', '.join(FORMATS)}, up to "
        f"{limits.picture_mb} MB and {limits.pixels // 1_000_000} million pixels each; zips up to {_size(limits.upload_mb)} with "
        f"at most {limits.zip_entries:,} files.</p>"
    )


def overview_html(summary: Summary, newest: Iterable[ImageRecord]) -> str:
    """Pictures per class and the newest ones; empty if there are no pictures."""
    if not summary.images:
        return ""
    return (
        f"<div class='overview'><h3>{counted(summary.images)}{_synthetic(summary)}</h3>"
        f"<p class='note'>{class_counts_sentence(summary.counts)}</p>{bars(_bars(summary))}"
        f"<h3>Newest</h3><div class='strip'>{''.join(map(_thumbnail, newest))}</div></div>"
    )


def _size(megabytes: int) -> str:
    return f"{megabytes / 1024:.3g} GB" if megabytes >= 1024 else f"{megabytes} MB"


def _synthetic(summary: Summary) -> str:
    if not summary.synthetic:
        return ""
    which = "all" if summary.synthetic == summary.images else f"{summary.synthetic:,}"
    return f" <span class='chip'>{which} synthetic</span>"


def _bars(summary: Summary) -> list[Bar]:
    largest = max([summary.unlabelled, *summary.counts.values()])
    rows = [Bar(c.name, c.colour, c.count / largest, share(c.count, summary.images)) for c in summary.classes]
    if summary.unlabelled:
        unlabelled = share(summary.unlabelled, summary.images)
        rows.append(Bar("Left to label", "", summary.unlabelled / largest, unlabelled))
    return rows


def _thumbnail(image: ImageRecord) -> str:
    title = escape(
        f"{image.filename}, {image.label or 'left to label'}{', synthetic' if image.synthetic else ''}"
    )
    badge = "<span class='mark'>synthetic</span>" if image.synthetic else ""
    return (
        f"<button type='button' data-press='open' data-image='{image.id}' title='{title}'>"
        f"<img src='/media/{image.sha256}/thumbnail.jpg' alt='{title}' loading='lazy'>{badge}"
        f"<span class='class'>{dot(image.colour or '')}<span>{escape(image.label or 'left to label')}</span></span></button>"
    )
