"""What a search tries, what it is judged on and how it is chosen, without any net."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.workbench.training_data import bars
from workbench.imaging.augmentation import Augmentation
from workbench.training.dataset import Dataset
from workbench.training.search.candidates import MANY_PICTURES, candidates, expected_seconds
from workbench.training.search.search_state import SearchDecision, SearchState
from workbench.training.search.successive_halving import (
    FoldPredictions,
    Leaderboard,
    better_half,
    inner_folds,
    makespan_bound,
)
from workbench.training.spec import FINE_TUNE, INSTANT, SCRATCH, TrainingSpec

TRUTH = [np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])]


def fold_predictions(*answers: int, sure: float = 0.9) -> FoldPredictions:
    """What a candidate says that is so sure of its answers; ten seconds, four of them for features."""
    rows = [[sure, 1 - sure] if answer == 0 else [1 - sure, sure] for answer in answers]
    return FoldPredictions(np.array(rows), 10.0, 4.0)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Twenty-four pictures, of which sixteen are on the training side, in groups of two."""
    whole = bars(tmp_path / "data")
    return replace(whole, groups=np.arange(24) // 4 * 2 + np.arange(24) % 2)


def test_each_inner_fold_has_whole_groups_of_the_training_side_alone(dataset: Dataset) -> None:
    folds = inner_folds(dataset, seed=1)
    outside = dataset.indices("validation")
    assert len(folds) > 1
    for fold in folds:
        assert not set(outside) & {*fold.indices("train"), *fold.indices("validation")}
        train, held_out = (set(fold.groups[fold.indices(side)]) for side in ("train", "validation"))
        assert train and held_out and not train & held_out
        assert fold.content_hash != dataset.content_hash
    makespan_bound = np.concatenate([fold.indices("validation") for fold in folds])
    assert sorted(makespan_bound) == sorted(dataset.indices("train"))


def test_there_are_no_inner_folds_where_a_class_has_one_group(dataset: Dataset) -> None:
    assert inner_folds(replace(dataset, groups=dataset.labels), seed=1) == []


def test_every_try_has_the_seed_the_weights_of_classes_and_the_augmentation_of_the_search() -> None:
    wanted = TrainingSpec.of("best", seed=9, class_weights="none", augmentation=Augmentation.off())
    for candidate in candidates(wanted, pretrained=True, pictures=300):
        assert (candidate.spec.seed, candidate.spec.class_weights, candidate.spec.augmentation) == (
            9,
            "none",
            Augmentation.off(),
        )
        assert candidate.cost > 0


@pytest.mark.parametrize(
    ("pretrained", "pictures", "recipes"),
    [
        (True, 300, {INSTANT, FINE_TUNE}),
        (True, MANY_PICTURES, {INSTANT, FINE_TUNE, SCRATCH}),
        (False, 300, {SCRATCH}),
    ],
)
def test_only_what_can_do_well_is_tried(pretrained: bool, pictures: int, recipes: set[str]) -> None:
    tried = candidates(TrainingSpec.of("best"), pretrained, pictures)
    assert {candidate.spec.recipe for candidate in tried} == recipes
    assert len({candidate.name for candidate in tried}) == len(tried)


def test_a_try_from_scratch_takes_a_small_part_of_the_time() -> None:
    for candidate in candidates(TrainingSpec.of("best", max_minutes=4), pretrained=False, pictures=300):
        assert 0 < candidate.spec.max_minutes <= 0.5


def test_features_are_paid_for_by_the_first_that_needs_them() -> None:
    tried = candidates(TrainingSpec.of("best"), pretrained=True, pictures=1000)
    instant = [number for number, candidate in enumerate(tried) if candidate.spec.recipe == INSTANT]
    before, after = expected_seconds(tried, []), expected_seconds(tried, instant[1:2])
    for number, candidate in enumerate(tried):
        shared = number in instant and number != instant[1]
        assert before[number] == candidate.cost + candidate.features
        assert after[number] == (candidate.cost if shared else before[number])


def test_candidates_are_compared_on_the_folds_that_all_were_judged_on() -> None:
    standing = Leaderboard(TRUTH, 2)
    standing.fold_predictions = {
        0: [fold_predictions(0, 0, 1, 1), fold_predictions(1, 0, 1, 0)],
        1: [fold_predictions(0, 0, 1, 0)],
        2: [],
    }
    assert standing.score([0], 1) == 1
    assert standing.score([0], 2) == 0.5
    assert standing.ranked([2, 1, 0]) == [0, 1]


def test_the_better_half_goes_on_but_never_one_alone() -> None:
    assert better_half([4, 2, 0, 1, 3]) == [4, 2, 0]
    assert better_half([4, 2]) == [4, 2]
    assert better_half([4]) == [4]
    assert better_half([]) == []


def test_two_are_chosen_where_their_mean_is_better_than_either() -> None:
    standing = Leaderboard(TRUTH[:1], 2)
    standing.fold_predictions = {
        0: [fold_predictions(0, 0, 1, 0, sure=0.6)],
        1: [fold_predictions(1, 0, 1, 1, sure=0.7)],
    }
    assert standing.chosen([0, 1]) == [0]
    right = FoldPredictions(np.array([[0.9, 0.1], [0.6, 0.4], [0.1, 0.9], [0.55, 0.45]]), 10.0, 4.0)
    left = FoldPredictions(np.array([[0.45, 0.55], [0.9, 0.1], [0.4, 0.6], [0.1, 0.9]]), 10.0, 4.0)
    standing.fold_predictions = {0: [right], 1: [left]}
    assert sorted(standing.chosen([0, 1])) == [0, 1]


def test_time_is_guessed_from_what_was_seen() -> None:
    standing = Leaderboard(TRUTH, 2)
    costs = {0: 5.0, 1: 20.0}
    assert standing.seconds(1, costs) == 20
    standing.fold_predictions = {0: [fold_predictions(0, 0, 1, 1)]}
    assert standing.slowness(costs) == 2
    assert standing.seconds(1, costs) == 40
    # features are there the next time, but for those of the pictures that were held out
    assert 6 < standing.seconds(0, costs) < 10


def test_tasks_that_several_hands_share_take_no_longer_than_the_worst_order() -> None:
    assert makespan_bound([3.0, 5.0, 4.0], 1) == 12
    assert makespan_bound([4.0, 4.0], 2) == 4 + 2
    assert makespan_bound([4.0], 9) == 4
    assert makespan_bound([], 2) == 0


def test_a_diary_is_read_by_the_same_search_only(tmp_path: Path) -> None:
    standing = Leaderboard(TRUTH, 2)
    diary = SearchState(tmp_path / "search", "this", standing)
    standing.fold_predictions = {3: [fold_predictions(0, 1, 1, 0)]}
    standing.failed = {1}
    diary.decision = SearchDecision([3], 2.5)
    diary.write()
    same, other = Leaderboard(TRUTH, 2), Leaderboard(TRUTH, 2)
    read = SearchState(tmp_path / "search", "this", same)
    assert np.array_equal(same.fold_predictions[3][0].answers, standing.fold_predictions[3][0].answers)
    assert (same.failed, read.decision) == ({1}, SearchDecision([3], 2.5))
    assert SearchState(tmp_path / "search", "another", other).decision is None
    assert (other.fold_predictions, other.failed) == ({}, set())


def test_a_damaged_diary_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / "search.json").write_text('{"fingerprint": ')
    standing = Leaderboard(TRUTH, 2)
    assert SearchState(tmp_path, "this", standing).decision is None
    assert standing.fold_predictions == {}
