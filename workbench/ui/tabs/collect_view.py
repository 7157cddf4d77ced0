"""What the Collect tab shows, as HTML."""

from __future__ import annotations

import time
from collections.abc import Iterable
from html import escape

from storage.images import counted
from storage.records import ImageRecord, Summary
from workbench.charts import class_counts_sentence, share
from workbench.imports import ImportState
from workbench.pictures import FORMATS
from workbench.settings import Limits
from workbench.ui.components.bars import Bar, bars, dot
from workbench.ui.strip import duration

WELCOME = """<div class='welcome'><h2>Start with pictures of what you want to tell apart</h2>
<p>Drop photos here, or a zip with one folder for each class. Or try everything first with a sample set:
200 rendered bottles that are full, half full or overflowing. They are synthetic, stay marked as such, and are removed with
one click.</p></div>"""


def limits_html(limits: Limits) -> str:
    """What is taken in."""
    return (
        f"<p class='note'>A folder in a zip names the class. Taken in: {', '.join(FORMATS)}, up to "
        f"{limits.picture_mb} MB and {limits.pixels // 1_000_000} million pixels each; zips up to {_size(limits.upload_mb)} with "
        f"at most {limits.zip_entries:,} files.</p>"
    )


def progress_html(state: ImportState) -> str:
    """The running import: count, rate and time left; empty where none runs."""
    if not state.running:
        return ""
    filled = 100 * state.done / max(1, state.total)
    return (
        f"<div class='import' role='progressbar' aria-label='Import' aria-valuemin='0' aria-valuemax='{state.total}' "
        f"aria-valuenow='{state.done}'><p>Importing: <b>{state.done:,} of {state.total:,}</b> files{_pace(state)}</p>"
        f"<span class='track'><i style='width:{filled:.1f}%'></i></span></div>"
    )


def overview_html(summary: Summary, newest: Iterable[ImageRecord]) -> str:
    """Pictures per class and the newest ones; empty where there is no picture."""
    if not summary.images:
        return ""
    return (
        f"<div class='overview'><h3>{counted(summary.images)}{_synthetic(summary)}</h3>"
        f"<p class='note'>{class_counts_sentence(summary.counts)}</p>{bars(_bars(summary))}"
        f"<h3>Newest</h3><div class='strip'>{''.join(map(_thumbnail, newest))}</div></div>"
    )


def report_html(state: ImportState, colours: dict[str, str]) -> str:
    """What became of the last import; empty where there was none or one runs."""
    if state.running or not (state.total or state.error):
        return ""
    if state.error:
        return f"<div class='report'><h3>Last import</h3><p class='problem'>{escape(state.error)}</p></div>"
    ended = "<p class='note'>It was stopped by hand; what was in by then stays.</p>" if state.stopped else ""
    return f"<div class='report'><h3>Last import</h3>{_figures(state)}{ended}{_labels(state, colours)}{_files(state)}</div>"


def _size(megabytes: int) -> str:
    return f"{megabytes / 1024:.3g} GB" if megabytes >= 1024 else f"{megabytes} MB"


def _pace(state: ImportState) -> str:
    seconds = time.time() - state.started
    if not state.done or seconds < 1:
        return ""
    rate = state.done / seconds
    return f" · {rate:.3g} a second · about {duration((state.total - state.done) / rate)} left"


def _synthetic(summary: Summary) -> str:
    if not summary.synthetic:
        return ""
    which = "all" if summary.synthetic == summary.images else f"{summary.synthetic:,}"
    return f" <span class='chip'>{which} synthetic</span>"


def _bars(summary: Summary) -> list[Bar]:
    most = max([summary.unlabelled, *summary.counts.values()])
    rows = [Bar(c.name, c.colour, c.count / most, share(c.count, summary.images)) for c in summary.classes]
    if summary.unlabelled:
        left = share(summary.unlabelled, summary.images)
        rows.append(Bar("Left to label", "", summary.unlabelled / most, left))
    return rows


def _thumbnail(image: ImageRecord) -> str:
    what = escape(
        f"{image.filename}, {image.label or 'left to label'}{', synthetic' if image.synthetic else ''}"
    )
    mark = "<span class='mark'>synthetic</span>" if image.synthetic else ""
    return (
        f"<button type='button' data-press='open' data-image='{image.id}' title='{what}'>"
        f"<img src='/media/{image.sha256}/thumbnail.jpg' alt='{what}' loading='lazy'>{mark}"
        f"<span class='class'>{dot(image.colour or '')}<span>{escape(image.label or 'left to label')}</span></span></button>"
    )


def _figures(state: ImportState) -> str:
    parts = [
        ("imported", state.imported, ""),
        ("already there", state.duplicates, ""),
        ("rejected", state.rejected_count, " class='problem'" if state.rejected_count else ""),
    ]
    return (
        "<p class='figures'>"
        + "".join(f"<span{c}><b>{n:,}</b> {word}</span>" for word, n, c in parts)
        + "</p>"
    )


def _labels(state: ImportState, colours: dict[str, str]) -> str:
    if not state.imported:
        return ""
    chips = (
        f"<span>{dot(colours.get(name, ''))}{escape(name or 'Left to label')} <b>{count:,}</b></span>"
        for name, count in (state.labels or {}).items()
    )
    return f"<p class='figures small'>{''.join(chips)}</p>"


def _files(state: ImportState) -> str:
    rejected, present = state.rejected or [], state.present or []
    html = ""
    if rejected:
        rows = "".join(
            f"<tr><td>{escape(r['file'])}</td><td>{escape(r['reason'])}</td></tr>" for r in rejected
        )
        more = _more(state.rejected_count - len(rejected))
        html += f"<table class='files'><tr><th>Rejected file</th><th>Reason</th></tr>{rows}</table>{more}"
    if present:
        rows = "".join(f"<li>{escape(name)}</li>" for name in present)
        more = _more(state.duplicates - len(present))
        html += f"<details><summary>Show what was already there</summary><ul>{rows}</ul>{more}</details>"
    return html


def _more(count: int) -> str:
    return f"<p class='note'>and {count:,} more</p>" if count > 0 else ""
