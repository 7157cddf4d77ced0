"""The parts of a run's report; only changed parts are rendered again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from workbench import charts
from workbench.services import Services
from workbench.training.misclassified import PredictedImage, images_in_cell, mistakes
from workbench.training.service import TrainingReport
from workbench.ui.components.diff import Keys, PartUpdates, changed_updates
from workbench.ui.components.relabel_grid import answers_html
from workbench.ui.tabs.evaluate import html

COUNTS, SHARES = "counts", "shares"
MAX_WORST, MAX_OPENED = 24, 60
PARTS = (
    "headline", "curves", "loss", "accuracy", "classes", "table", "bars", "confused", "confusion", "cells", "title",
    "opened", "stays", "worst",
)  # fmt: skip


@dataclass(frozen=True)
class EvaluateState:
    """The view of a session.

    Attributes:
        run: The id of the run that is shown.
        newest: The newest finished run when it was chosen; a newer one replaces it.
        measure: ``counts`` or ``shares`` in the confusion matrix.
        cell: The true and the predicted class of the opened cell, if any.
    """

    run: int | None = None
    newest: int | None = None
    measure: str = COUNTS
    cell: tuple[str, str] | None = None


def show(services: Services, state: EvaluateState, sent_keys: Keys) -> list[Any]:
    """Updates of the parts in the order of ``PARTS``, then of the view and of the keys of the rendered parts."""
    if state.run is None:
        return [*([gr.skip()] * len(PARTS)), state, sent_keys]
    report = services.training.report(state.run)
    colours = services.stores.classes.colours()
    parts = {
        **_text_parts(report, state, colours),
        **_chart_parts(report, state),
        **_picture_parts(services, report, state, colours),
    }
    updates, keys = changed_updates(sent_keys, {name: parts[name] for name in PARTS})
    return [*updates, state, keys]


def _chart_parts(report: TrainingReport, state: EvaluateState) -> PartUpdates:
    run, history, metrics = report.run, report.history, report.metrics or {}
    classes, matrix, per_class = report.snapshot.classes, metrics["confusion"], metrics["per_class"]
    shares = state.measure == SHARES
    return {
        "loss": (run.id, lambda: charts.loss_curves(history, run.best_epoch)),
        "accuracy": (run.id, lambda: charts.accuracy_curves(history, run.best_epoch)),
        "bars": (run.id, lambda: charts.per_class_bars(per_class)),
        "confusion": ((run.id, shares), lambda: charts.confusion_figure(classes, matrix, shares)),
    }


def _text_parts(report: TrainingReport, state: EvaluateState, colours: Mapping[str, str]) -> PartUpdates:
    run, metrics = report.run, report.metrics or {}
    classes, matrix = report.snapshot.classes, metrics["confusion"]
    texts = {
        "headline": html.headline(classes, metrics, report.caveats),
        "curves": _section_html(
            "Epoch by epoch", charts.curves_sentence(report.history, run.best_epoch, run.spec["monitor"])
        ),
        "classes": _section_html("Class by class", charts.per_class_sentence(metrics["per_class"])),
        "table": html.per_class_html(metrics, colours),
        "confused": _section_html("What is taken for what", charts.confusion_sentence(classes, matrix)),
        "cells": html.cells_html(classes, matrix, state.cell),
        "stays": html.relabel_note(str(run.version)),
    }
    return {name: (text, partial(str, text)) for name, text in texts.items()}


def _section_html(title: str, sentence: str) -> str:
    return f"<h3>{title}</h3><p>{sentence}</p>"


def _picture_parts(
    services: Services, report: TrainingReport, state: EvaluateState, colours: Mapping[str, str]
) -> PartUpdates:
    def grid(answers: Sequence[PredictedImage]) -> str:
        images = services.stores.catalogue.several([answer.image_id for answer in answers])
        return answers_html(answers, {image.id: image for image in images}, colours)

    opened = images_in_cell(report, *state.cell) if state.cell else []
    wrong = mistakes(report)[:MAX_WORST]
    texts = {
        "title": html.opened_title(*state.cell, len(opened), MAX_OPENED) if state.cell else "",
        "opened": grid(opened[:MAX_OPENED]) if opened else "",
        "worst": grid(wrong) if wrong else "<p>It made no mistake on the validation pictures.</p>",
    }
    return {name: (text, partial(str, text)) for name, text in texts.items()}
