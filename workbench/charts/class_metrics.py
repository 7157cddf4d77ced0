"""Per-class metrics: confusion matrix, and precision, recall and F1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from workbench.charts.formatting import number, percent, pictures, share, shown
from workbench.charts.layout import BLUE, GREEN, ORANGE, OUTLINE, base_figure, column_axis, row_axis

Matrix = Sequence[Sequence[int]]

_FEW_PICTURES = 10
_LIGHTEST, _DARKEST = (0xDD, 0xE6, 0xEE), (0x0A, 0x3F, 0x6B)
_DARK_TEXT, _LIGHT_TEXT = "#111111", "#ffffff"
_MEASURES = (("precision", BLUE, 1.0), ("recall", ORANGE, 0.8), ("f1", GREEN, 0.6))


def confusion_figure(classes: Sequence[str], matrix: Matrix, normalise: bool) -> go.Figure:
    """Confusion matrix; each cell's ``customdata`` is ``[true class, predicted class]``, for a click on it.

    Args:
        classes: Names in the order of the matrix.
        matrix: Counts, rows are true classes, columns are predicted classes.
        normalise: Show shares of each row in the cells instead of counts.
    """
    shares = [[count / max(sum(row), 1) for count in row] for row in matrix]
    intensity = shares if normalise else _relative_to_largest(matrix)
    labels = [shown(name, 18) for name in classes]
    figure = base_figure(
        [_cells(classes, matrix, intensity), _cell_texts(matrix, shares, intensity, normalise)],
        120 + 58 * max(len(classes), 2),
    )
    figure.update_layout(showlegend=False)
    figure.update_xaxes(**column_axis(labels, 26), title={"text": "predicted class"})
    figure.update_yaxes(**row_axis(labels), title={"text": "true class"})
    return figure


def confusion_sentence(classes: Sequence[str], matrix: Matrix) -> str:
    """Name the most frequent confusion with its counts."""
    total = sum(map(sum, matrix))
    correct = sum(row[index] for index, row in enumerate(matrix))
    if not total:
        return "No picture has been judged yet."
    if correct == total:
        return "The one picture is right." if total == 1 else f"All {pictures(total)} are right."
    count, true, predicted = max(
        _mistakes(matrix), key=lambda item: (item[0], item[0] / sum(matrix[item[1]]))
    )
    mistake = (
        f"{shown(classes[true])} taken for {shown(classes[predicted])} ({share(count, sum(matrix[true]))})"
    )
    return f"{correct:,} of {pictures(total)} are right; the commonest mistake is {mistake}."


def per_class_bars(per_class: Sequence[Mapping[str, Any]]) -> go.Figure:
    """Precision, recall and F1 for each class, its support in the label.

    Args:
        per_class: Mappings with ``name``, ``precision``, ``recall``, ``f1`` and ``support``.
    """
    labels = [f"{shown(row['name'], 18)}<br>{pictures(row['support'])}" for row in per_class]
    traces = [_measure_bar(per_class, *measure) for measure in _MEASURES]
    figure = base_figure(traces, 320, barmode="group", bargap=0.25)
    figure.update_xaxes(**column_axis(labels, 56))
    figure.update_yaxes(range=[0, 1.02], dtick=0.2)
    return figure


def per_class_sentence(per_class: Sequence[Mapping[str, Any]]) -> str:
    """Name the class with the lowest recall, and warn if it has few pictures."""
    judged = [row for row in per_class if row["support"]]
    if not judged:
        return "No picture has been judged yet."
    worst = min(judged, key=lambda row: row["recall"])
    if len(judged) > 1 and worst["recall"] == max(row["recall"] for row in judged):
        return f"Recall is {percent(worst['recall'])} for every class."
    hits = round(worst["recall"] * worst["support"])
    sentence = f"{shown(worst['name'])} is found least often: {share(hits, worst['support'])}"
    if worst["support"] < _FEW_PICTURES:
        return f"{sentence}, and with so few pictures each one moves its recall by {100 / worst['support']:.0f} points."
    return f"{sentence}."


def _mistakes(matrix: Matrix) -> list[tuple[int, int, int]]:
    return [
        (count, true, predicted)
        for true, row in enumerate(matrix)
        for predicted, count in enumerate(row)
        if true != predicted and count
    ]


def _relative_to_largest(matrix: Matrix) -> list[list[float]]:
    largest = max((max(row, default=0) for row in matrix), default=0)
    return [[count / max(largest, 1) for count in row] for row in matrix]


def _cells(classes: Sequence[str], matrix: Matrix, intensity: Sequence[Sequence[float]]) -> go.Heatmap:
    hover = [
        [
            _cell_hover(true, predicted, share(count, sum(row)))
            for predicted, count in zip(classes, row, strict=True)
        ]
        for true, row in zip(classes, matrix, strict=True)
    ]
    return go.Heatmap(
        z=[list(row) for row in intensity],
        zmin=0,
        zmax=1,
        colorscale=[[0, f"rgb{_LIGHTEST}"], [1, f"rgb{_DARKEST}"]],
        showscale=False,
        xgap=2,
        ygap=2,
        customdata=[[[true, predicted] for predicted in classes] for true in classes],
        hovertext=hover,
        hoverinfo="text",
    )


def _cell_hover(true: str, predicted: str, counts: str) -> str:
    outcome = "answered right" if true == predicted else f"taken for {shown(predicted)}"
    return f"{shown(true)} {outcome}: {counts}"


def _cell_texts(
    matrix: Matrix, shares: Sequence[Sequence[float]], intensity: Sequence[Sequence[float]], normalise: bool
) -> go.Scatter:
    """Cell texts as a separate trace, since a heatmap has a single text colour; the trace ignores clicks."""
    cells = [(x, y) for y, row in enumerate(matrix) for x in range(len(row))]
    return go.Scatter(
        x=[x for x, _ in cells],
        y=[y for _, y in cells],
        mode="text",
        text=[percent(shares[y][x]) if normalise else f"{matrix[y][x]:,}" for x, y in cells],
        textfont={"color": [_text_colour(intensity[y][x]) for x, y in cells], "size": 15},
        hoverinfo="skip",
    )


def _text_colour(intensity: float) -> str:
    """Text colour with the higher contrast to the cell's colour.

    Source of the formula: relative luminance, WCAG 2.2.
    """
    channels = [(low + (high - low) * intensity) / 255 for low, high in zip(_LIGHTEST, _DARKEST, strict=True)]
    linear = [
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4 for channel in channels
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return _DARK_TEXT if luminance > 0.19 else _LIGHT_TEXT


def _measure_bar(per_class: Sequence[Mapping[str, Any]], key: str, colour: str, opacity: float) -> go.Bar:
    name = "F1" if key == "f1" else key
    return go.Bar(
        x=list(range(len(per_class))),
        y=[row[key] for row in per_class],
        name=name,
        marker={
            "color": colour,
            "line": OUTLINE,
            "opacity": opacity,
        },
        customdata=[row["name"] for row in per_class],
        hovertext=[
            f"{shown(row['name'])}: {name} {number(row[key])}, {pictures(row['support'])}"
            for row in per_class
        ],
        hoverinfo="text",
    )
