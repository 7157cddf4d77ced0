from pathlib import Path

import numpy as np
import pytest

from tests.workbench.training_data import bars
from workbench.core.errors import TrainingFailed
from workbench.training.dataset import Dataset, write_dataset


def test_what_was_written_is_what_is_read(tmp_path: Path) -> None:
    dataset = bars(tmp_path, pictures=9)
    assert dataset.pixels.shape == (9, 256, 256, 3)
    assert dataset.pixels.dtype == np.uint8
    assert isinstance(dataset.pixels, np.memmap)
    assert dataset.labels.tolist() == [0, 1, 0, 1, 0, 1, 0, 1, 0]
    assert dataset.image_ids.tolist() == list(range(100, 109))
    assert dataset.indices("validation").tolist() == [0, 3, 6]
    assert dataset.counts("train") == {"low": 3, "high": 3}
    assert (dataset.pixels[1, 100, 120] == 20).all()
    assert (dataset.pixels[0, 100, 120] >= 200).all()


@pytest.mark.parametrize("pictures", [0, 2, 4])
def test_pictures_and_manifest_must_be_of_one_length(tmp_path: Path, pictures: int) -> None:
    items = [{"image_id": i, "sha256": "", "label": 0, "split": "train", "group": i} for i in range(3)]
    manifest = {"content_hash": "", "fit": "letterbox", "classes": ["a"], "items": items}
    with pytest.raises(ValueError, match="zip"):
        write_dataset(tmp_path, (np.zeros((256, 256, 3), np.uint8) for _ in range(pictures)), manifest)


def test_a_picture_of_another_size_is_refused(tmp_path: Path) -> None:
    items = [{"image_id": 1, "sha256": "", "label": 0, "split": "train", "group": 1}]
    manifest = {"content_hash": "", "fit": "letterbox", "classes": ["a"], "items": items}
    with pytest.raises(ValueError, match=r"\(256, 1, 3\)"):
        write_dataset(tmp_path, [np.zeros((256, 1, 3), np.uint8)], manifest)


@pytest.mark.parametrize(
    "damage", ["no manifest", "no pixels", "half a manifest", "short pixels", "a missing column"]
)
def test_a_damaged_folder_is_refused_with_a_sentence(tmp_path: Path, damage: str) -> None:
    bars(tmp_path, pictures=4)
    manifest, pixels = tmp_path / "manifest.json", tmp_path / "pixels.npy"
    if damage == "no manifest":
        manifest.unlink()
    elif damage == "no pixels":
        pixels.unlink()
    elif damage == "half a manifest":
        manifest.write_text(manifest.read_text()[:40])
    elif damage == "short pixels":
        pixels.write_bytes(pixels.read_bytes()[:5000])
    else:
        manifest.write_text(manifest.read_text().replace('"label"', '"lable"'))
    with pytest.raises(TrainingFailed):
        Dataset.open(tmp_path)
