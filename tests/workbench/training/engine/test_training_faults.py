"""What befalls a run on disk: no room for a checkpoint or for features, damaged files, weights that are none."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import h5py
import pytest

from storage.core.errors import DiskFull
from tests.running import until
from tests.workbench.small_disk import fill
from tests.workbench.tiny_weights import SMALL, write_weights
from tests.workbench.training.engine.test_checkpoints import STEPS, same, whole
from tests.workbench.training.engine.test_train import Recorder, spec, workplace
from tests.workbench.training_data import bars
from workbench.backbones.definitions import BACKBONES
from workbench.backbones.weights import damaged_message, wrong_weights_message
from workbench.core.errors import Paused
from workbench.core.settings import Settings
from workbench.services import Services, build_services
from workbench.training.dataset import Dataset
from workbench.training.engine.train import Artefacts, train
from workbench.training.reporter import EpochRecord, RunPaths
from workbench.training.spec import TrainingSpec

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tiny_nets")]
FOUR = spec(epochs=4)
INSTANT = TrainingSpec.of("instant", architecture=SMALL, epochs=4, batch_size=4, variants=1, seed=5)


@dataclass
class Crowding(Recorder):
    """A recorder on whose disk there is no room any more once an epoch is judged, before it is written down."""

    disk: Path = field(default_factory=Path)
    from_epoch: int = 2

    def epoch(self, record: EpochRecord) -> None:
        super().epoch(record)
        if record.epoch == self.from_epoch:
            fill(self.disk)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def empty(file: Path) -> None:
    file.write_bytes(b"")


def noise(file: Path) -> None:
    file.write_bytes(bytes(range(256)) * 64)


def another_net(file: Path) -> None:
    """A whole file in which there is something else."""
    with h5py.File(file, "w") as store:
        store["values"] = [1.0, 2.0]


def warnings_of(caplog: pytest.LogCaptureFixture, logger: str) -> list[logging.LogRecord]:
    """What a logger warned of."""
    return [record for record in caplog.records if (record.name, record.levelno) == (logger, logging.WARNING)]


@dataclass(frozen=True)
class Uninterrupted:
    """A run of four epochs that nothing befell."""

    dataset: Dataset
    artefacts: Artefacts


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, tiny_nets: None) -> Uninterrupted:
    folder = tmp_path_factory.mktemp("sound")
    dataset = bars(folder / "data")
    return Uninterrupted(dataset, whole(dataset, FOUR, folder))


@pytest.mark.parametrize("disk", [40], indirect=True)
def test_a_disk_that_fills_up_during_a_checkpoint_costs_the_run_nothing(
    disk: Path, tmp_path: Path, sound: Uninterrupted, caplog: pytest.LogCaptureFixture
) -> None:
    place = replace(workplace(tmp_path), checkpoints=disk / "checkpoints")
    artefacts = train(sound.dataset, FOUR, Crowding(disk=disk), place)
    assert {(2,), (4,)} <= {record.args for record in warnings_of(caplog, "checkpoints")}
    assert [path.name for path in place.checkpoints.iterdir()] == ["epoch-000001.checkpoint"]
    assert same(artefacts, sound.artefacts)


@pytest.mark.parametrize("disk", [40], indirect=True)
def test_a_run_goes_on_from_the_last_checkpoint_that_found_room(
    disk: Path, tmp_path: Path, sound: Uninterrupted
) -> None:
    place = replace(workplace(tmp_path), checkpoints=disk / "checkpoints")
    with pytest.raises(Paused):
        train(sound.dataset, FOUR, Crowding(3 * STEPS + 1, "pause", disk=disk, from_epoch=3), place)
    (disk / "filler").unlink()
    recorder = Recorder()
    resumed = train(sound.dataset, FOUR, recorder, place)
    assert recorder.steps[0].epoch == 3
    assert same(resumed, sound.artefacts)


@pytest.fixture(scope="module")
def paused(tmp_path_factory: pytest.TempPathFactory, sound: Uninterrupted) -> Path:
    """The checkpoints of a run that was paused in its third epoch."""
    place = workplace(tmp_path_factory.mktemp("paused"))
    with pytest.raises(Paused):
        train(sound.dataset, FOUR, Recorder(2 * STEPS + 1, "pause"), place)
    return place.checkpoints


@pytest.mark.parametrize("harm", [cut, flip, empty, noise])
def test_a_run_whose_checkpoints_are_all_damaged_begins_again(
    tmp_path: Path,
    sound: Uninterrupted,
    paused: Path,
    caplog: pytest.LogCaptureFixture,
    harm: Callable[[Path], None],
) -> None:
    place = workplace(tmp_path)
    shutil.copytree(paused, place.checkpoints)
    for file in place.checkpoints.iterdir():
        harm(file)
    recorder = Recorder()
    resumed = train(sound.dataset, FOUR, recorder, place)
    damaged = {("epoch-000001.checkpoint",), ("epoch-000002.checkpoint",)}
    assert damaged <= {record.args for record in warnings_of(caplog, "checkpoints")}
    assert recorder.steps[0].epoch == 1
    assert same(resumed, sound.artefacts)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_weights(tmp_path_factory.mktemp("weights"))


@dataclass(frozen=True)
class Kept:
    """A run on kept features, and where they lie."""

    place: RunPaths
    dataset: Dataset
    artefacts: Artefacts


@pytest.fixture(scope="module")
def instant(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Kept:
    folder = tmp_path_factory.mktemp("instant")
    place, dataset = replace(workplace(folder), weights=weights.parent), bars(folder / "data", pictures=12)
    return Kept(place, dataset, train(dataset, INSTANT, Recorder(), place))


@pytest.mark.parametrize("harm", [cut, flip, empty])
def test_damaged_features_are_computed_again_and_change_no_answer(
    tmp_path: Path, instant: Kept, caplog: pytest.LogCaptureFixture, harm: Callable[[Path], None]
) -> None:
    files = list(instant.place.features.rglob("*.feature"))
    before = {file: file.read_bytes() for file in files}
    for file in files:
        harm(file)
    place = replace(instant.place, model=tmp_path / "model", checkpoints=tmp_path / "checkpoints")
    after = train(instant.dataset, INSTANT, Recorder(), place)
    assert (files[0].name,) in [record.args for record in warnings_of(caplog, "features")]
    assert after.predictions == instant.artefacts.predictions
    assert {file: file.read_bytes() for file in files} == before


def test_features_that_find_no_room_end_the_run_with_the_sentence(
    disk: Path, tmp_path: Path, weights: Path
) -> None:
    place = replace(workplace(tmp_path), weights=weights.parent, features=disk / "features")
    with pytest.raises(DiskFull):
        train(bars(tmp_path / "data", 12), INSTANT, Recorder(), place)
    assert not place.model.exists()
    assert [path for path in disk.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("harm", "message"),
    [(cut, damaged_message), (another_net, partial(wrong_weights_message, backbone=BACKBONES[SMALL]))],
)
def test_a_run_whose_weights_are_none_fails_with_the_file_and_the_way_out(
    labelled: Services, weights: Path, harm: Callable[[Path], None], message: Callable[[Path], str]
) -> None:
    file = labelled.stores.root / "weights" / weights.name
    file.parent.mkdir(exist_ok=True)
    shutil.copy(weights, file)
    with closing(labelled):
        run_id = labelled.training.start(INSTANT)
        harm(file)
        labelled.start()
        until(lambda: not labelled.stores.runs.get(run_id).active, "the run to end", 120)
    run = labelled.stores.runs.get(run_id)
    assert (run.status, run.version) == ("failed", None)
    assert run.error == message(file)
    assert "compact" in message(file)


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return build_services(Settings(data=tmp_path / "workbench"))
