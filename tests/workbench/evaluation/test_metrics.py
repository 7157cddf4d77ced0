import json

import numpy as np
import pytest
from sklearn.metrics import f1_score

from workbench.evaluation.metrics import confusion, evaluate, macro_f1, wilson_interval

CLASSES = ("Full", "Half", "Overflowing")


@pytest.fixture
def answers() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    true = random.choice(3, 90, p=[0.6, 0.3, 0.1])
    return true, random.dirichlet([1, 1, 1], 90) + 0.5 * np.eye(3)[true]


def test_figures_agree_with_scikit_learn(answers: tuple[np.ndarray, np.ndarray]) -> None:
    true, probabilities = answers
    measures = evaluate(true, probabilities, CLASSES)
    predicted = probabilities.argmax(axis=1)
    assert measures["accuracy"] == pytest.approx((true == predicted).mean())
    assert measures["macro_f1"] == pytest.approx(f1_score(true, predicted, average="macro"))
    assert measures["weighted_f1"] == pytest.approx(f1_score(true, predicted, average="weighted"))
    assert macro_f1(confusion(true, predicted, 3)) == pytest.approx(measures["macro_f1"])
    assert [row["name"] for row in measures["per_class"]] == list(CLASSES)
    assert [row["support"] for row in measures["per_class"]] == np.bincount(true).tolist()
    assert json.loads(json.dumps(measures))["confusion"] == measures["confusion"]


def test_intervals_hold_the_figures(answers: tuple[np.ndarray, np.ndarray]) -> None:
    measures = evaluate(*answers, CLASSES)
    for name in ("accuracy", "macro_f1"):
        low, high = measures[f"{name}_interval"]
        assert 0 <= low < measures[name] < high <= 1


def test_rows_of_the_confusion_matrix_are_true_classes() -> None:
    probabilities = np.eye(3)[[0, 1, 1, 1]]
    assert evaluate(np.array([0, 0, 0, 1]), probabilities, CLASSES)["confusion"] == [
        [1, 2, 0],
        [0, 1, 0],
        [0, 0, 0],
    ]


def test_a_class_that_never_occurs_has_no_figures_and_does_not_count() -> None:
    measures = evaluate(np.array([0, 1]), np.eye(3)[[0, 1]], CLASSES)
    assert measures["per_class"][2] == {
        "name": "Overflowing",
        "precision": None,
        "recall": None,
        "f1": None,
        "support": 0,
    }
    assert measures["macro_f1"] == measures["macro_recall"] == 1
    guessed = np.array([0, 0, 1]), np.eye(3)[[0, 2, 1]]
    metrics = evaluate(*guessed, CLASSES)
    assert metrics["macro_f1"] == pytest.approx((2 / 3 + 1) / 2)
    assert macro_f1(confusion(guessed[0], guessed[1].argmax(axis=1), 3)) == pytest.approx(metrics["macro_f1"])


def test_wilson_interval_is_the_published_one() -> None:
    assert wilson_interval(8, 10) == pytest.approx((0.4901, 0.9433), abs=1e-3)
    assert wilson_interval(0, 5)[0] == 0.0
