"""Plotly figures and their summary sentences. Takes plain numbers; independent of UI and storage."""

from workbench.charts.class_counts import class_counts_sentence
from workbench.charts.class_metrics import (
    confusion_figure,
    confusion_sentence,
    per_class_bars,
    per_class_sentence,
)
from workbench.charts.comparison import VersionMetrics, comparison_bars, comparison_sentence
from workbench.charts.curves import accuracy_curves, curves_sentence, loss_curves
from workbench.charts.formatting import number, percent, share, shown

__all__ = [
    "VersionMetrics",
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
