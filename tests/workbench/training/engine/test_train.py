import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.sentences import raises_sentence
from tests.workbench.training_data import bars
from workbench.core.errors import InvalidSpec, StoppedEarly, TrainingFailed
from workbench.imaging.augmentation import Augmentation, augment
from workbench.training.engine.export import agreement, litert_probabilities
from workbench.training.engine.input_pipeline import InputPipeline
from workbench.training.engine.train import DIVERGED, LOSS_NOT_FINITE, NO_PICTURE, ONE_CLASS, train
from workbench.training.reporter import EpochRecord, Progress, RunPaths, TrialRecord
from workbench.training.spec import TrainingSpec

pytestmark = pytest.mark.slow


@dataclass
class Recorder:
    """Keeps what a run says, and asks for a stop, or something else, after a number of steps."""

    stop_after: int = 10**9
    wish: str = "stop"
    phases: list[str] = field(default_factory=list)
    steps: list[Progress] = field(default_factory=list)
    epochs: list[EpochRecord] = field(default_factory=list)

    def phase(self, name: str) -> None:
        self.phases.append(name)

    def step(self, progress: Progress) -> None:
        self.steps.append(progress)

    def epoch(self, record: EpochRecord) -> None:
        self.epochs.append(record)

    def counted(self, done: int, total: int) -> None: ...

    def trial(self, record: TrialRecord) -> None: ...

    def requested_action(self) -> str:
        return self.wish if len(self.steps) >= self.stop_after else ""


def workplace(folder: Path, name: str = "model") -> RunPaths:
    return RunPaths(folder / name, folder / f"checkpoints-{name}", folder / "features", folder / "weights")


def spec(**values: object) -> TrainingSpec:
    return TrainingSpec.from_dict({"epochs": 3, "batch_size": 4, "seed": 5} | values)


@pytest.mark.parametrize("architecture", ["compact", "classic"])
def test_a_run_leaves_a_model_that_answers_as_reported(tmp_path: Path, architecture: str) -> None:
    dataset, recorder = bars(tmp_path / "data"), Recorder()
    artefacts = train(dataset, spec(architecture=architecture), recorder, workplace(tmp_path))
    assert recorder.phases == ["preparing", "training", "evaluating", "exporting"]
    assert tuple(recorder.epochs) == artefacts.history
    assert [(p.epoch, p.step) for p in recorder.steps] == [(e, s) for e in (1, 2, 3) for s in (1, 2, 3, 4)]
    assert recorder.steps[-1].eta_seconds == 0
    assert recorder.steps[-1].pictures_per_second > 0
    assert not artefacts.stopped
    assert 0 <= artefacts.agreement < 1e-3
    validation = dataset.indices("validation")
    assert [p.image_id for p in artefacts.predictions] == dataset.image_ids[validation].tolist()
    reported = np.array([p.scores for p in artefacts.predictions])
    reloaded = keras.saving.load_model(artefacts.folder / "model.keras")
    assert reloaded.predict_on_batch(dataset.pixels[validation]) == pytest.approx(reported, abs=1e-3)
    light = litert_probabilities(artefacts.folder / "model.tflite", dataset.pixels, validation)
    assert light == pytest.approx(reported, abs=1e-3)
    assert artefacts.metrics["pictures"] == len(validation)
    assert set(artefacts.libraries) == {"tensorflow", "keras", "numpy", "ai-edge-litert"}
    assert json.dumps([artefacts.metrics, [asdict(record) for record in artefacts.history]])


@pytest.mark.usefixtures("tiny_net")
def test_the_kept_epoch_is_the_best_one(tmp_path: Path) -> None:
    artefacts = train(
        bars(tmp_path / "data"), spec(epochs=6, monitor="val_loss"), Recorder(), workplace(tmp_path)
    )
    losses = [record.val_loss for record in artefacts.history]
    assert artefacts.best_epoch == 1 + int(np.argmin(losses))
    best = artefacts.history[artefacts.best_epoch - 1]
    assert artefacts.metrics["accuracy"] == pytest.approx(best.val_accuracy)
    assert artefacts.metrics["macro_f1"] == pytest.approx(best.val_macro_f1)


@pytest.mark.usefixtures("tiny_net")
def test_monitor_decides_what_best_means(tmp_path: Path) -> None:
    chosen = spec(epochs=5, monitor="val_macro_f1")
    artefacts = train(bars(tmp_path / "data"), chosen, Recorder(), workplace(tmp_path))
    score, scores = 0.0, []
    for record in artefacts.history:
        score += 0.1 * (record.val_macro_f1 - score)
        scores.append(score)
    figures = [record.val_macro_f1 for record in artefacts.history]
    kept = int(np.argmax(scores))
    while kept and figures[kept - 1] == figures[kept]:
        kept -= 1  # of equals in a row the first is the best
    assert artefacts.best_epoch == 1 + kept


