"""Activations that are computed once: read again without computing, and computed again where a file is damaged."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from tests.audit_events import before
from tests.workbench.training_data import bars
from workbench.core.errors import StoppedEarly
from workbench.imaging.augmentation import Augmentation, augment
from workbench.training.dataset import Dataset
from workbench.training.engine.feature_cache import (
    MIRRORED,
    FeatureCache,
    FeatureRequest,
    FrozenBackbone,
    Views,
    load_or_compute_features,
    prune,
)

VIEWS = Views((0, MIRRORED, 1, 2), Augmentation(), 7)


@dataclass
class Means:
    """A trunk that gives the mean colour of a picture's upper and lower half, and counts its pictures."""

    name: str = "means"
    dtype: str = "float32"
    pictures: list[np.ndarray] = field(default_factory=list)

    @property
    def trunk(self) -> FrozenBackbone:
        return FrozenBackbone(self.name, (2, 3), self.dtype, self.run)

    def run(self, pictures: np.ndarray) -> np.ndarray:
        self.pictures += list(pictures)
        return means(pictures)


def means(pictures: np.ndarray) -> np.ndarray:
    halves = pictures.reshape(len(pictures), 2, 128 * 256, 3)
    return halves.mean(axis=2, dtype=np.float64).astype(np.float32)


def silent(_done: int, _total: int) -> None: ...


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return bars(tmp_path / "data")


def wanted(dataset: Dataset, views: Views = VIEWS) -> FeatureRequest:
    return FeatureRequest(dataset, dataset.indices("train"), views)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_every_view_of_every_picture_stands_where_it_belongs(tmp_path: Path, dataset: Dataset) -> None:
    features = load_or_compute_features(wanted(dataset), Means().trunk, tmp_path / "features", silent)
    indices = dataset.indices("train")
    assert features.shape == (len(indices), 4, 2, 3)
    for slot, index in enumerate(indices):
        picture, image_id = dataset.pixels[index], int(dataset.image_ids[index])
        variants = [augment(picture, VIEWS.augmentation, (7, number, image_id)) for number in (1, 2)]
        expected = means(np.stack([picture, picture[:, ::-1], *variants]))
        assert np.array_equal(features[slot], expected)


def test_what_is_kept_is_not_computed_again(tmp_path: Path, dataset: Dataset) -> None:
    first, again = Means(), Means()
    computed = load_or_compute_features(wanted(dataset), first.trunk, tmp_path / "features", silent)
    kept = load_or_compute_features(wanted(dataset), again.trunk, tmp_path / "features", silent)
    assert len(first.pictures) == len(wanted(dataset)) == 64
    assert again.pictures == []
    assert np.array_equal(computed, kept)


def test_only_new_variants_are_computed(tmp_path: Path, dataset: Dataset) -> None:
    more = Views((*VIEWS.numbers, 3), VIEWS.augmentation, VIEWS.seed)
    means = Means()
    load_or_compute_features(wanted(dataset), Means().trunk, tmp_path / "features", silent)
    load_or_compute_features(wanted(dataset, more), means.trunk, tmp_path / "features", silent)
    assert len(means.pictures) == len(dataset.indices("train"))


@pytest.mark.parametrize(
    "change",
    [
        lambda: (Means("another net"), VIEWS),
        lambda: (Means(dtype="float16"), VIEWS),
        lambda: (Means(), Views(VIEWS.numbers[2:], VIEWS.augmentation, 8)),
        lambda: (Means(), Views(VIEWS.numbers[2:], Augmentation.off(), 7)),
    ],
    ids=["net", "type", "seed", "augmentation"],
)
def test_what_would_differ_is_computed(tmp_path: Path, dataset: Dataset, change: object) -> None:
    load_or_compute_features(wanted(dataset), Means().trunk, tmp_path / "features", silent)
    means, views = change()  # type: ignore[operator]
    load_or_compute_features(wanted(dataset, views), means.trunk, tmp_path / "features", silent)
    assert len(means.pictures) == len(wanted(dataset, views))


