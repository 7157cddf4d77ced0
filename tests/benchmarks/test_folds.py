from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks import folds
from tests.benchmarks.baselines import hog_features, linear_svm, majority
from tests.benchmarks.photos import Photos, grouped_folds
from workbench.training.spec import TrainingSpec


@pytest.fixture
def photos() -> Photos:
    """Sixty pictures in thirty groups of two; the class is where a dark bar stands."""
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(30) % 3, 2)
    pixels = random.integers(200, 256, (60, 256, 256, 3), dtype=np.uint8)
    for picture, label in zip(pixels, labels, strict=True):
        picture[60 * label : 60 * label + 60, 40:200] = 20
    return Photos(pixels, labels, np.repeat(np.arange(30), 2), ("a", "b", "c"))


def test_every_picture_is_in_one_fold_and_no_group_crosses(photos: Photos) -> None:
    pairs = grouped_folds(photos, np.arange(60), 5, seed=0)
    assert sorted(np.concatenate([fold for _, fold in pairs])) == list(range(60))
    for rest, fold in pairs:
        assert not set(photos.groups[rest]) & set(photos.groups[fold])


def test_the_outer_fold_is_nowhere_in_what_is_trained_on(photos: Photos, tmp_path: Path) -> None:
    rest, fold = grouped_folds(photos, np.arange(60), 5, seed=0)[0]
    dataset = folds.write_rest(photos, rest, tmp_path, TrainingSpec())
    assert sorted(dataset.image_ids.tolist()) == rest.tolist()
    assert not set(dataset.image_ids.tolist()) & set(fold.tolist())
    sides = [set(dataset.groups[dataset.indices(split)].tolist()) for split in ("train", "validation")]
    assert all(sides)
    assert not sides[0] & sides[1]


def test_baselines_answer_as_they_should(photos: Photos) -> None:
    rest, fold = grouped_folds(photos, np.arange(60), 5, seed=0)[0]
    features = hog_features(photos.pixels)
    answers = linear_svm(features[rest], photos.labels[rest], features[fold])
    assert answers.tolist() == photos.labels[fold].tolist()
    assert majority(np.array([0, 2, 2, 1]), 3).tolist() == [2, 2, 2]


@pytest.mark.slow
def test_a_fold_is_trained_by_the_product_and_answered_by_its_file(photos: Photos) -> None:
    rest, fold = grouped_folds(photos, np.arange(60), 5, seed=0)[0]
    answers, seconds = folds.train_and_answer(photos, rest, fold, TrainingSpec(epochs=1))
    assert answers.shape == fold.shape
    assert set(answers.tolist()) <= {0, 1, 2}
    assert seconds > 0


def test_a_row_gives_the_mean_over_folds_and_compares_it_with_the_goal() -> None:
    made = [folds.Fold("compact", i, f1, 0.8, (0.8, 0.7, 0.6), 100.0) for i, f1 in enumerate((0.6, 0.8))]
    made += [folds.Fold("majority", i, 0.26, 0.63, (1.0, 0.0, 0.0), 0.0) for i in (1, 2)]
    compact, majority_row = folds.rows(made)
    assert compact.reached
    assert compact.value.startswith("0.700 ± 0.141 (0.60 0.80)")
    assert majority_row.reached is None
    slow = [
        folds.Fold("compact", 1, 0.9, 0.9, (1.0,), 500.0),
        folds.Fold("compact", 2, 0.9, 0.9, (1.0,), 500.0),
    ]
    assert folds.rows(slow)[0].reached is False
