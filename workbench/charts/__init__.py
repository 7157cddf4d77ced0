"""Figures for the page, and the one sentence above each. Plain numbers in, no page and no storage in sight."""

from workbench.charts.comparison import Measured, comparison_bars, comparison_sentence
from workbench.charts.counts import class_counts_sentence
from workbench.charts.quality import (
    confusion_figure,
    confusion_sentence,
    per_class_bars,
    per_class_sentence,
)
from workbench.charts.training import accuracy_curves, curves_sentence, loss_curves
from workbench.charts.words import number, percent, share, shown

__all__ = [
    "Measured",
    "accuracy_curves",
    "class_counts_sentence",
    "comparison_bars",
    "comparison_sentence",
    "confusion_figure",
    "confusion_sentence",
    "curves_sentence",
    "loss_curves",
    "number",
    "per_class_bars",
    "per_class_sentence",
    "percent",
    "share",
    "shown",
]