@pytest.mark.usefixtures("tiny_net")
def test_same_seed_same_run(tmp_path: Path) -> None:
    dataset = bars(tmp_path / "data")
    runs = [train(dataset, spec(epochs=2), Recorder(), workplace(tmp_path, name)).history for name in "ab"]
    assert [r.loss for r in runs[0]] == pytest.approx([r.loss for r in runs[1]], rel=1e-3)
    other = train(dataset, spec(epochs=2, seed=6), Recorder(), workplace(tmp_path, "c")).history
    assert other[0].loss != pytest.approx(runs[0][0].loss, rel=1e-3)


@pytest.mark.usefixtures("tiny_net")
def test_a_stop_in_mid_epoch_ends_with_the_best_epoch_so_far(tmp_path: Path) -> None:
    recorder = Recorder(stop_after=10)
    artefacts = train(bars(tmp_path / "data"), spec(epochs=50), recorder, workplace(tmp_path))
    assert artefacts.stopped
    assert len(recorder.steps) == 10
    assert len(artefacts.history) == 2
    assert artefacts.best_epoch in {1, 2}
    assert (tmp_path / "model" / "model.tflite").stat().st_size > 1_000
    best = artefacts.history[artefacts.best_epoch - 1]
    assert artefacts.metrics["macro_f1"] == pytest.approx(best.val_macro_f1)


@pytest.mark.usefixtures("tiny_net")
def test_a_stop_before_the_first_epoch_is_over_leaves_no_model(tmp_path: Path) -> None:
    with pytest.raises(
        StoppedEarly,
    ):
        train(bars(tmp_path / "data"), spec(), Recorder(stop_after=2), workplace(tmp_path))
    assert not (tmp_path / "model").exists()


@pytest.mark.usefixtures("tiny_net")
def test_a_stop_at_the_last_step_of_the_first_epoch_still_leaves_a_model(tmp_path: Path) -> None:
    artefacts = train(bars(tmp_path / "data"), spec(), Recorder(stop_after=4), workplace(tmp_path))
    assert artefacts.stopped
    assert artefacts.best_epoch == 1


@pytest.mark.usefixtures("tiny_net")
def test_time_that_is_up_ends_with_the_best_epoch(tmp_path: Path) -> None:
    artefacts = train(
        bars(tmp_path / "data"), spec(epochs=500, max_minutes=1e-4), Recorder(), workplace(tmp_path)
    )
    assert not artefacts.stopped
    assert len(artefacts.history) == 1


@pytest.mark.usefixtures("tiny_net")
def test_patience_ends_a_run_that_gets_no_better(tmp_path: Path) -> None:
    chosen = spec(epochs=40, patience=1, plateau_patience=1, learning_rate=0.1, monitor="val_loss")
    artefacts = train(bars(tmp_path / "data"), chosen, Recorder(), workplace(tmp_path))
    assert len(artefacts.history) < 40
    assert artefacts.best_epoch < len(artefacts.history)


@pytest.mark.usefixtures("tiny_net")
def test_one_class_or_an_empty_split_is_refused(tmp_path: Path) -> None:
    with raises_sentence(TrainingFailed, ONE_CLASS):
        train(bars(tmp_path / "one", pictures=6, classes=("low",)), spec(), Recorder(), workplace(tmp_path))
    with raises_sentence(TrainingFailed, NO_PICTURE.format(split="train")):
        train(bars(tmp_path / "none", pictures=1), spec(), Recorder(), workplace(tmp_path))


@pytest.mark.usefixtures("tiny_net")
def test_weights_by_hand_must_name_every_class(tmp_path: Path) -> None:
    with pytest.raises(InvalidSpec, match='"high"'):
        train(bars(tmp_path / "data"), spec(class_weights={"low": 2.0}), Recorder(), workplace(tmp_path))


@pytest.mark.usefixtures("tiny_net")
def test_a_model_that_disagrees_is_refused(tmp_path: Path) -> None:
    dataset = bars(tmp_path / "data")
    artefacts = train(dataset, spec(epochs=1), Recorder(), workplace(tmp_path))
    shifted = np.array([p.scores for p in artefacts.predictions]) + 0.01
    with pytest.raises(TrainingFailed, match=r"\b0\.01"):
        agreement(dataset, shifted, artefacts.folder / "model.tflite")


