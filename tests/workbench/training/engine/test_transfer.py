"""Runs that start from pretrained weights, here those of a tiny net that has learnt nothing, and once of a real one."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.sentences import raises_sentence
from tests.workbench import tiny_net
from tests.workbench.tiny_weights import SMALL, write_weights
from tests.workbench.training.engine.test_train import Recorder
from tests.workbench.training_data import bars
from workbench.backbones.definitions import BACKBONES
from workbench.backbones.weights import damaged_message, wrong_weights_message
from workbench.core.errors import Paused, StoppedEarly, TrainingFailed
from workbench.imaging.augmentation import Augmentation
from workbench.training.dataset import Dataset
from workbench.training.engine.ensemble import penultimate_model
from workbench.training.engine.export import litert_probabilities
from workbench.training.engine.train import Artefacts, train
from workbench.training.reporter import RunPaths
from workbench.training.spec import TrainingSpec

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tiny_nets")]
NET = BACKBONES[SMALL]
UNMIRRORED = Augmentation.from_dict({"flip": {"enabled": False}}).to_dict()


@dataclass
class Counting(Recorder):
    """A recorder that keeps what was counted as well, and asks for a stop once so much of it is done."""

    counts: list[tuple[int, int]] = field(default_factory=list)
    enough: int = 10**9

    def counted(self, done: int, total: int) -> None:
        self.counts.append((done, total))

    def requested_action(self) -> str:
        return "stop" if self.counts and self.counts[-1][0] >= self.enough else ""


@dataclass(frozen=True)
class Ran:
    """A run that is over, on eight pictures with four more to judge it by."""

    dataset: Dataset
    place: RunPaths
    recorder: Counting
    artefacts: Artefacts

    def elsewhere(self, folder: Path, features: Path | None = None) -> RunPaths:
        """A place for another run that finds what this one kept."""
        return RunPaths(folder / "model", folder / "ck", features or self.place.features, self.place.weights)

    def model(self, artefacts: Artefacts | None = None) -> keras.Model:
        """The trained net itself, without what mirrors its pictures."""
        model = keras.saving.load_model((artefacts or self.artefacts).folder / "model.keras")
        return next((layer for layer in model.layers if isinstance(layer, keras.Model)), model)

    def moved(self, artefacts: Artefacts | None = None) -> set[str]:
        """Names of the layers whose weights are not those of the file any more."""
        file = str(self.place.weights / NET.weights_file)
        net = tiny_net.backbone((224, 224, 3), include_top=False, weights=file)
        model = self.model(artefacts)
        pairs = {layer.name: (layer, model.get_layer(layer.name)) for layer in net.layers if layer.weights}
        return {
            name
            for name, (before, after) in pairs.items()
            if not all(map(np.array_equal, before.get_weights(), after.get_weights()))
        }


def spec(recipe: str, **values: object) -> TrainingSpec:
    chosen = {"recipe": recipe, "architecture": SMALL, "epochs": 4, "batch_size": 4, "variants": 1, "seed": 5}
    chosen["members"] = 1
    return TrainingSpec.from_dict(chosen | values)


def ran(folder: Path, weights: Path, chosen: TrainingSpec) -> Ran:
    dataset = bars(folder / "data", pictures=12)
    place = RunPaths(folder / "model", folder / "checkpoints", folder / "features", weights.parent)
    recorder = Counting()
    return Ran(dataset, place, recorder, train(dataset, chosen, recorder, place))


def answers_are_as_reported(artefacts: Artefacts, dataset: Dataset) -> None:
    validation = dataset.indices("validation")
    reported = np.array([prediction.scores for prediction in artefacts.predictions])
    model = keras.saving.load_model(artefacts.folder / "model.keras")
    assert model.predict_on_batch(dataset.pixels[validation]) == pytest.approx(reported, abs=1e-3)
    light = litert_probabilities(artefacts.folder / "model.tflite", dataset.pixels, validation)
    assert light == pytest.approx(reported, abs=1e-3)
    assert artefacts.agreement < 1e-3


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory, tiny_nets: None) -> Path:
    return write_weights(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def instant(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Ran:
    return ran(tmp_path_factory.mktemp("instant"), weights, spec("instant"))


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Ran:
    return ran(tmp_path_factory.mktemp("tuned"), weights, spec("fine_tune", augmentation=UNMIRRORED))


def test_instant_counts_the_views_whose_features_it_computes(instant: Ran) -> None:
    assert instant.recorder.phases == ["preparing", "features", "training", "evaluating", "exporting"]
    # eight pictures in three views each, four more in two
    assert instant.recorder.counts[0] == (0, 32)
    assert instant.recorder.counts[-1] == (32, 32)
    assert instant.recorder.counts == sorted(instant.recorder.counts)


def test_a_head_learns_and_the_net_below_it_stays_as_it_was(instant: Ran) -> None:
    history = instant.artefacts.history
    assert len(history) == 4
    assert history[-1].loss < history[0].loss
    assert instant.moved() == set()


@pytest.mark.parametrize("recipe", ["instant", "tuned"])
def test_the_exported_files_answer_as_reported(recipe: str, request: pytest.FixtureRequest) -> None:
    done: Ran = request.getfixturevalue(recipe)
    answers_are_as_reported(done.artefacts, done.dataset)


def test_the_manifest_can_say_which_weights_it_started_from(instant: Ran, weights: Path) -> None:
    assert instant.artefacts.weights == {
        "backbone": SMALL,
        "file": NET.weights_file,
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "licence": NET.licence,
    }


def test_with_other_settings_nothing_is_computed_or_exported_again(instant: Ran, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in instant.place.features.rglob("*") if path.is_file()}
    recorder, other = Counting(), spec("instant", epochs=6, dropout=0.1, learning_rate=0.01)
    again = train(instant.dataset, other, recorder, instant.elsewhere(tmp_path))
    assert {done for done, _ in recorder.counts} == {24, 32}
    assert {path: path.read_bytes() for path in instant.place.features.rglob("*") if path.is_file()} == before
    assert again.predictions != instant.artefacts.predictions
    answers_are_as_reported(again, instant.dataset)


def test_with_the_same_settings_the_answers_are_the_same(instant: Ran, tmp_path: Path) -> None:
    again = train(instant.dataset, spec("instant"), Counting(), instant.elsewhere(tmp_path))
    assert again.predictions == instant.artefacts.predictions


@pytest.mark.parametrize("file", ["model.tflite", "model.keras"])
def test_a_damaged_export_is_made_again(instant: Ran, tmp_path: Path, file: str) -> None:
    kept = tmp_path / "features"
    shutil.copytree(instant.place.features, kept)
    os.truncate(next(kept.rglob(file)), 1000)
    again = train(instant.dataset, spec("instant"), Counting(), instant.elsewhere(tmp_path, kept))
    answers_are_as_reported(again, instant.dataset)


def test_a_head_keeps_rows_apart_or_not(instant: Ran, tmp_path: Path) -> None:
    average = spec("instant", epochs=1, head="average", augmentation=UNMIRRORED)
    other = train(instant.dataset, average, Counting(), instant.elsewhere(tmp_path))
    assert instant.model().get_layer("probabilities").get_weights()[0].shape == (3 * 576, 2)
    assert instant.model(other).get_layer("probabilities").get_weights()[0].shape == (576, 2)
    answers_are_as_reported(other, instant.dataset)


def test_a_stop_while_features_are_computed_keeps_those_that_are_done(instant: Ran, tmp_path: Path) -> None:
    place = instant.elsewhere(tmp_path, tmp_path / "features")
    with pytest.raises(StoppedEarly):
        train(instant.dataset, spec("instant"), Counting(enough=24), place)
    again = Counting(enough=32)
    with pytest.raises(StoppedEarly):
        train(instant.dataset, spec("instant"), again, place)
    assert again.counts[0] == (24, 32)


def test_the_layers_above_the_cut_learn_and_no_statistics_change(tuned: Ran) -> None:
    order = [layer.name for layer in tuned.model().layers]
    moved = tuned.moved()
    assert len(tuned.artefacts.history) == 4
    assert moved
    assert min(order.index(name) for name in moved) > order.index(NET.cut("top"))
    assert not [name for name in moved if name.endswith("bn")]


def test_kept_activations_are_of_half_precision(tuned: Ran) -> None:
    sizes = {path.stat().st_size for path in tuned.place.features.rglob("*.feature")}
    assert sizes == {14 * 14 * 48 * 2 + 4}


def test_deeper_fine_tuning_changes_more(tuned: Ran, tmp_path: Path) -> None:
    deep = spec("fine_tune", depth="deep", epochs=1, augmentation=UNMIRRORED)
    deeper = train(tuned.dataset, deep, Counting(), tuned.elsewhere(tmp_path))
    assert tuned.moved() < tuned.moved(deeper)


def test_fine_tuning_that_was_paused_in_both_stages_equals_one_that_was_not(
    tuned: Ran, tmp_path: Path
) -> None:
    place, chosen = tuned.elsewhere(tmp_path), spec("fine_tune", augmentation=UNMIRRORED)
    with pytest.raises(Paused):  # in the first epoch after the head's one
        train(tuned.dataset, chosen, Recorder(3, "pause"), place)
    with pytest.raises(Paused):
        train(tuned.dataset, chosen, Recorder(3, "pause"), place)
    resumed = Recorder()
    artefacts = train(tuned.dataset, chosen, resumed, place)
    assert resumed.steps[0].epoch == 3
    weights = zip(tuned.model().get_weights(), tuned.model(artefacts).get_weights(), strict=True)
    assert all(np.array_equal(before, after) for before, after in weights)
    assert artefacts.predictions == tuned.artefacts.predictions


@pytest.fixture(scope="module")
def pair(tuned: Ran, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    place, recorder = tuned.elsewhere(tmp_path_factory.mktemp("pair")), Counting()
    artefacts = train(tuned.dataset, spec("fine_tune", members=2), recorder, place)
    return Ran(tuned.dataset, place, recorder, artefacts)


def test_the_mean_of_two_nets_side_by_side_is_exported(pair: Ran) -> None:
    answers_are_as_reported(pair.artefacts, pair.dataset)
    inner = pair.model()
    nets = [layer for layer in inner.layers if isinstance(layer, keras.Model)]
    assert len(nets) == 2
    first, second = (net.get_layer("probabilities").get_weights()[0] for net in nets)
    assert np.abs(first - second).max() > 0.01
    through = keras.Model(inner.inputs, inner.get_layer("shared").output)
    shared = through.predict_on_batch(pair.dataset.pixels[:2])
    apart = [net.predict_on_batch(shared) for net in nets]
    assert inner.predict_on_batch(pair.dataset.pixels[:2]) == pytest.approx(np.mean(apart, axis=0), abs=1e-5)


def test_statistics_of_nets_side_by_side_stay(pair: Ran) -> None:
    file = str(pair.place.weights / NET.weights_file)
    before = tiny_net.backbone((224, 224, 3), include_top=False, weights=file)
    for net in (layer for layer in pair.model().layers if isinstance(layer, keras.Model)):
        normal = [layer for layer in net.layers if isinstance(layer, keras.layers.BatchNormalization)]
        assert normal
        for layer in normal:
            assert np.array_equal(layer.moving_mean, before.get_layer(layer.name).moving_mean)


def test_nets_side_by_side_that_were_paused_equal_those_that_were_not(pair: Ran, tmp_path: Path) -> None:
    place, chosen = pair.elsewhere(tmp_path), spec("fine_tune", members=2)
    with pytest.raises(Paused):
        train(pair.dataset, chosen, Recorder(5, "pause"), place)
    assert train(pair.dataset, chosen, Recorder(), place).predictions == pair.artefacts.predictions


def test_a_model_of_several_nets_has_features_below_its_last_layer(pair: Ran) -> None:
    net = penultimate_model(keras.saving.load_model(pair.artefacts.folder / "model.keras"))
    assert net.predict_on_batch(pair.dataset.pixels[:3]).shape == (3, 3 * 576)


def test_a_paused_run_that_is_stopped_while_features_are_read_keeps_its_best_epoch(
    instant: Ran, tmp_path: Path
) -> None:
    place = instant.elsewhere(tmp_path)
    with pytest.raises(Paused):
        train(instant.dataset, spec("instant"), Recorder(3, "pause"), place)
    stopped = train(instant.dataset, spec("instant"), Counting(enough=1), place)
    assert stopped.stopped
    assert len(stopped.history) == 1


def test_weights_of_another_net_are_refused(instant: Ran, tmp_path: Path) -> None:
    large = BACKBONES["mobilenet_v3_large"]
    (tmp_path / "wrong").mkdir()
    file = shutil.copy(instant.place.weights / NET.weights_file, tmp_path / "wrong" / large.weights_file)
    place = RunPaths(tmp_path / "model", tmp_path / "ck", tmp_path / "features", tmp_path / "wrong")
    with raises_sentence(TrainingFailed, wrong_weights_message(Path(file), large)):
        train(instant.dataset, spec("instant", architecture=large.name), Counting(), place)


def test_weights_cut_short_are_refused(instant: Ran, tmp_path: Path) -> None:
    shutil.copytree(instant.place.weights, tmp_path / "cut")
    os.truncate(tmp_path / "cut" / NET.weights_file, 500_000)
    place = RunPaths(tmp_path / "model", tmp_path / "ck", tmp_path / "features", tmp_path / "cut")
    with raises_sentence(TrainingFailed, damaged_message(tmp_path / "cut" / NET.weights_file)):
        train(instant.dataset, spec("instant"), Counting(), place)