def test_a_picture_is_known_by_its_pixels(tmp_path: Path, dataset: Dataset) -> None:
    load_or_compute_features(wanted(dataset), Means().trunk, tmp_path / "features", silent)
    other = bars(tmp_path / "other", pictures=30)
    means = Means()
    plain = Views((0,), Augmentation(), 99)
    load_or_compute_features(wanted(other, plain), means.trunk, tmp_path / "features", silent)
    kept = {dataset.pixels[index].tobytes() for index in dataset.indices("train")}
    new = [index for index in other.indices("train") if other.pixels[index].tobytes() not in kept]
    assert 0 < len(new) < len(other.indices("train"))
    assert len(means.pictures) == len(new)


@pytest.mark.parametrize("harm", ["cut", "changed", "emptied", "lengthened"])
def test_a_damaged_file_is_computed_again(tmp_path: Path, dataset: Dataset, harm: str) -> None:
    folder = tmp_path / "features"
    sound = load_or_compute_features(wanted(dataset), Means().trunk, folder, silent).copy()
    file = files(folder)[3]
    content = file.read_bytes()
    changed = bytes([content[0] ^ 1]) + content[1:]
    file.write_bytes(
        {"cut": content[:-5], "changed": changed, "emptied": b"", "lengthened": content + b"0"}[harm]
    )
    means = Means()
    assert np.array_equal(load_or_compute_features(wanted(dataset), means.trunk, folder, silent), sound)
    assert len(means.pictures) == 1
    assert file.read_bytes() == content


def test_half_precision_takes_half_the_room(tmp_path: Path, dataset: Dataset) -> None:
    features = load_or_compute_features(
        wanted(dataset), Means(dtype="float16").trunk, tmp_path / "features", silent
    )
    assert features.dtype == np.float16
    assert {file.stat().st_size for file in files(tmp_path / "features")} == {2 * 3 * 2 + 4}


def test_it_tells_how_far_it_is_and_can_be_ended(tmp_path: Path, dataset: Dataset) -> None:
    progress: list[tuple[int, int]] = []

    def ends(done: int, total: int) -> None:
        progress.append((done, total))
        if done >= 32:
            raise StoppedEarly

    means = Means()
    with pytest.raises(StoppedEarly):
        load_or_compute_features(wanted(dataset), means.trunk, tmp_path / "features", ends)
    assert progress == [(0, 64), (32, 64)]
    load_or_compute_features(wanted(dataset), means.trunk, tmp_path / "features", silent)
    assert len(means.pictures) == 64  # what was done before the end is not done again


def test_what_was_gathered_outlives_what_is_kept(tmp_path: Path, dataset: Dataset) -> None:
    folder = tmp_path / "features"
    features = load_or_compute_features(wanted(dataset), Means().trunk, folder, silent)
    before = features.copy()
    prune(folder, 0)
    assert files(folder) == []
    assert np.array_equal(features, before)


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path, dataset: Dataset) -> None:
    folder = tmp_path / "features"
    load_or_compute_features(wanted(dataset), Means().trunk, folder, silent)
    cache_files = files(folder)
    for age, file in enumerate(cache_files):
        os.utime(file, (1_000_000 - age, 1_000_000 - age))
    size = cache_files[0].stat().st_size
    prune(folder, 10 * size + 1)
    assert files(folder) == sorted(cache_files[:10])


def test_reading_counts_as_use(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path, Means().trunk)
    for key in ("a" * 64, "b" * 64):
        cache.write(key, bytes(24))
    for file in files(tmp_path):
        os.utime(file, (1, 1))
    assert cache.read("a" * 64) == bytes(24)
    prune(tmp_path, 28)
    assert cache.read("a" * 64) == bytes(24)
    assert cache.read("b" * 64) is None


def test_features_that_are_pruned_while_they_are_read_are_read_all_the_same(
    tmp_path: Path, dataset: Dataset
) -> None:
    folder = tmp_path / "features"
    first = load_or_compute_features(wanted(dataset), Means().trunk, folder, silent)
    with before("os.utime", lambda arguments: Path(arguments[0]).unlink()):
        again = load_or_compute_features(wanted(dataset), Means().trunk, folder, silent)
    assert np.array_equal(first, again)
