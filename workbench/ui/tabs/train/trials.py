"""The trials of a search, as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from storage.records import Trial
from workbench import charts
from workbench.charts.formatting import duration
from workbench.ui.components.glossary import term
from workbench.ui.components.html import table

_STATUSES = {
    "waiting": "waits",
    "running": "runs now",
    "finished": "done",
    "dropped": "given up: others did better",
}


def trials_html(trials: Sequence[Trial]) -> str:
    """A table of the trials of a search: the chosen one first, then by score; those without a score last."""
    if not trials:
        return ""
    rows = [_row(trial) for trial in _sorted_trials(trials)]
    heads = ["try", "settings", term("macro-F1"), "time", "status"]
    note = (
        f"<p class='note'>{tried(trials)} of {len(trials)} were tried. Each was judged on training pictures that it had not seen, "
        "so the pictures kept to check with still tell how good the winner is.</p>"
    )
    return f"<h3>What was tried</h3>{note}{table(heads, rows, 'Tries', wide=True)}"


def tried(trials: Sequence[Trial]) -> int:
    """The number of trials that were evaluated at least once or failed."""
    return sum("macro_f1" in trial.metrics or trial.status == "failed" for trial in trials)


def _sorted_trials(trials: Sequence[Trial]) -> list[Trial]:
    return sorted(trials, key=lambda trial: (not _is_chosen(trial), -_score(trial), trial.number))


def _is_chosen(trial: Trial) -> bool:
    return bool(trial.metrics.get("chosen"))


def _score(trial: Trial) -> float:
    return float(trial.metrics.get("macro_f1") or 0)


def _row(trial: Trial) -> list[str]:
    chip = " <span class='chip'>chosen</span>" if _is_chosen(trial) else ""
    return [
        f"try {trial.number}{chip}",
        escape(trial.name),
        charts.number(trial.metrics.get("macro_f1")),
        duration(trial.seconds) if trial.seconds else "–",
        _status(trial),
    ]


def _status(trial: Trial) -> str:
    if trial.status == "dropped" and "macro_f1" not in trial.metrics:
        return "not tried"
    return escape(_STATUSES.get(trial.status, trial.status))
