from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks.folds import GOALS, Fold, judge, row, rows
from tests.benchmarks.methods import BASELINES, SPECS, Divided, train_and_answer, write_rest
from tests.benchmarks.options import BenchmarkOptions
from tests.benchmarks.photos import Photos, grouped_folds, load_fruit, load_photos
from tests.pictures import picture
from workbench.training.reporter import RunPaths
from workbench.training.spec import TrainingSpec


@pytest.fixture
def photos() -> Photos:
    """Sixty pictures in thirty groups of two; the class is where a dark bar stands."""
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(30) % 3, 2)
    pixels = random.integers(200, 256, (60, 256, 256, 3), dtype=np.uint8)
    for shown, label in zip(pixels, labels, strict=True):
        shown[60 * label : 60 * label + 60, 40:200] = 20
    return Photos(pixels, labels, np.repeat(np.arange(30), 2), ("a", "b", "c"))


def test_every_picture_is_in_one_fold_and_no_group_crosses(photos: Photos) -> None:
    pairs = grouped_folds(photos, np.arange(60), 5, seed=0)
    assert sorted(np.concatenate([fold for _, fold in pairs])) == list(range(60))
    for rest, fold in pairs:
        assert not set(photos.groups[rest]) & set(photos.groups[fold])


def test_the_outer_fold_is_nowhere_in_what_is_trained_on(photos: Photos, tmp_path: Path) -> None:
    rest, fold = grouped_folds(photos, np.arange(60), 5, seed=0)[0]
    dataset = write_rest(photos, rest, tmp_path, TrainingSpec())
    assert sorted(dataset.image_ids.tolist()) == rest.tolist()
    assert not set(dataset.image_ids.tolist()) & set(fold.tolist())
    sides = [set(dataset.groups[dataset.indices(split)].tolist()) for split in ("train", "validation")]
    assert all(sides)
    assert not sides[0] & sides[1]


def test_baselines_answer_as_they_should(photos: Photos) -> None:
    division = Divided(photos, *grouped_folds(photos, np.arange(60), 5, seed=0)[0])
    assert BASELINES["hog"](division).tolist() == photos.labels[division.fold].tolist()
    few = Divided(photos, np.array([0, 2, 3, 4]), np.arange(3))
    assert BASELINES["majority"](few).tolist() == [1, 1, 1]


def test_every_recipe_is_trained_without_early_stopping() -> None:
    for make in SPECS.values():
        spec = make()
        assert spec.patience == spec.epochs
        assert spec.validation_fraction == 0.05


@pytest.mark.slow
@pytest.mark.usefixtures("tiny_net")
def test_a_fold_is_trained_by_the_product_and_answered_by_its_file(photos: Photos, tmp_path: Path) -> None:
    division = Divided(photos, *grouped_folds(photos, np.arange(60), 5, seed=0)[0])
    place = RunPaths(*(tmp_path / name for name in ("model", "checkpoints", "features", "weights")))
    answers, seconds = train_and_answer(division, TrainingSpec(epochs=1), place)
    assert answers.shape == division.fold.shape
    assert set(answers.tolist()) <= {0, 1, 2}
    assert seconds > 0
    assert not place.model.exists()


def test_a_fold_is_judged_by_figures_worked_out_by_hand() -> None:
    fold = judge(("hog", "csv", 3), np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]), 2.0)
    assert (fold.method, fold.split, fold.fold, fold.seconds) == ("hog", "csv", 3, 2.0)
    assert fold.accuracy == 0.75
    assert fold.recall == pytest.approx((2 / 3, 1))
    assert fold.macro_f1 == pytest.approx((0.8 + 2 / 3) / 2)
    # (1 + 0.25) * precision * recall / (0.25 * precision + recall)
    assert fold.f05 == pytest.approx(((1.25 * 2 / 3) / (0.25 + 2 / 3) + 1.25 * 0.5 / (0.125 + 1)) / 2)


def fold_results(method: str, split: str, scores: tuple[float, ...], seconds: float = 30.0) -> list[Fold]:
    return [Fold(method, split, i, f1, 0.95, 0.8, (0.8, 0.7, 0.6), seconds) for i, f1 in enumerate(scores, 1)]


def test_a_row_gives_the_mean_over_folds_and_compares_it_with_the_goal() -> None:
    mean = row(fold_results("scratch", "csv", (0.6, 0.8)))
    assert mean.reached
    assert mean.value.startswith("macro-F1 0.700 ± 0.141 (0.60 0.80), F0.5 0.950, accuracy 0.800")
    assert row(fold_results("scratch", "csv", (0.9, 0.9), 500.0)).reached is False
    assert row(fold_results("scratch", "csv", (0.69, 0.69))).reached is False
    assert row(fold_results("majority", "csv", (0.26, 0.26))).reached is None
    assert row(fold_results("best", "random", (0.5, 0.5))).reached
    assert row(fold_results("instant", "random", (0.5, 0.5))).reached is None
    assert set(GOALS) < set(SPECS)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Twenty photos of two classes, the first two of each of one scene."""
    lines = ["file,group"]
    for number in range(20):
        name = f"{'ab'[number % 2]}/{number}.jpg"
        file = tmp_path / "water-bottles" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(picture(max(number, 4)))
        lines.append(f"{name},{max(number, 4)}")
    (tmp_path / "water-bottles.groups.csv").write_text("\n".join(lines), "utf-8")
    return tmp_path


def test_groups_are_those_of_the_file_or_of_the_product_or_none(data: Path) -> None:
    named, catalogued, none = (load_photos(data, split).groups for split in ("csv", "catalogue", "random"))
    assert len(set(named[:5])) == 1
    assert len(set(catalogued[:5])) == 1
    assert len(set(none)) == 20


def test_figures_that_are_kept_are_not_measured_again(data: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.jsonl"
    [first] = rows("majority", BenchmarkOptions(data, splits=("csv",), folds=(1, 2), keep=kept))
    lines = kept.read_text().splitlines()
    assert len(lines) == 2
    kept.write_text("\n".join(line.replace('"macro_f1": ', '"macro_f1": 1') for line in lines) + "\n")
    [again] = rows("majority", BenchmarkOptions(data, splits=("csv",), folds=(1, 2, 3), keep=kept))
    assert again.value != first.value
    assert "3 of 5 folds" in again.figure
    assert len(kept.read_text().splitlines()) == 3


def test_what_a_publisher_held_out_is_told_by_the_name_of_the_file(tmp_path: Path) -> None:
    for name in ("Apple/train__a_1.jpg", "Apple/val__a_2.jpg", "Pear/train__b_1.jpg"):
        file = tmp_path / "grocery-fruit" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(picture(len(name)))
    photos, held_out = load_fruit(tmp_path)
    assert photos.classes == ("Apple", "Pear")
    assert held_out.tolist() == [False, True, False]
