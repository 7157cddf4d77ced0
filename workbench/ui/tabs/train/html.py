"""HTML of the Train tab: the plan and the runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from storage.records import Run, Trial
from workbench import charts
from workbench.charts.formatting import duration
from workbench.charts.formatting import pictures as pictures_words
from workbench.evaluation.best_epoch import best_so_far
from workbench.training.service import TrainingPlan
from workbench.training.spec import BEST
from workbench.training.supervisor import heartbeat_warning
from workbench.ui.components.glossary import term
from workbench.ui.components.html import class_name, facts, problem, table
from workbench.ui.components.spec_words import spec_text
from workbench.ui.status_bar import counts_items, fraction_done, phase_text
from workbench.ui.tabs.train.trials import tried

MONITORS = {"val_loss": "validation loss", "val_macro_f1": "validation macro-F1"}


def plan_html(plan: TrainingPlan, colours: Mapping[str, str]) -> str:
    """A table of pictures per class and split with the class weights, and notes on the split."""
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
        f"{''.join(map(problem, plan.caveats))}{table(heads, [*rows, ['all', *total, '']], 'What would be trained', foot=1)}"
        f"<p class='note'>{_duplicates_sentence(plan)}{_pinned_sentence(plan)}{_test_sentence(plan)}</p>"
    )


def _duplicates_sentence(plan: TrainingPlan) -> str:
    if not plan.kept_together:
        return "No near-duplicates were found, so each picture is on a side by itself."
    purpose = "" if plan.caveats else " so that none is on both sides"
    return f"Kept {plan.kept_together:,} near-duplicates together{purpose}."


def _pinned_sentence(plan: TrainingPlan) -> str:
    if not plan.pinned:
        return ""
    sentence = (
        f" {_pictures_are(plan.pinned)} on a side chosen by hand, or by the folders or tables they came with."
    )
    if not plan.drawn:
        return sentence
    return f"{sentence} Nothing was set aside to check with, so {plan.drawn:,} of those put into training {'does' if plan.drawn == 1 else 'do'} it."


def _test_sentence(plan: TrainingPlan) -> str:
    if not plan.test:
        return ""
    sentence = (
        f" {pictures_words(plan.test, 'test ')} {_is_or_are(plan.test)} kept out of training and of choosing."
    )
    if not plan.left_out:
        return sentence
    return f"{sentence} {_pictures_are(plan.left_out)} left out, since {'it looks' if plan.left_out == 1 else 'they look'} almost like a test picture."


def _pictures_are(count: int) -> str:
    return f"{pictures_words(count)} {_is_or_are(count)}"


def _is_or_are(count: int) -> str:
    return "is" if count == 1 else "are"


def active_html(run: Run, history: Sequence[Mapping[str, Any]], trials: Sequence[Trial] = ()) -> str:
    """The progress of a queued or running run; that of a search by its trials."""
    if run.status == "queued":
        return f"<h3>Run {run.id} is waiting to start</h3><p>{settings_text(run)}</p>"
    title = f"<h3>Run {run.id}: {escape(phase_text(run))}</h3>"
    if trials:
        progress, pairs = _bar_html(_share_tried(trials)), _search_facts(run, trials)
    else:
        progress, pairs = _bar_html(fraction_done(run)), _run_facts(run, history)
    return f"{title}{progress}{facts(pairs)}{_silence_html(run)}"


def _share_tried(trials: Sequence[Trial]) -> float:
    """The progress of a search from 0 to 1; the final training counts as one more trial."""
    dropped = sum(trial.status == "dropped" and "macro_f1" not in trial.metrics for trial in trials)
    return (tried(trials) + dropped) / (len(trials) + 1)


def _search_facts(run: Run, trials: Sequence[Trial]) -> list[tuple[str, str]]:
    """The facts of a search, in a fixed order so that the layout is stable; epochs are omitted, as trials last seconds."""
    extracting = counts_items(run)
    pairs = [
        ("tried", f"{tried(trials)} of {len(trials)}"),
        ("time left", "–" if extracting else _time_left(run)),
        *_machine_facts(run.progress),
    ]
    return [*pairs, _done_fact(run)] if extracting else pairs


def _run_facts(run: Run, history: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    progress = run.progress
    if counts_items(run):
        pairs = [_done_fact(run)]
    elif progress.get("epochs"):
        pairs = [("epoch", f"{progress['epoch']} of at most {progress['epochs']}")]
    else:
        return _machine_facts(progress)
    pairs += [("speed", _speed_text(run)), ("time left", _time_left(run))]
    if progress.get("epochs"):
        pairs.append(("best epoch so far", _best_epoch_text(run, history)))
    return [*pairs, *_machine_facts(progress)]


def _done_fact(run: Run) -> tuple[str, str]:
    unit = " MB" if run.phase == "downloading" else ""
    return "done", f"{run.progress['done']:,} of {run.progress['total']:,}{unit}"


def _speed_text(run: Run) -> str:
    rate = run.progress.get("pictures_per_second")
    return (
        "–"
        if rate is None
        else f"{charts.number(rate)} {'MB' if run.phase == 'downloading' else 'pictures'}/s"
    )


def _time_left(run: Run) -> str:
    seconds = run.progress.get("eta_seconds")
    return "–" if seconds is None else f"at most {duration(seconds)}"


def _best_epoch_text(run: Run, history: Sequence[Mapping[str, Any]]) -> str:
    monitor = run.spec["monitor"]
    best = best_so_far(history, monitor)
    return f"{best['epoch']} · {MONITORS[monitor]} {charts.number(best[monitor])}" if best else "none yet"


def _machine_facts(progress: Mapping[str, Any]) -> list[tuple[str, str]]:
    """CPU and memory use of the worker; 100 % is one core."""
    pairs = []
    if progress.get("cpu_percent") is not None:
        pairs.append(("processor", f"{progress['cpu_percent']:.0f} % of a core"))
    if progress.get("memory_mb") is not None:
        pairs.append(("memory", f"{progress['memory_mb'] / 1000:.2g} GB"))
    return pairs


def _bar_html(share: float) -> str:
    return (
        f"<progress class='run-bar' max='1' value='{share:.3f}' aria-label='Share that is done'></progress>"
    )


def _silence_html(run: Run) -> str:
    return problem(heartbeat_warning(run))


def ended_html(run: Run, metrics: Mapping[str, Any] | None) -> str:
    """How a run ended: its model version, or the error."""
    if metrics is not None:
        return f"<h3>{_ready_text(run)}: {metrics_text(metrics)}</h3><p>{_ending_sentence(run)}</p>"
    title = {"stopped": "was stopped", "interrupted": "was interrupted", "paused": "is paused"}.get(
        run.status, "failed"
    )
    reason = run.error or (
        "It goes on from its last epoch when you resume it." if run.status == "paused" else ""
    )
    tone = "note" if run.status == "paused" else "problem"
    return f"<h3>Run {run.id} {title}</h3><p class='{tone}'>{escape(reason)}</p>"


def _ready_text(run: Run) -> str:
    return f"{escape(run.version or '')} is ready"


def _ending_sentence(run: Run) -> str:
    ended = "was stopped" if run.status == "stopped" else "is finished"
    # What a search kept is shown in the table of its trials.
    epoch = run.best_epoch if run.spec.get("recipe") != BEST else None
    kept = f"; its best epoch, {epoch}, was kept" if epoch else ""
    return f"Run {run.id} {ended}{kept}. {escape(run.error or '')}"


def metrics_text(metrics: Mapping[str, Any]) -> str:
    """Macro-F1, and accuracy with its counts."""
    pictures = int(metrics["pictures"])
    correct = round(metrics["accuracy"] * pictures)
    return f"macro-F1 {charts.number(metrics['macro_f1'])}, accuracy {charts.share(correct, pictures)}"


def settings_text(run: Run) -> str:
    """A short description of a run's main settings."""
    spec = run.spec
    weights = spec["class_weights"] if isinstance(spec["class_weights"], str) else "by hand"
    epochs = "" if spec.get("recipe") == BEST else f", at most {spec['epochs']} epochs"
    return escape(f"{spec_text(spec)}{epochs}, seed {spec['seed']}, weights {weights}")
