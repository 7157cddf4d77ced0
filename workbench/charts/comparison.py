"""Comparison of two model versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from workbench.charts.formatting import number, shown
from workbench.charts.layout import BLUE, ORANGE, OUTLINE, base_figure, row_axis


@dataclass(frozen=True)
class VersionMetrics:
    """A version's name and its measures: ``pictures``, ``accuracy``, ``macro_f1`` and its interval, ``per_class``."""

    name: str
    measures: Mapping[str, Any]

    def recalls(self) -> dict[str, float]:
        """Recall of each class that has pictures."""
        return {row["name"]: row["recall"] for row in self.measures["per_class"] if row["support"]}


def comparison_bars(left: VersionMetrics, right: VersionMetrics) -> go.Figure:
    """Accuracy, macro-F1 and the recall of each class for two versions; a class that only one version has gets one bar."""
    classes = list(dict.fromkeys([*left.recalls(), *right.recalls()]))
    labels = ["accuracy", "macro-F1", *(f"recall {shown(name, 18)}" for name in classes)]
    traces = [_bar(left, classes, labels, BLUE), _bar(right, classes, labels, ORANGE)]
    figure = base_figure(traces, 70 + 46 * len(labels), barmode="group", bargap=0.3)
    figure.update_yaxes(**row_axis(labels))
    figure.update_xaxes(range=[0, 1.02], dtick=0.2)
    return figure


def comparison_sentence(left: VersionMetrics, right: VersionMetrics) -> str:
    """Say which version has the higher macro-F1, whether the difference may be chance, and which class has lower recall in it."""
    ahead, behind = sorted((left, right), key=lambda version: -version.measures["macro_f1"])
    high, low = (number(version.measures["macro_f1"]) for version in (ahead, behind))
    if ahead.measures["macro_f1"] == behind.measures["macro_f1"]:
        return f"Both versions have macro-F1 {high}."
    lead = f"{shown(ahead.name)} is ahead in macro-F1, {high} against {low}"
    return f"{lead}{_recall_loss(ahead, behind)}{_caution(ahead, behind)}."


def _recall_loss(ahead: VersionMetrics, behind: VersionMetrics) -> str:
    others = behind.recalls()
    lost = {name: others[name] - recall for name, recall in ahead.recalls().items() if name in others}
    name = max(lost, key=lambda key: lost[key], default=None)
    if name is None or lost[name] <= 0:
        return ""
    return f", but finds {shown(name)} less often (recall {number(ahead.recalls()[name])} against {number(others[name])})"


def _caution(ahead: VersionMetrics, behind: VersionMetrics) -> str:
    if ahead.measures.get("pictures") != behind.measures.get("pictures"):
        return "; they were judged on different pictures"
    intervals = ahead.measures.get("macro_f1_interval"), behind.measures.get("macro_f1_interval")
    if intervals[0] and intervals[1] and intervals[0][0] <= intervals[1][1]:
        return "; their 95 % intervals overlap, so this may be chance"
    return ""


def _bar(version: VersionMetrics, classes: Sequence[str], labels: Sequence[str], colour: str) -> go.Bar:
    recalls = version.recalls()
    values = [
        version.measures["accuracy"],
        version.measures["macro_f1"],
        *(recalls.get(name) for name in classes),
    ]
    return go.Bar(
        x=values,
        y=list(range(len(labels))),
        orientation="h",
        name=shown(version.name),
        marker={
            "color": colour,
            "line": OUTLINE,
        },
        hovertext=[f"{label}: {number(value)}" for label, value in zip(labels, values, strict=True)],
        hoverinfo="text+name",
    )
