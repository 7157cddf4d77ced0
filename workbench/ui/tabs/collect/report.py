"""Imports as HTML: the running one, the queue, the report of the last one, and earlier ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import urlencode

from storage.jobs.import_jobs import IMPORTED, PRESENT, REJECTED, Import
from storage.records import FLAGS, Filter
from workbench.importing.service import ImportState
from workbench.ui.components import html
from workbench.ui.components.bars import dot
from workbench.ui.components.filter_address import address
from workbench.ui.components.progress import ProgressBar, progress_html

STATES = {
    "queued": "waits",
    "running": "runs",
    "finished": "done",
    "stopped": "stopped by hand",
    "failed": "ended early",
}


@dataclass(frozen=True)
class ImportRemarks:
    """Quality flags and notes of an import.

    Attributes:
        flags: The number of its pictures with each quality flag.
        notes: File names with their notes.
    """

    flags: Mapping[str, int]
    notes: Sequence[tuple[str, str]]


def running_html(state: ImportState, queue: Sequence[Import]) -> str:
    """The running import and the queue; empty if none is running."""
    if not state.running:
        return ""
    if state.total:
        bar = progress_html(
            ProgressBar("Import", f"Importing {state.what}", state.done, state.total, state.rate)
        )
    else:
        lines = f": <b>{state.lines:,}</b> lines of tables" if state.phase else ""
        bar = f"<div class='pace'><p>Reading {escape(state.what)}{lines}</p></div>"
    waiting = [job for job in queue if job.id != state.id]
    rows = "".join(
        f"<li>{escape(_source_text(job))} <button type='button' data-press='cancel' data-import='{job.id}'>Cancel</button></li>"
        for job in waiting
    )
    return bar + (f"<p class='note'>Next in line:</p><ol class='queue'>{rows}</ol>" if rows else "")


def report_html(state: ImportState, colours: Mapping[str, str], remarks: ImportRemarks) -> str:
    """The report of the last import; empty if there is none or one is running."""
    if state.running or not state.id:
        return ""
    heading = f"<h3>Last import <small>{escape(state.what)}</small></h3>"
    error = html.problem(state.error)
    ended = "<p class='note'>It was stopped by hand; what was in by then stays.</p>" if state.stopped else ""
    link = f"<a class='download' href='imports/{state.id}.csv' download>Download the report as CSV</a>"
    return (
        f"<div class='report'>{heading}{error}{_counts_html(state)}{ended}{_labels_html(state, colours)}{_flags_html(remarks.flags)}"
        f"{_rejected_html(state)}{_present_html(state)}{_notes_html(remarks.notes)}{link if state.done else ''}</div>"
    )


def past_html(imports: Sequence[Import]) -> str:
    """Earlier imports as a table."""
    if not imports:
        return "<p class='note'>Every import is listed here, with a report on every file.</p>"
    headers = ("What", "When", "Who", "Imported", "Already there", "Rejected", "Report")
    return html.table(headers, [_past_row(job) for job in imports], "Imports, newest first", wide=True)


def _source_text(job: Import) -> str:
    return str(job.source.get("what", "files"))


def _past_row(job: Import) -> list[str]:
    counts = job.tally.results
    ended = job.status == "finished"
    state = "" if ended else f" <span class='chip'>{escape(STATES.get(job.status, job.status))}</span>"
    numbers = [f"{counts.get(result, 0):,}" for result in (IMPORTED, PRESENT, REJECTED)]
    link = f"<a href='imports/{job.id}.csv' download>CSV</a>" if job.done else "–"
    return [
        f"{escape(_source_text(job))}{state}", html.when(job.created_at), escape(job.actor), *numbers, link
    ]  # fmt: skip


def _counts_html(state: ImportState) -> str:
    parts = [
        ("imported", state.imported, ""),
        ("already there", state.duplicates, ""),
        ("rejected", state.rejected_count, " class='problem'" if state.rejected_count else ""),
    ]
    spans = "".join(f"<span{css}><b>{count:,}</b> {word}</span>" for word, count, css in parts)
    return f"<p class='figures'>{spans}</p>"


def _labels_html(state: ImportState, colours: Mapping[str, str]) -> str:
    if not state.imported:
        return ""
    chips = (
        f"<span>{dot(colours.get(name, ''))}{escape(name or 'Left to label')} <b>{count:,}</b></span>"
        for name, count in state.labels.items()
    )
    return f"<p class='figures small'>{''.join(chips)}</p>"


def _flags_html(flags: Mapping[str, int]) -> str:
    if not flags:
        return ""
    links = ", ".join(
        f"<a href='{_label_tab_address(flag)}'>{flags[flag]:,} {escape(flag)}</a>"
        for flag in FLAGS
        if flags.get(flag)
    )
    return f"<p class='flagged'>Worth a look: {links}.</p>"


def _label_tab_address(flag: str) -> str:
    parts = {"tab": "label", **address(Filter(flag=flag))}
    return escape(f"?{urlencode({name: part for name, part in parts.items() if part})}")


def _rejected_html(state: ImportState) -> str:
    if not state.rejected:
        return ""
    rows = "".join(
        f"<tr><td>{escape(file['file'])}</td><td>{escape(file['reason'])}</td></tr>"
        for file in state.rejected
    )
    more = _more_html(state.rejected_count - len(state.rejected))
    return f"<table class='files'><tr><th>Rejected file</th><th>Reason</th></tr>{rows}</table>{more}"


def _present_html(state: ImportState) -> str:
    names = "".join(f"<li>{escape(name)}</li>" for name in state.present)
    more = _more_html(state.duplicates - len(state.present))
    return _details_html("Show what was already there", names, more) if names else ""


def _notes_html(notes: Sequence[tuple[str, str]]) -> str:
    rows = "".join(f"<li>{escape(file)}: {escape(note)}</li>" for file, note in notes)
    return _details_html("Show the notes on some files", rows, "") if rows else ""


def _details_html(summary: str, rows: str, more: str) -> str:
    return f"<details><summary>{summary}</summary><ul>{rows}</ul>{more}</details>"


def _more_html(count: int) -> str:
    return f"<p class='note'>and {count:,} more in the report</p>" if count > 0 else ""
