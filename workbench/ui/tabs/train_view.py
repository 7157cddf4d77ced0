"""What the Train tab says of a plan and of runs, as HTML."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from storage.records import Run
from workbench import charts
from workbench.charts.words import pictures as pictures_words
from workbench.epochs import kept_so_far
from workbench.training.control import Plan
from workbench.ui.components.bits import class_name, facts, table, when
from workbench.ui.components.terms import term
from workbench.ui.strip import SILENT_SECONDS, duration, phase

STATUSES = {"queued": "waiting", "running": "running"}
MONITORS = {"val_loss": "validation loss", "val_macro_f1": "validation macro-F1"}


def plan_html(plan: Plan, colours: Mapping[str, str]) -> str:
    """Pictures of each class on both sides with the weight in the loss, and what was kept together."""
    rows = [
        [
            class_name(name, colours),
            f"{count:,}",
            f"{plan.validation.get(name, 0):,}",
            charts.number(plan.weights[name]),
        ]
        for name, count in plan.train.items()
    ]
    total = [f"{sum(side.values()):,}" for side in (plan.train, plan.validation)]
    heads = ["class", "to train on", "to check with", term("weight")]
    return (
        f"{table(heads, [*rows, ['all', *total, '']], 'What would be trained', foot=1)}"
        f"<p class='note'>{_kept_together(plan.kept_together)}{_by_hand(plan)}</p>"
    )


def _kept_together(count: int) -> str:
    if not count:
        return "No near-duplicates were found, so each picture is on a side by itself."
    return f"Kept {count:,} near-duplicates together so that none is on both sides."


def _by_hand(plan: Plan) -> str:
    if not plan.pinned:
        return ""
    kept = f" {pictures_words(plan.pinned).capitalize()} {'is' if plan.pinned == 1 else 'are'} on a side chosen by hand."
    if not plan.unkept:
        return kept
    return f"{kept} {plan.unkept:,} of them could not stay there, since a near-duplicate was put on the other side: all of these train."


def active_html(run: Run, history: Sequence[Mapping[str, Any]]) -> str:
    """Where a run stands that waits or runs."""
    if run.status == "queued":
        return f"<h3>Run {run.id} is waiting to start</h3><p>{settings(run)}</p>"
    progress = run.progress if run.phase == "training" else {}
    return f"<h3>Run {run.id}: {escape(phase(run))}</h3>{_bar(run)}{facts(_facts(run, progress, history))}{_silence(run)}"


def _facts(
    run: Run, progress: Mapping[str, Any], history: Sequence[Mapping[str, Any]]
) -> list[tuple[str, str]]:
    name = MONITORS[run.spec["monitor"]]
    best = kept_so_far(history, run.spec["monitor"])
    kept = f"{best['epoch']} · {name} {charts.number(best[run.spec['monitor']])}" if best else "none yet"
    rate, seconds = progress.get("pictures_per_second"), progress.get("eta_seconds")
    speed = "–" if rate is None else f"{charts.number(rate)} pictures/s"
    left = "–" if seconds is None else f"at most {duration(seconds)}"
    epoch = run.progress.get("epoch", 0)
    return [
        ("epoch", f"{epoch} of at most {run.spec['epochs']}"),
        ("speed", speed),
        ("time left", left),
        ("best epoch so far", kept),
    ]


def _bar(run: Run) -> str:
    progress = run.progress
    share = 0.0
    if progress:
        share = (progress["epoch"] - 1 + progress["step"] / max(1, progress["steps"])) / progress["epochs"]
    if run.phase in {"evaluating", "exporting"}:
        share = 1
    return f"<progress class='run-bar' max='1' value='{share:.3f}' aria-label='Share of the epochs done'></progress>"


def _silence(run: Run) -> str:
    silent = time.time() - run.heartbeat if run.heartbeat else 0
    if silent < SILENT_SECONDS:
        return ""
    return f"<p class='problem'>The training process has not answered for {duration(silent)}.</p>"


def ended_html(run: Run, metrics: Mapping[str, Any] | None, log: str) -> str:
    """How a run ended: what is ready, or why there is nothing."""
    if metrics is not None:
        return f"<h3>{_ready(run)}: {measures(metrics)}</h3><p>{_how(run)}</p>"
    title = {"stopped": "was stopped", "interrupted": "was interrupted"}.get(run.status, "failed")
    lines = (
        f"<details class='log'><summary>The last lines of its log</summary><pre>{escape(log)}</pre></details>"
    )
    reason = f"<p class='problem'>{escape(run.error or '')}</p>"
    return f"<h3>Run {run.id} {title}</h3>{reason}{lines if log and run.status != 'stopped' else ''}"


def _ready(run: Run) -> str:
    return f"{escape(run.version or '')} is ready"


def _how(run: Run) -> str:
    ended = "was stopped" if run.status == "stopped" else "is finished"
    return f"Run {run.id} {ended}; its best epoch, {run.best_epoch}, was kept. {escape(run.error or '')}"


def measures(metrics: Mapping[str, Any]) -> str:
    """Macro-F1 with its interval, and accuracy with its counts."""
    pictures = int(metrics["pictures"])
    right = round(metrics["accuracy"] * pictures)
    return f"macro-F1 {charts.number(metrics['macro_f1'])}, accuracy {charts.share(right, pictures)}"


def settings(run: Run) -> str:
    """A run's main settings in a few words."""
    spec = run.spec
    weights = spec["class_weights"] if isinstance(spec["class_weights"], str) else "by hand"
    return escape(
        f"{spec['architecture']}, at most {spec['epochs']} epochs, seed {spec['seed']}, weights {weights}"
    )


def runs_html(runs: Sequence[Run], macro_f1: Mapping[str, float]) -> str:
    """The newest runs with their status; those that wait can be cancelled."""
    if not runs:
        return ""
    rows = [
        [f"run {run.id}", settings(run), _status(run), _result(run, macro_f1), when(run.created_at)]
        for run in runs
    ]
    return "<h3>Recent runs</h3>" + table(
        ["run", "settings", "status", "result", "asked for"], rows, "Recent runs", wide=True
    )


def _status(run: Run) -> str:
    status = escape(STATUSES.get(run.status, run.status))
    if run.status != "queued":
        return status
    return (
        f"{status} <button class='plain' data-press='cancel' data-run='{run.id}'>Cancel run {run.id}</button>"
    )


def _result(run: Run, macro_f1: Mapping[str, float]) -> str:
    if run.version:
        return f"{escape(run.version)}, macro-F1 {charts.number(macro_f1.get(run.version))}"
    return escape(run.error or "–")


def reason_html(reason: str) -> str:
    """Why no run can be started."""
    return f"<p class='problem'>{escape(reason)}</p>"
