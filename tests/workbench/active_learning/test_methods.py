"""The methods behind the model's help on clouds of points whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.active_learning import linear_head, projection, query_strategy
from workbench.active_learning.hog_embedding import DIMENSIONS, hog_embeddings
from workbench.active_learning.label_errors import find_label_issues, out_of_sample_probabilities, thresholds

CLASSES = np.array([3, 7, 20])
"""Class ids as a catalogue may have them: sorted, with gaps."""


def clouds(size: int, apart: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points of length 1 around one direction a class, and their class ids."""
    random = np.random.default_rng(seed)
    member = np.arange(size) % len(CLASSES)
    centres = np.random.default_rng(99).normal(size=(len(CLASSES), 16))
    points = apart * centres[member] + random.normal(size=(size, 16))
    return points / np.linalg.norm(points, axis=1, keepdims=True), CLASSES[member]


@pytest.mark.parametrize("ids", [CLASSES[:2], CLASSES])
def test_a_head_tells_two_and_three_classes_apart(ids: np.ndarray) -> None:
    points, classes = clouds(90, 2.0)
    selected = np.isin(classes, ids)
    fitted = linear_head.fit(points[selected], classes[selected])
    probabilities = fitted.probabilities(points[selected])
    assert fitted.classes.tolist() == ids.tolist()
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(selected.sum()), abs=1e-5)
    assert np.mean(fitted.classes[probabilities.argmax(axis=1)] == classes[selected]) > 0.95


def test_ninety_percent_means_about_ninety_percent() -> None:
    points, classes = clouds(600, 0.6)
    logits = linear_head.out_of_fold_logits(points, classes, np.arange(600))
    probabilities = linear_head.softmax(logits / linear_head.temperature(logits, classes))
    right = CLASSES[probabilities.argmax(axis=1)] == classes
    assert probabilities.max(axis=1).mean() == pytest.approx(right.mean(), abs=0.04)
    sure = probabilities.max(axis=1) > 0.85
    assert sure.sum() > 50
    assert right[sure].mean() == pytest.approx(probabilities.max(axis=1)[sure].mean(), abs=0.07)


def test_out_of_fold_a_picture_never_profits_from_its_near_duplicates() -> None:
    random = np.random.default_rng(1)
    points = np.repeat(random.normal(size=(50, 64)), 4, axis=0)
    classes = CLASSES[np.repeat(random.integers(0, 3, 50), 4)]
    apart, together = np.arange(200), np.repeat(np.arange(50), 4)

    def accuracy(groups: np.ndarray) -> float:
        logits = linear_head.out_of_fold_logits(points, classes, groups)
        return float(np.mean(CLASSES[logits.argmax(axis=1)] == classes))

    assert accuracy(apart) > accuracy(together) + 0.3


def test_a_class_with_one_picture_is_left_out_of_learning() -> None:
    assert linear_head.learnable_mask(np.array([3, 3, 7, 7, 20])).tolist() == [True] * 4 + [False]
    assert not linear_head.learnable_mask(np.array([3, 3, 7])).any()
    assert not linear_head.learnable_mask(np.zeros(0, dtype=int)).any()


def test_classes_with_fewer_pictures_than_folds_are_no_obstacle() -> None:
    points, classes = clouds(12, 3.0)
    assert linear_head.out_of_fold_logits(points, classes, np.arange(12)).shape == (12, 3)
    alike = linear_head.out_of_fold_logits(points, classes, np.zeros(12, dtype=int))
    assert not alike.any()


def test_of_many_pictures_a_rare_class_keeps_more_of_its_share() -> None:
    classes = np.repeat([3, 7], [10_000, 100])
    kept = linear_head.sample(classes, 1000, seed=0)
    assert len(kept) == 1000
    assert np.sum(classes[kept] == 7) > 40
    assert kept.tolist() == sorted(set(kept.tolist()))


