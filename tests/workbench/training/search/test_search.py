"""The search for the best recipe, with real training of small nets."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.workbench.tiny_weights import SMALL, write_weights
from tests.workbench.training.engine.test_train import Recorder
from tests.workbench.training_data import bars
from workbench.core.errors import Paused, StoppedEarly
from workbench.training.dataset import Dataset
from workbench.training.engine.averaged import export_mean
from workbench.training.engine.export import litert_probabilities
from workbench.training.engine.train import Artefacts
from workbench.training.reporter import Reporter, RunPaths, TrialRecord
from workbench.training.search.local_executor import LocalExecutor, train_function
from workbench.training.search.search import search
from workbench.training.search.trial import TrialReporter, TrialResult, TrialTask
from workbench.training.spec import TrainingSpec

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tiny_nets")]
NO_LIMIT = 0


@dataclass
class Clock:
    """Every look at it takes a quarter of a second, so that a search is short of time at the same place each time."""

    seconds: float = 0.0

    def __call__(self) -> float:
        self.seconds += 0.25
        return self.seconds


@dataclass
class Listener(Recorder):
    """Keeps what is said of tries, and has a wish once so many of them were judged."""

    enough: int = 10**9
    records: list[TrialRecord] = field(default_factory=list)

    @property
    def judged(self) -> list[int]:
        """Tries in the order in which they were begun."""
        return [record.number for record in self.records if record.status == "running"]

    def trial(self, record: TrialRecord) -> None:
        self.records.append(record)

    def requested_action(self) -> str:
        return self.wish if len(self.judged) >= self.enough else ""


def train(dataset: Dataset, chosen: TrainingSpec, reporter: Reporter, place: RunPaths) -> Artefacts:
    return train_function(chosen.recipe)(dataset, chosen, reporter, place)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, tiny_nets: None) -> Path:
    """Weights, and what runs keep for one another."""
    folder = tmp_path_factory.mktemp("shared")
    write_weights(folder / "weights")
    return folder


@pytest.fixture
def place(tmp_path: Path, shared: Path) -> RunPaths:
    return RunPaths(tmp_path / "model", tmp_path / "checkpoints", shared / "features", shared / "weights")


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return bars(tmp_path / "data", pictures=24)


def spec(minutes: float) -> TrainingSpec:
    return TrainingSpec.of("best", architecture=SMALL, max_minutes=minutes, seed=5)


def answers_for_the_validation_split(artefacts: Artefacts, dataset: Dataset) -> None:
    validation = dataset.indices("validation")
    assert [prediction.image_id for prediction in artefacts.predictions] == dataset.image_ids[
        validation
    ].tolist()
    reported = np.array([prediction.scores for prediction in artefacts.predictions])
    light = litert_probabilities(artefacts.folder / "model.tflite", dataset.pixels, validation)
    assert light == pytest.approx(reported, abs=1e-3)
    assert artefacts.metrics["pictures"] == len(validation)


def test_a_search_that_is_paused_goes_on_where_it_was(dataset: Dataset, place: RunPaths) -> None:
    before, after = (Listener(enough=2, wish="pause") for _ in range(2))
    for listener in (before, after):
        with pytest.raises(Paused):
            train(dataset, spec(NO_LIMIT), listener, place)
    assert before.judged == [1, 2]
    assert after.judged == [2, 3]
    first = [record for record in before.records if record.metrics][-1]
    assert [record for record in after.records if record.number == 1][-1] == first


def test_a_search_ends_with_the_best_try_trained_on_the_whole_training_side(
    tmp_path: Path, dataset: Dataset
) -> None:
    nothing = RunPaths(*(tmp_path / name for name in ("model", "checkpoints", "features", "weights")))
    listener = Listener()
    artefacts = search(dataset, spec(0.7), listener, nothing, LocalExecutor(Clock()))
    assert {record.spec["recipe"] for record in listener.records if record.status == "waiting"} == {"scratch"}
    assert sum(trial.metrics.get("chosen", False) for trial in artefacts.trials) == 1
    assert {trial.status for trial in artefacts.trials} <= {"finished", "dropped"}
    assert {record.number: record for record in listener.records} == {
        trial.number: trial for trial in artefacts.trials
    }
    assert tuple(listener.epochs) == artefacts.history
    assert not artefacts.stopped
    answers_for_the_validation_split(artefacts, dataset)


def test_a_search_that_is_stopped_leaves_its_best_finished_try(dataset: Dataset, place: RunPaths) -> None:
    artefacts = train(dataset, spec(NO_LIMIT), Listener(enough=2), place)
    assert artefacts.stopped
    assert [trial.number for trial in artefacts.trials if trial.metrics.get("chosen")] == [1]
    assert {trial.status for trial in artefacts.trials} == {"finished", "dropped"}
    answers_for_the_validation_split(artefacts, dataset)


def test_a_search_that_is_stopped_before_a_try_is_over_leaves_nothing(
    dataset: Dataset, place: RunPaths
) -> None:
    with pytest.raises(StoppedEarly):
        train(dataset, spec(NO_LIMIT), Listener(enough=1), place)


def test_without_time_for_a_search_the_quickest_candidate_is_the_model(
    dataset: Dataset, place: RunPaths
) -> None:
    listener = Listener()
    artefacts = search(dataset, spec(0.1), listener, place, LocalExecutor(Clock()))
    assert listener.judged == []
    assert [trial.name for trial in artefacts.trials if trial.metrics.get("chosen")] == ["Instant"]
    answers_for_the_validation_split(artefacts, dataset)


class Impatient(LocalExecutor):
    """Two hands that carry only Instant tries out; after the first fold only the first of them."""

    count = 2

    def run_trials(
        self, tries: Iterator[TrialTask], listen: Callable[[], TrialReporter], time_is_up: Callable[[], bool]
    ) -> Iterator[tuple[TrialTask, TrialResult]]:
        done = 0
        for trial in tries:
            first = trial.dataset.content_hash.endswith("fold 1")
            if trial.spec.recipe == "instant" and (first or not done):
                done += 1
                yield from super().run_trials(iter([trial]), listen, time_is_up)
            else:
                yield trial, None


def test_tries_that_are_given_up_are_not_compared(dataset: Dataset, place: RunPaths) -> None:
    artefacts = search(dataset, spec(NO_LIMIT), Listener(), place, Impatient())
    folds = {trial.number: trial.metrics.get("folds", 0) for trial in artefacts.trials}
    instant = [trial.number for trial in artefacts.trials if trial.spec.get("recipe") == "instant"]
    assert sorted(folds[number] for number in instant)[-2:] == [1, 2]
    assert all(trial.status == "dropped" for trial in artefacts.trials if not trial.metrics)
    assert {trial.status for trial in artefacts.trials} == {"finished", "dropped"}
    answers_for_the_validation_split(artefacts, dataset)


def test_the_mean_of_two_nets_is_one_model(tmp_path: Path, dataset: Dataset, place: RunPaths) -> None:
    members = []
    for seed in (1, 2):
        own = RunPaths(tmp_path / f"m{seed}", tmp_path / f"c{seed}", place.features, place.weights)
        chosen = TrainingSpec.of("instant", architecture=SMALL, epochs=2, variants=0, seed=seed, batch_size=8)
        members.append(train(dataset, chosen, Recorder(), own))
    artefacts = export_mean(members, dataset, place.model)
    both = np.array([[row.scores for row in member.predictions] for member in members])
    assert np.array([row.scores for row in artefacts.predictions]) == pytest.approx(
        both.mean(axis=0), abs=1e-6
    )
    for member in members:
        shutil.rmtree(member.folder)
    answers_for_the_validation_split(artefacts, dataset)
    kept = keras.saving.load_model(artefacts.folder / "model.keras")
    assert kept.predict_on_batch(dataset.pixels[:2]).sum(axis=1) == pytest.approx([1, 1], abs=1e-5)
