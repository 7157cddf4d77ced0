from pathlib import Path

import keras
import numpy as np
import pytest

from storage.records import TEST, Filter
from tests.pictures import picture
from tests.workbench.conftest import Take
from tests.workbench.training.engine.test_train import Recorder, spec, workplace
from tests.workbench.training_data import bars
from workbench.core.errors import Paused
from workbench.services import Services
from workbench.training.dataset import Dataset
from workbench.training.engine.train import Artefacts, train
from workbench.training.spec import TrainingSpec
from workbench.training.worker.export_dataset import export_dataset

pytestmark = pytest.mark.slow
STEPS = 4


def weights(artefacts: Artefacts) -> list[np.ndarray]:
    return keras.saving.load_model(artefacts.folder / "model.keras").get_weights()


def whole(dataset: Dataset, chosen: TrainingSpec, folder: Path) -> Artefacts:
    return train(dataset, chosen, Recorder(), workplace(folder, "whole"))


def paused(dataset: Dataset, chosen: TrainingSpec, folder: Path, after: int) -> None:
    with pytest.raises(Paused):
        train(dataset, chosen, Recorder(after, "pause"), workplace(folder))


def same(first: Artefacts, second: Artefacts) -> bool:
    left, right = weights(first), weights(second)
    figures = [
        [(r.loss, r.val_loss, r.learning_rate) for r in artefacts.history] for artefacts in (first, second)
    ]
    return figures[0] == figures[1] and all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


@pytest.mark.parametrize(
    "values",
    [
        {"architecture": "compact", "plateau_patience": 1, "patience": 30, "monitor": "val_loss"},
        {
            "schedule": "cosine",
            "warmup_epochs": 2,
            "mixup": 0.4,
            "cutmix": 1.0,
            "label_smoothing": 0.1,
            "sampling": "balanced",
            "optimizer": "adamw",
            "loss": "focal",
        },
    ],
)
def test_a_run_that_was_paused_twice_equals_one_that_was_not(
    tmp_path: Path, values: dict[str, object], request: pytest.FixtureRequest
) -> None:
    if "architecture" not in values:
        request.getfixturevalue("tiny_net")
    dataset, chosen = bars(tmp_path / "data"), spec(epochs=5, **values)
    paused(dataset, chosen, tmp_path, after=STEPS + 2)
    paused(dataset, chosen, tmp_path, after=2 * STEPS + 1)
    recorder = Recorder()
    resumed = train(dataset, chosen, recorder, workplace(tmp_path))
    assert [record.epoch for record in recorder.epochs] == [1, 2, 3, 4, 5]
    assert recorder.steps[0].epoch == 4
    assert same(resumed, whole(dataset, chosen, tmp_path))


@pytest.mark.usefixtures("tiny_net")
def test_a_run_that_was_paused_before_its_first_epoch_was_over_begins_again(tmp_path: Path) -> None:
    dataset, chosen = bars(tmp_path / "data"), spec(epochs=2)
    paused(dataset, chosen, tmp_path, after=2)
    assert same(train(dataset, chosen, Recorder(), workplace(tmp_path)), whole(dataset, chosen, tmp_path))


@pytest.mark.usefixtures("tiny_net")
def test_a_damaged_checkpoint_falls_back_to_the_one_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dataset, chosen = bars(tmp_path / "data"), spec(epochs=4)
    paused(dataset, chosen, tmp_path, after=3 * STEPS + 1)
    files = sorted(workplace(tmp_path).checkpoints.iterdir())
    assert [file.name for file in files] == ["epoch-000002.checkpoint", "epoch-000003.checkpoint"]
    data = bytearray(files[-1].read_bytes())
    data[len(data) // 2] ^= 1
    files[-1].write_bytes(data)
    recorder = Recorder()
    resumed = train(dataset, chosen, recorder, workplace(tmp_path))
    damaged = [(record.name, record.levelname, record.args) for record in caplog.records]
    assert ("checkpoints", "WARNING", ("epoch-000003.checkpoint",)) in damaged
    assert recorder.steps[0].epoch == 3
    assert same(resumed, whole(dataset, chosen, tmp_path))


@pytest.mark.usefixtures("tiny_net")
def test_a_run_whose_epochs_are_all_done_is_only_exported(tmp_path: Path) -> None:
    dataset, chosen = bars(tmp_path / "data"), spec(epochs=2)
    first = train(dataset, chosen, Recorder(), workplace(tmp_path))
    kept = weights(first)
    recorder = Recorder()
    again = train(dataset, chosen, recorder, workplace(tmp_path))
    assert recorder.steps == []
    assert all(np.array_equal(a, b) for a, b in zip(kept, weights(again), strict=True))


@pytest.mark.usefixtures("tiny_net")
def test_checkpoints_of_another_spec_are_left_alone(tmp_path: Path) -> None:
    dataset = bars(tmp_path / "data")
    paused(dataset, spec(epochs=3), tmp_path, after=STEPS + 1)
    recorder = Recorder()
    train(dataset, spec(epochs=1, seed=6), recorder, workplace(tmp_path))
    assert recorder.steps[0].epoch == 1


@pytest.mark.usefixtures("tiny_net")
def test_same_seed_same_weights(tmp_path: Path) -> None:
    dataset, chosen = bars(tmp_path / "data"), spec(epochs=2)
    first, second = (train(dataset, chosen, Recorder(), workplace(tmp_path, name)) for name in "ab")
    assert same(first, second)


@pytest.mark.usefixtures("tiny_net")
def test_other_test_pictures_leave_every_weight_and_figure_as_it_is(
    labelled: Services, take: Take, tmp_path: Path
) -> None:
    stores, chosen = labelled.stores, spec(epochs=2)

    def trained_beside(seeds: range) -> Artefacts:
        take({f"{seed}.jpg": picture(seed) for seed in seeds}, label="High")
        newest = stores.pages.all_ids(Filter(sort="oldest"))[-len(seeds) :]
        stores.edits.pin(newest, TEST, "Ann")
        run = stores.runs.get(labelled.training.start(chosen))
        assert labelled.training.report(run.id).test == len(seeds)
        folder = tmp_path / str(run.id)
        snapshot = stores.snapshots.get(run.snapshot_id)
        dataset = export_dataset(stores, snapshot, chosen.fit, folder / "data", lambda done, total: None)
        artefacts = train(dataset, chosen, Recorder(), workplace(folder))
        stores.edits.archive(newest, "Ann")
        return artefacts

    assert same(trained_beside(range(100, 103)), trained_beside(range(200, 207)))
