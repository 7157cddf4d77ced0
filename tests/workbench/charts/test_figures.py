"""What the charts show, from plain numbers."""

from __future__ import annotations

import json
from math import nan
from typing import Any

import plotly.graph_objects as go
import pytest

from tests.workbench.chart_data import CLASSES, HOSTILE, MATRIX, history, measures, rows
from workbench.charts import (
    VersionMetrics,
    accuracy_curves,
    comparison_bars,
    confusion_figure,
    loss_curves,
    per_class_bars,
)


@pytest.mark.parametrize("draw", [loss_curves, accuracy_curves])
def test_the_best_epoch_is_marked_by_a_line_and_a_label(draw: Any) -> None:
    layout = draw(history([0.9, 0.4, 0.5]), 2).layout
    assert [(line.x0, line.x1) for line in layout.shapes] == [(2, 2)]
    assert [note.text for note in layout.annotations] == ["best: epoch 2"]


@pytest.mark.parametrize("best", [None, 9])
def test_no_line_where_the_best_epoch_is_not_in_the_history(best: int | None) -> None:
    assert not loss_curves(history([0.9, 0.4]), best).layout.shapes


def test_curves_are_told_apart_without_colour() -> None:
    for figure in (loss_curves(history([0.9, 0.4])), accuracy_curves(history([0.9, 0.4]))):
        signs = {(trace.line.dash, trace.marker.symbol) for trace in figure.data}
        assert len(signs) == len(figure.data) >= 2
        assert figure.data[0].line.dash == "solid"


def test_a_value_that_is_no_number_is_a_gap() -> None:
    assert loss_curves(history([0.9, nan, 0.4])).data[1].y == (0.9, None, 0.4)


def test_a_click_on_a_cell_tells_true_and_predicted_class() -> None:
    cells = confusion_figure((*CLASSES[:2], HOSTILE), MATRIX, normalise=False).data[0]
    assert list(cells.customdata[1][0]) == ["Half", "Full"]
    assert list(cells.customdata[0][2]) == ["Full", HOSTILE]


def test_a_cell_says_what_it_counts() -> None:
    words = confusion_figure(CLASSES, MATRIX, normalise=True).data[0].hovertext
    assert words[0][0] == "Full answered right: 91 % · 42 of 46"
    assert words[1][0] == "Half taken for Full: 29 % · 6 of 21"


def test_cells_show_counts_or_shares_of_the_row() -> None:
    counts = confusion_figure(CLASSES, MATRIX, normalise=False).data[1]
    shares = confusion_figure(CLASSES, MATRIX, normalise=True).data[1]
    assert counts.text == ("42", "3", "1", "6", "14", "1", "0", "3", "3")
    assert shares.text[3:6] == ("29 %", "67 %", "5 %")


def test_a_class_without_pictures_has_empty_cells() -> None:
    assert confusion_figure(("a", "b"), [[2, 0], [0, 0]], normalise=True).data[1].text == (
        "100 %",
        "0 %",
        "0 %",
        "0 %",
    )


def test_cell_text_keeps_its_contrast() -> None:
    inks = confusion_figure(("a", "b"), [[50, 0], [25, 50]], normalise=False).data[1].textfont.color
    assert inks[0] == "#ffffff"
    assert inks[1] == "#111111"


def test_class_bars_show_three_measures_with_support_in_the_label() -> None:
    figure = per_class_bars(rows(("Full", 0.9, 40), ("Half", 0.75, 1)))
    assert {bar.name: bar.y for bar in figure.data} == {
        "precision": (0.7, 0.7),
        "recall": (0.9, 0.75),
        "F1": (0.6, 0.6),
    }
    assert figure.layout.xaxis.ticktext == ("Full<br>40 pictures", "Half<br>1 picture")
    assert len({(bar.marker.color, bar.marker.opacity) for bar in figure.data}) == 3
    # A browser looks a pattern up by the page's address, which each tab changes; the bars would be white from then on.
    assert not any(bar.marker.pattern.shape for bar in figure.data)


def test_no_chart_offers_to_be_uploaded() -> None:
    figure = per_class_bars(rows(("Full", 0.9, 40)))
    assert "sendChartToCloud" in figure.layout.modebar.remove


def test_two_versions_stand_side_by_side() -> None:
    left = VersionMetrics("v4", measures({"Full": 0.9, "Half": 0.6}, 0.74))
    right = VersionMetrics("v5", measures({"Full": 0.8, "Empty": 0.7}, 0.81))
    figure = comparison_bars(left, right)
    assert figure.layout.yaxis.ticktext == (
        "accuracy",
        "macro-F1",
        "recall Full",
        "recall Half",
        "recall Empty",
    )
    assert [bar.x for bar in figure.data] == [(0.8, 0.74, 0.9, 0.6, None), (0.8, 0.81, 0.8, None, 0.7)]


def every_figure(name: str) -> list[go.Figure]:
    version = VersionMetrics(name, measures({name: 0.5, "Half": 0.6}, 0.5))
    return [
        loss_curves(history([0.9, 0.4]), 2),
        accuracy_curves([], None),
        confusion_figure((name, "Half"), [[1, 2], [0, 3]], normalise=True),
        per_class_bars(rows((name, 0.5, 3))),
        comparison_bars(version, version),
    ]


def test_figures_leave_grounds_and_text_to_the_page_and_have_fixed_heights() -> None:
    for figure in every_figure("Full"):
        layout = figure.layout
        assert layout.paper_bgcolor == layout.plot_bgcolor == "rgba(0,0,0,0)"
        assert layout.font.color is None
        assert layout.height >= 100


def test_figures_use_only_plain_traces() -> None:
    kinds = {trace.type for figure in every_figure("Full") for trace in figure.data}
    assert kinds == {"scatter", "bar", "heatmap"}


def test_no_name_reaches_a_figure_as_html() -> None:
    for figure in every_figure(HOSTILE):
        drawn = figure.to_dict()
        for trace in drawn["data"]:
            trace.pop("customdata", None)
        assert HOSTILE not in json.dumps(drawn, default=str)