def test_planted_errors_lead_the_list_with_the_class_they_were_taken_from() -> None:
    points, classes = clouds(300, 1.5)
    wrong = np.random.default_rng(0).choice(300, 15, replace=False)
    noisy_labels = np.searchsorted(CLASSES, classes)
    truth = noisy_labels.copy()
    noisy_labels[wrong] = (noisy_labels[wrong] + 1) % 3
    issues = find_label_issues(
        out_of_sample_probabilities(points, CLASSES[noisy_labels], np.arange(300)), noisy_labels
    )
    assert set(wrong) <= set(issues.positions[:20].tolist())
    likely = dict(zip(issues.positions.tolist(), issues.likely.tolist(), strict=True))
    assert [likely[position] for position in wrong.tolist()] == truth[wrong].tolist()
    assert issues.score.tolist() == sorted(issues.score.tolist(), reverse=True)


def test_the_threshold_of_a_class_is_the_mean_belief_in_it_among_its_own() -> None:
    probabilities = np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8]])
    assert thresholds(probabilities, np.array([0, 0, 1])) == pytest.approx([0.7, 0.8])


def test_what_to_label_next_begins_with_something_of_everything() -> None:
    points, classes = clouds(300, 3.0)
    points = np.concatenate([points, points[:100]])  # duplicates are no news
    chosen = query_strategy.select_pictures(query_strategy.Pool(points, points[:0]), 40)
    assert len(set(chosen)) == 40
    assert set(np.concatenate([classes, classes[:100]])[chosen[: query_strategy.PARTS]]) == set(CLASSES)
    assert len({position if position < 300 else position - 300 for position in chosen}) == 40


def test_with_a_head_the_unsure_come_first_and_of_twins_only_one() -> None:
    points, _ = clouds(100, 1.0)
    points[1] = points[0]
    probabilities = np.tile([0.98, 0.01, 0.01], (100, 1))
    probabilities[[0, 1, 5, 9]] = [0.4, 0.35, 0.25]
    chosen = query_strategy.select_pictures(
        query_strategy.Pool(points, points[50:60], probabilities, np.array([5, 5, 5])), 100
    )
    assert sorted(chosen) == list(range(100))
    assert len({0, 1, 5, 9} & set(chosen[:3])) == 3
    assert len({0, 1} & set(chosen[:3])) == 1


def test_of_many_pictures_the_least_sure_are_candidates() -> None:
    answers = np.tile([0.9, 0.1], (1000, 1))
    answers[990:] = 0.5
    candidates = query_strategy.preselect(np.arange(1000), answers, 100)
    assert len(candidates) == len(set(candidates.tolist())) == 100
    assert set(range(990, 1000)) <= set(candidates.tolist())
    assert len(query_strategy.preselect(np.arange(1000), None, 100)) == 100


@pytest.mark.slow
def test_a_map_keeps_what_is_alike_together_also_for_pictures_that_come_later() -> None:
    points, classes = clouds(120, 4.0)
    drawn = projection.project(points[:90])
    later = projection.interpolate_points(points[90:], points[:90], drawn)
    middles = np.stack([drawn[classes[:90] == class_].mean(axis=0) for class_ in CLASSES])
    nearest = np.linalg.norm(later[:, None] - middles, axis=2).argmin(axis=1)
    assert np.mean(CLASSES[nearest] == classes[90:]) > 0.9


@pytest.mark.parametrize("size", [0, 1, 3, 5])
def test_a_map_of_a_few_pictures(size: int) -> None:
    assert projection.project(clouds(6, 1.0)[0][:size].reshape(size, 16)).shape == (size, 2)


def test_the_built_in_embedding_has_length_one_whatever_the_picture() -> None:
    random = np.random.default_rng(0)
    plain = np.stack([np.zeros((256, 256, 3)), np.full((256, 256, 3), 255)])
    noise = random.integers(0, 256, (2, 256, 256, 3))
    vectors = hog_embeddings(np.concatenate([plain, noise]).astype(np.uint8))
    assert vectors.shape == (4, DIMENSIONS)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(4), abs=1e-5)
