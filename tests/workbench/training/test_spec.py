import json

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from workbench.core.errors import InvalidSpec
from workbench.training.spec import TrainingSpec, class_weight_table

COUNTS = {"Full": 183, "Half": 83, "Overflowing": 23}


def test_an_empty_spec_is_the_default() -> None:
    assert TrainingSpec.from_dict({}) == TrainingSpec()
    assert TrainingSpec().architecture == "compact"
    assert TrainingSpec().class_weights == "balanced"


def test_without_a_recipe_the_given_default_is_taken_unless_the_net_is_trained_from_scratch() -> None:
    assert TrainingSpec.from_dict({"epochs": 3}, "instant") == TrainingSpec.of("instant", epochs=3)
    assert TrainingSpec.from_dict({"architecture": "classic"}, "instant").recipe == "scratch"
    assert TrainingSpec.from_dict({"recipe": "fine_tune"}, "instant").recipe == "fine_tune"


def test_json_form_survives_a_round_trip() -> None:
    json_form = {
        "architecture": "classic",
        "epochs": 3,
        "class_weights": {"a": 1, "b": 2.5},
        "max_minutes": 1.5,
        "monitor": "val_macro_f1",
        "augmentation": {"rotate": {"strength": 3.0}},
    }
    spec = TrainingSpec.from_dict(json_form)
    assert TrainingSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
    assert spec.augmentation.strength("rotate") == 3.0


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"epoch": 3}, ('"epoch"', "epochs")),
        ({"epochs": "10"}, ("epochs", '"10"', "whole number from 1 to 1000")),
        ({"epochs": 2.5}, ("epochs", "2.5")),
        ({"epochs": True}, ("epochs", "True")),
        ({"epochs": 0}, ("epochs", "0")),
        ({"batch_size": 10**30}, ("batch_size", "256")),
        ({"learning_rate": float("nan")}, ("learning_rate", "nan")),
        ({"learning_rate": 10**400}, ("learning_rate", "number from 1e-06 to 1")),
        ({"learning_rate": "fast"}, ("learning_rate", '"fast"')),
        ({"validation_fraction": 0.9}, ("validation_fraction", "0.5")),
        ({"seed": -1}, ("seed", "-1")),
        ({"max_minutes": float("inf")}, ("max_minutes", "inf")),
        ({"architecture": "resnet"}, ("architecture", "compact", "classic")),
        ({"fit": None}, ("fit", "letterbox")),
        ({"monitor": ["val_loss"]}, ("monitor", "val_loss")),
        ({"class_weights": "heavy"}, ("class_weights", "balanced")),
        ({"class_weights": {"a": 0}}, ('"a"', "above 0")),
        ({"class_weights": {"a": -2}}, ('"a"', "-2")),
        ({"class_weights": {"a": float("nan")}}, ('"a"', "nan")),
        ({"class_weights": {"a": "1"}}, ('"a"', '"1"')),
        ({"augmentation": {"rotate": {"strength": 500}}}, ("augmentation.rotate.strength", "180")),
        ("compact", ("training spec", "object")),
        (None, ("training spec", "object")),
    ],
)
def test_what_is_not_allowed_gets_one_sentence(value: object, words: tuple[str, ...]) -> None:
    with pytest.raises(InvalidSpec) as raised:
        TrainingSpec.from_dict(value)
    assert all(word in str(raised.value) for word in words)
    assert "\n" not in str(raised.value)


def test_balanced_weights_are_scikit_learns() -> None:
    labels = np.repeat(list(COUNTS), list(COUNTS.values()))
    expected = compute_class_weight("balanced", classes=np.array(list(COUNTS)), y=labels)
    assert list(class_weight_table(COUNTS, "balanced").values()) == pytest.approx(expected.tolist())


def test_no_weights_and_weights_by_hand() -> None:
    assert class_weight_table(COUNTS, "none") == {"Full": 1.0, "Half": 1.0, "Overflowing": 1.0}
    by_hand = {"Overflowing": 4, "Half": 2, "Full": 1}
    assert class_weight_table(COUNTS, by_hand) == {"Full": 1.0, "Half": 2.0, "Overflowing": 4.0}


@pytest.mark.parametrize(
    ("mode", "word"),
    [
        ({"Full": 1, "Half": 1}, '"Overflowing"'),
        ({"Full": 1, "Half": 1, "Overflowing": 1, "Empty": 1}, '"Empty"'),
        ({"Full": 0, "Half": 1, "Overflowing": 1}, '"Full"'),
        ("heavy", "balanced"),
    ],
)
def test_weights_that_do_not_fit_the_classes_are_refused(mode: object, word: str) -> None:
    with pytest.raises(InvalidSpec, match=word):
        class_weight_table(COUNTS, mode)


def test_a_class_without_pictures_has_no_balanced_weight() -> None:
    with pytest.raises(InvalidSpec, match='"Half"'):
        class_weight_table({"Full": 3, "Half": 0}, "balanced")
