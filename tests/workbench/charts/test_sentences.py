"""What the sentences above the charts say, from plain numbers."""

from __future__ import annotations

from math import nan
from typing import Any

import numpy as np
import pytest

from tests.workbench.chart_data import CLASSES, HOSTILE, MATRIX, history, measures, rows
from workbench.charts import (
    VersionMetrics,
    class_counts_sentence,
    comparison_sentence,
    confusion_sentence,
    curves_sentence,
    number,
    per_class_sentence,
    percent,
    share,
    shown,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.86123, "0.861"),
        (0, "0"),
        (14.26, "14.3"),
        (183747, "184,000"),
        (0.00012345, "0.000123"),
        (nan, "–"),
        (None, "–"),
    ],
)
def test_numbers_have_three_significant_digits(value: float | None, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.857, "86 %"),
        (0.996, "99.6 %"),
        (0.9999, "> 99.9 %"),
        (0.004, "0.4 %"),
        (0.0001, "< 0.1 %"),
    ],
)
def test_only_nothing_is_0_percent_and_only_all_is_100(value: float, text: str) -> None:
    assert percent(value) == text


def test_a_share_has_its_counts_beside_it() -> None:
    assert share(24, 28) == "86 % · 24 of 28"
    assert share(0, 0) == "0 of 0"


def test_names_are_escaped_tidied_and_shortened() -> None:
    assert shown(HOSTILE) == "&lt;script&gt;alert(1)&lt;/script&gt;"
    assert shown(" Half  water\nlevel ") == "Half water level"
    assert shown("x" * 300) == "x" * 27 + "…"
    assert shown("<b>" + "y" * 300, 6) == "&lt;b&gt;yy…"


@pytest.mark.parametrize(
    ("rows", "best", "sentence"),
    [
        ([], None, "No epoch has finished yet."),
        (
            history([0.92]),
            1,
            "One epoch is done, with validation loss 0.92; a trend shows from the second on.",
        ),
        (
            history([0.9, 0.6, 0.41]),
            3,
            "Validation loss was still improving at epoch 3 (0.41), the last one; more epochs may help.",
        ),
        (
            history([0.9, 0.5, 0.6]),
            2,
            "Validation loss is best at epoch 2 (0.5); the epoch after it is no better.",
        ),
        (
            history([0.9, 0.5, 0.6, 0.7, 0.8]),
            2,
            "Validation loss stopped improving at epoch 2; the later epochs memorise.",
        ),
        (
            history([0.9, 0.5, 0.6, 0.7, 0.8], losses=[1, 0.4, 0.6, 0.7, 0.8]),
            2,
            "Validation loss is best at epoch 2 (0.5); the 3 later epochs are no better.",
        ),
        (
            history([0.9, nan, nan]),
            1,
            "From epoch 2 on the loss is not a number: the run diverged, and a smaller learning rate usually helps.",
        ),
    ],
    ids=["none", "one", "improving", "one later", "memorises", "worse without memorising", "diverged"],
)
def test_the_sentence_over_the_curves(rows: list[dict[str, float]], best: int | None, sentence: str) -> None:
    assert curves_sentence(rows, best) == sentence


def test_the_sentence_finds_the_best_epoch_and_names_the_measure_that_decides() -> None:
    rows = history([0.9, 0.4, 0.45])
    assert "best at epoch 2 (0.4)" in curves_sentence(rows)
    assert curves_sentence(rows, monitor="val_macro_f1").startswith(
        "Validation macro-F1 is best at epoch 2 (0.6)"
    )


@pytest.mark.parametrize(
    ("matrix", "sentence"),
    [
        (
            MATRIX,
            "59 of 73 pictures are right; the commonest mistake is Half taken for Full (29 % · 6 of 21).",
        ),
        ([[5, 0, 0], [0, 3, 0], [0, 0, 1]], "All 9 pictures are right."),
        ([[0] * 3] * 3, "No picture has been judged yet."),
        (
            [[50, 2, 0], [0, 3, 0], [2, 0, 1]],
            "54 of 58 pictures are right; the commonest mistake is Overflowing taken for Full (67 % · 2 of 3).",
        ),
    ],
    ids=["mistakes", "perfect", "empty", "a tie goes to the larger share"],
)
def test_the_sentence_over_the_confusion_matrix(matrix: list[list[int]], sentence: str) -> None:
    assert confusion_sentence(CLASSES, matrix) == sentence


@pytest.mark.parametrize(
    ("per_class", "sentence"),
    [
        (rows(("Full", 0.9, 40), ("Half", 0.75, 20)), "Half is found least often: 75 % · 15 of 20."),
        (
            rows(("Full", 0.9, 40), ("Overflowing", 0.5, 6)),
            "Overflowing is found least often: 50 % · 3 of 6, and with so few pictures each one moves its recall by 17 points.",
        ),
        (rows(("Full", 1.0, 40), ("Half", 1.0, 20)), "Recall is 100 % for every class."),
        (
            rows(("Full", 0.9, 40), ("Half", 0.8, 20), ("Empty", 0.0, 0)),
            "Half is found least often: 80 % · 16 of 20.",
        ),
        (rows(("Full", 0.0, 0)), "No picture has been judged yet."),
    ],
    ids=["worst", "few", "equal", "no support", "none"],
)
def test_the_sentence_over_the_classes(per_class: list[dict[str, Any]], sentence: str) -> None:
    assert per_class_sentence(per_class) == sentence


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        (
            {"Full": 229, "Overflowing": 29},
            "258 pictures labelled; Full is 7.9 times as common as Overflowing.",
        ),
        ({"Full": 20, "Half": 18}, "38 pictures labelled, spread about evenly over 2 classes."),
        ({"Full": 20, "Half": 0, "Empty": 0}, "20 pictures labelled; 2 of 3 classes have none yet."),
        ({"Full": 0}, "No picture has a class yet."),
        ({}, "No picture has a class yet."),
    ],
)
def test_the_sentence_over_the_counts(counts: dict[str, int], sentence: str) -> None:
    assert class_counts_sentence(counts) == sentence