def absurd(learning_rate: float, **values: object) -> TrainingSpec:
    """A spec beyond its limits: within them no net was found whose loss is no number."""
    chosen = spec(**{"epochs": 300, "patience": 300, "plateau_patience": 300, "monitor": "val_loss"} | values)
    object.__setattr__(chosen, "learning_rate", learning_rate)
    return chosen


def test_a_loss_that_is_no_number_any_more_ends_the_run_and_the_best_epoch_is_kept(tmp_path: Path) -> None:
    recorder = Recorder()
    artefacts = train(bars(tmp_path / "data"), absurd(20, batch_size=16), recorder, workplace(tmp_path))
    assert artefacts.stopped
    assert DIVERGED in artefacts.note
    assert 1 <= artefacts.best_epoch <= len(artefacts.history) < 300
    assert tuple(recorder.epochs) == artefacts.history
    assert np.isfinite([record.val_loss for record in artefacts.history]).all()
    assert np.isfinite([p.scores for p in artefacts.predictions]).all()
    assert artefacts.agreement < 1e-3
    kept = keras.saving.load_model(artefacts.folder / "model.keras")
    assert all(np.isfinite(weight).all() for weight in kept.get_weights())


def test_a_loss_that_is_no_number_in_the_first_epoch_leaves_no_model(tmp_path: Path) -> None:
    with raises_sentence(TrainingFailed, LOSS_NOT_FINITE):
        train(bars(tmp_path / "data"), absurd(1e30), Recorder(), workplace(tmp_path))
    assert not (tmp_path / "model").exists()


@pytest.mark.usefixtures("tiny_net")
def test_a_learning_rate_may_be_a_whole_number(tmp_path: Path) -> None:
    artefacts = train(
        bars(tmp_path / "data"), spec(epochs=1, learning_rate=1), Recorder(), workplace(tmp_path)
    )
    assert artefacts.history[0].learning_rate == 1


def test_epoch_k_shows_the_net_variant_k_of_the_preview(tmp_path: Path) -> None:
    dataset, chosen = bars(tmp_path / "data"), spec(batch_size=256)
    feed = InputPipeline(dataset, chosen, np.ones(2, np.float32))
    for epoch, (pictures, _, _) in enumerate(feed.batches().take(2).as_numpy_iterator(), start=1):
        fed = sorted(picture.tobytes() for picture in pictures)
        previewed = [
            augment(dataset.pixels[i], Augmentation(), (5, epoch, int(dataset.image_ids[i])))
            for i in dataset.indices("train")
        ]
        assert fed == sorted(picture.tobytes() for picture in previewed)


def test_batches_hold_every_training_picture_once_and_are_of_nearly_one_size(tmp_path: Path) -> None:
    dataset = bars(tmp_path / "data", pictures=27)
    feed = InputPipeline(dataset, spec(batch_size=16), np.array([1.0, 3.0], np.float32))
    assert feed.steps == 2
    batches = list(feed.batches().take(4).as_numpy_iterator())
    assert [len(labels) for _, labels, _ in batches] == [9, 9, 9, 9]
    for _, shares, weights in batches:
        assert shares.sum(axis=1).tolist() == [1.0] * 9
        assert weights.tolist() == [3.0 if share[1] else 1.0 for share in shares]


def test_every_epoch_has_an_order_of_its_own(tmp_path: Path) -> None:
    dataset = bars(tmp_path / "data", pictures=27)
    feed = InputPipeline(
        dataset, spec(batch_size=9, augmentation=Augmentation.off().to_dict()), np.ones(2, np.float32)
    )
    shown = [picture.tobytes() for step in range(4) for picture in feed.batch(step)[0]]
    first, second = shown[:18], shown[18:]
    assert first != second
    assert sorted(first) == sorted(second)
    assert len(set(first)) == 18


def test_balanced_sampling_shows_every_class_as_often_and_all_of_its_pictures(tmp_path: Path) -> None:
    dataset = bars(tmp_path / "data", pictures=60, classes=("low", "low again", "high"))
    chosen = spec(batch_size=64, sampling="balanced", augmentation=Augmentation.off().to_dict())
    scarce = replace(dataset, labels=np.where(dataset.image_ids % 9 == 0, 0, 1 + dataset.image_ids % 2))
    shown, shares, weights = InputPipeline(scarce, chosen, np.array([4.0, 1.0, 1.0], np.float32)).batch(0)
    counts = shares.sum(axis=0)
    assert counts.max() - counts.min() <= 1
    assert weights.tolist() == [1.0] * len(shown)
    own = {dataset.pixels[i].tobytes() for i in scarce.indices("train") if scarce.labels[i] == 0}
    assert {picture.tobytes() for picture, share in zip(shown, shares, strict=True) if share[0]} == own
