"""HTML of the Evaluate tab."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from storage.records import Run
from workbench import charts
from workbench.charts.formatting import pictures as pictures_words
from workbench.training.misclassified import Baseline, majority_baseline
from workbench.ui.components.glossary import glossary, term
from workbench.ui.components.html import class_name, facts, problem, table
from workbench.ui.components.spec_words import spec_text

TERMS = ("macro-F1", "accuracy", "95 % interval", "precision", "recall", "F1", "support")


def choice_text(run: Run, metrics: Mapping[str, Any]) -> str:
    """The text of a run in the list of runs."""
    return f"{run.version} · {spec_text(run.spec)} · macro-F1 {charts.number(metrics['macro_f1'])} · run {run.id}"


def headline(classes: Sequence[str], metrics: Mapping[str, Any], caveats: Sequence[str]) -> str:
    """Macro-F1, accuracy, the accuracy of the majority baseline, and caveats."""
    baseline = majority_baseline(classes, metrics["confusion"])
    pictures = int(metrics["pictures"])
    correct = round(metrics["accuracy"] * pictures)
    macro_f1 = charts.number(metrics["macro_f1"])
    pairs = [
        (term("macro-F1"), f"{macro_f1}{_interval_html(metrics.get('macro_f1_interval'), charts.number)}"),
        (
            term("accuracy"),
            f"{charts.share(correct, pictures)}{_interval_html(metrics.get('accuracy_interval'), charts.percent)}",
        ),
        (
            f"accuracy of always answering “{escape(baseline.name)}”",
            charts.share(baseline.hits, baseline.pictures),
        ),
    ]
    return f"{facts(pairs)}<p>{_baseline_sentence(correct, baseline)}</p>{''.join(map(problem, caveats))}{glossary(TERMS)}"


def _interval_html(interval: Sequence[float] | None, format_: Any) -> str:
    if not interval:
        return ""
    low, high = (format_(bound) for bound in interval)
    return f" <small title='95 % interval'>({low} to {high})</small>"


def _baseline_sentence(correct: int, baseline: Baseline) -> str:
    ahead = correct - baseline.hits
    if ahead > 0:
        return f"That is {pictures_words(ahead)} more than always answering the commonest class; look at macro-F1 first, since accuracy hides rare classes."
    return "Always answering the commonest class would do no worse, so this model has not learnt to tell the classes apart yet."


def per_class_html(metrics: Mapping[str, Any], colours: Mapping[str, str]) -> str:
    """A table of precision, recall, F1 and support of each class, with both averages."""
    rows = [
        [class_name(row["name"], colours), *_score_cells(row, ""), f"{row['support']:,}"]
        for row in metrics["per_class"]
    ]
    total = f"{metrics['pictures']:,}"
    averages = [
        [term(f"{kind} average"), *_score_cells(metrics, f"{kind}_"), total] for kind in ("macro", "weighted")
    ]
    heads = ["class", *(term(name) for name in ("precision", "recall", "F1", "support"))]
    return table(heads, [*rows, *averages], "Precision, recall and F1 of each class", foot=2)


def _score_cells(row: Mapping[str, Any], prefix: str) -> list[str]:
    return [charts.number(row[f"{prefix}{name}"]) for name in ("precision", "recall", "f1")]


def cells_html(
    classes: Sequence[str], confusion: Sequence[Sequence[int]], opened: tuple[str, str] | None
) -> str:
    """A button for each non-empty cell of the confusion matrix, mistakes first."""
    cells = [
        (true == predicted, -count, true, predicted)
        for true, row in zip(classes, confusion, strict=True)
        for predicted, count in zip(classes, row, strict=True)
        if count
    ]
    buttons = "".join(
        _cell_button(true, predicted, -count, opened) for _, count, true, predicted in sorted(cells)
    )
    return f"<div class='cells' role='group' aria-label='Cells of the confusion matrix'>{buttons}</div>"


def _cell_button(true: str, predicted: str, count: int, opened: tuple[str, str] | None) -> str:
    text = f"{escape(true)}, right" if true == predicted else f"{escape(true)} taken for {escape(predicted)}"
    pressed = "true" if (true, predicted) == opened else "false"
    return (
        f"<button class='plain' data-press='cell' data-true='{escape(true)}' data-predicted='{escape(predicted)}' "
        f"aria-pressed='{pressed}'>{text} · <b>{count:,}</b></button>"
    )


def opened_title(true: str, predicted: str, count: int, max_shown: int) -> str:
    """The title of the pictures of the opened cell."""
    outcome = "answered right" if true == predicted else f"answered {escape(predicted)}"
    limit_text = f", the {max_shown:,} surest of them" if count > max_shown else ""
    return f"<h3>{escape(true)}, {outcome}: {pictures_words(count)}{limit_text}</h3>"


def relabel_note(version: str) -> str:
    """A note on why relabelling does not change the figures."""
    return (
        f"<h3>The worst mistakes</h3><p class='note'>A new label is kept at once. The figures of {escape(version)} stay those of its snapshot; "
        "train again to use it.</p>"
    )
