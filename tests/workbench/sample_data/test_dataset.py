"""The sample set: marked, repeatable, unevenly mixed, and readable by a simple learner."""

from __future__ import annotations

from collections import Counter
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from workbench.imaging.decode import canonical
from workbench.sample_data import LABELS, SamplePicture, render_sample, sample_pictures


@pytest.fixture(scope="module")
def pictures() -> list[SamplePicture]:
    return list(sample_pictures(40, seed=3))


@pytest.mark.slow
def test_a_set_is_mixed_unevenly_and_shuffled(pictures: list[SamplePicture]) -> None:
    labels = [picture.label for picture in pictures]
    assert Counter(labels) == {"Full": 24, "Half": 12, "Overflowing": 4}
    assert labels != sorted(labels)


@pytest.mark.parametrize("count", [0, 1, 7])
def test_any_count_is_kept(count: int) -> None:
    assert len(list(sample_pictures(count))) == count


def test_names_are_unique_and_say_synthetic(pictures: list[SamplePicture]) -> None:
    names = {picture.filename for picture in pictures}
    assert len(names) == 40
    assert "synthetic-overflowing-0004.jpg" in names
    assert all(name.startswith("synthetic-") and name.endswith(".jpg") for name in names)


def test_files_are_portrait_jpegs_marked_in_their_metadata(pictures: list[SamplePicture]) -> None:
    for picture in pictures:
        with Image.open(BytesIO(picture.data)) as image:
            assert image.format == "JPEG"
            assert image.getexif()[0x010E] == "synthetic"
            assert image.info["comment"] == b"synthetic"
            assert 300 <= image.width < image.height <= 540


def test_pictures_vary(pictures: list[SamplePicture]) -> None:
    assert len({picture.data for picture in pictures}) == 40
    sizes = {Image.open(BytesIO(picture.data)).size for picture in pictures}
    assert len(sizes) > 20


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(pictures: list[SamplePicture]) -> None:
    assert next(sample_pictures(40, seed=3)) == pictures[0]
    assert next(sample_pictures(40, seed=4)).data != pictures[0].data


@pytest.mark.parametrize("label", LABELS)
def test_one_picture_is_decided_by_label_and_seed(label: str) -> None:
    first = np.asarray(render_sample(label, 11))
    assert np.array_equal(first, np.asarray(render_sample(label, 11)))
    assert first.shape != np.asarray(render_sample(label, 12)).shape


def test_an_unknown_label_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"'Empty'.* Full, Half, Overflowing"):
        render_sample("Empty", 0)


@pytest.mark.slow
def test_a_simple_learner_reads_the_level_but_not_perfectly() -> None:
    features, labels = [], []
    for label in LABELS:
        for seed in range(40):
            features.append(_edges(render_sample(label, seed)))
            labels.append(label)
    model = make_pipeline(StandardScaler(), LinearSVC(C=0.001))
    score = cross_val_score(model, np.stack(features), labels, cv=4, scoring="f1_macro").mean()
    assert 0.55 < score < 1.0


def _edges(image: Image.Image) -> np.ndarray:
    """Mean strength of horizontal and vertical edges in a grid of 16 x 16 cells."""
    grey = np.asarray(Image.fromarray(canonical(image)).convert("L"), np.float32)
    cells = [np.abs(edge).reshape(16, 16, 16, 16).mean(axis=(1, 3)).ravel() for edge in np.gradient(grey)]
    return np.concatenate(cells)