@pytest.mark.parametrize(
    ("left", "right", "sentence"),
    [
        (
            measures({"Full": 0.8}, 0.7),
            measures({"Full": 0.9}, 0.8),
            "v5 is ahead in macro-F1, 0.8 against 0.7.",
        ),
        (measures({"Full": 0.9}, 0.7), measures({"Full": 0.8}, 0.7), "Both versions have macro-F1 0.7."),
        (
            measures({"Full": 0.9, "Half": 0.5}, 0.81),
            measures({"Full": 0.8, "Half": 0.667}, 0.74),
            "v4 is ahead in macro-F1, 0.81 against 0.74, but finds Half less often (recall 0.5 against 0.667).",
        ),
        (
            measures({"Full": 0.9}, 0.81, macro_f1_interval=(0.7, 0.9)),
            measures({"Full": 0.8}, 0.74, macro_f1_interval=(0.6, 0.8)),
            "v4 is ahead in macro-F1, 0.81 against 0.74; their 95 % intervals overlap, so this may be chance.",
        ),
        (
            measures({"Full": 0.9}, 0.81, pictures=30),
            measures({"Full": 0.8}, 0.74),
            "v4 is ahead in macro-F1, 0.81 against 0.74; they were judged on different pictures.",
        ),
    ],
    ids=["ahead", "equal", "at a price", "overlap", "different pictures"],
)
def test_the_sentence_over_a_comparison(left: dict[str, Any], right: dict[str, Any], sentence: str) -> None:
    assert comparison_sentence(VersionMetrics("v4", left), VersionMetrics("v5", right)) == sentence


def test_no_name_reaches_a_sentence_as_html() -> None:
    version = VersionMetrics(HOSTILE, measures({HOSTILE: 0.5}, 0.9))
    other = VersionMetrics("v5", measures({HOSTILE: 0.6}, 0.5))
    sentences = [
        confusion_sentence((HOSTILE, "Half"), [[1, 2], [0, 3]]),
        per_class_sentence(rows((HOSTILE, 0.5, 30))),
        class_counts_sentence({HOSTILE: 30, "Half": 3}),
        comparison_sentence(version, other),
    ]
    for sentence in sentences:
        assert "&lt;script&gt;" in sentence
        assert "<" not in sentence


def test_the_sentence_explains_why_a_lucky_epoch_is_not_the_one_that_is_kept() -> None:
    sentence = curves_sentence(history([0.9, 0.4, 0.45]), 3, "val_macro_f1")
    assert sentence.startswith(
        "Epoch 3 is kept (0.55), the best of validation macro-F1 averaged over recent epochs"
    )
    assert "epoch 2 alone was higher (0.6)" in sentence


def test_a_curve_that_has_been_flat_is_not_called_improving() -> None:
    rows = history([0.5 - 0.01 * n for n in range(30)] + [0.2] * 30)
    for best in (60, 31, None):
        assert "still improving" not in curves_sentence(rows, best, "val_macro_f1")
    assert curves_sentence(rows, 31, "val_macro_f1") == (
        "Validation macro-F1 is best at epoch 31 (0.8); the 29 later epochs are no better."
    )
    assert curves_sentence(rows, 60, "val_macro_f1") == (
        "Validation macro-F1 was as good at epoch 31 (0.8) as at epoch 60, the last one; more epochs will hardly help."
    )


def drawn(shape: str, seed: int) -> list[float]:
    """Validation losses of 40 epochs whose last one is the best, with the ups and downs of a small validation set."""
    epochs = np.arange(40)
    level = {
        "falling": 1.2 - 0.02 * epochs,
        "falling ever more slowly": 1.2 * np.exp(-epochs / 25),
        "falling late": np.where(epochs < 25, 1.0, 1.0 - 0.03 * (epochs - 25)),
        "steep": 1.0 / (1 + 0.1 * epochs),
        "flat": np.full(40, 0.4),
        "flat after a fall": 0.4 + 0.6 * np.exp(-epochs / 3.0),
        "rising again": 0.4 + 0.004 * np.abs(epochs - 12),
        "swinging": 0.4 + 0.05 * np.sin(epochs * 1.3),
    }[shape]
    losses = level + np.random.default_rng(seed).normal(0, 0.012, 40)
    losses[-1] = min(losses[-1], losses.min() - 0.004)
    return losses.tolist()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("shape", ["falling", "falling ever more slowly", "falling late", "steep"])
def test_a_drawn_curve_that_falls_is_called_improving(shape: str, seed: int) -> None:
    assert "still improving" in curves_sentence(history(drawn(shape, seed)), 40)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("shape", ["flat", "flat after a fall", "rising again", "swinging"])
def test_a_drawn_curve_that_does_not_fall_any_more_is_not_called_improving(shape: str, seed: int) -> None:
    sentence = curves_sentence(history(drawn(shape, seed)), 40)
    assert "more epochs will hardly help" in sentence
    assert "improving" not in sentence


@pytest.mark.parametrize("values", [[0.4, 0.35, 0.4, 0.35], [0.5, 0.35, 0.34999, 0.34998]])
@pytest.mark.parametrize("monitor", ["val_loss", "val_macro_f1"])
def test_what_swings_or_creeps_is_not_called_improving(values: list[float], monitor: str) -> None:
    assert "as good at epoch 2" in curves_sentence(history(values), 4, monitor)
