"""The table of runs with their action buttons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from storage.records import Run
from workbench import charts
from workbench.ui.components.html import table, when
from workbench.ui.tabs.train.html import settings_text

STATUSES = {"queued": "waiting"}


def runs_html(runs: Sequence[Run], macro_f1: Mapping[str, float], resumable: frozenset[int]) -> str:
    """The table of runs.

    Args:
        runs: The runs; queued ones in the order in which they start.
        macro_f1: The macro-F1 of each version.
        resumable: The ids of the runs that can be resumed.
    """
    if not runs:
        return ""
    waiting = [run.id for run in runs if run.status == "queued"]
    rows = [
        [
            f"run {run.id}",
            settings_text(run),
            f"{_status(run, waiting)} {_action_buttons(run, waiting, resumable)}",
            _result(run, macro_f1),
            when(run.created_at),
        ]
        for run in runs
    ]
    heads = ["run", "settings", "status", "result", "asked for"]
    return "<h3>Runs</h3>" + table(heads, rows, "Runs", wide=True)


def _status(run: Run, waiting: Sequence[int]) -> str:
    if run.status == "queued" and len(waiting) > 1:
        return f"waiting, {waiting.index(run.id) + 1} of {len(waiting)}"
    return escape(STATUSES.get(run.status, run.status))


def _action_buttons(run: Run, waiting: Sequence[int], resumable: frozenset[int]) -> str:
    """Buttons for what can be done with a run."""
    buttons = []
    if run.status == "queued":
        position = waiting.index(run.id)
        if position:
            buttons.append(_button("up", run.id, "Move up"))
        if position < len(waiting) - 1:
            buttons.append(_button("down", run.id, "Move down"))
        buttons.append(_button("cancel", run.id, "Cancel"))
    if run.id in resumable:
        buttons.append(_button("resume", run.id, "Resume"))
    return f"<span class='run-acts'>{''.join(buttons)}</span>" if buttons else ""


def _button(action: str, run_id: int, text: str) -> str:
    return f"<button class='plain' data-press='{action}' data-run='{run_id}'>{text} run {run_id}</button>"


def _result(run: Run, macro_f1: Mapping[str, float]) -> str:
    if run.version:
        return f"{escape(run.version)}, macro-F1 {charts.number(macro_f1.get(run.version))}"
    return escape(run.error or "–")
