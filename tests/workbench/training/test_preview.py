"""The preview shows, bit for bit, what a run will show its net."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from storage.records import TRAIN
from workbench.catalogue.splits import split
from workbench.imaging.augmentation import OPERATIONS, Augmentation
from workbench.services import Services
from workbench.training.dataset import Dataset, write_dataset
from workbench.training.engine.feature_cache import Views
from workbench.training.spec import TrainingSpec

EVERYTHING = Augmentation.from_dict({operation.name: {"enabled": True} for operation in OPERATIONS})
SPEC = TrainingSpec(batch_size=5, seed=7, augmentation=EVERYTHING)
EPOCHS = 3


@pytest.fixture
def dataset(labelled: Services, tmp_path: Path) -> Dataset:
    """The labelled pictures as the worker of a run is given them."""
    draft = split(labelled.stores.snapshots.labelled(), SPEC.validation_fraction, SPEC.seed)
    items = [{**vars(item)} for item in draft.items]
    pictures = [labelled.stores.derivatives.canonical(item.sha256, SPEC.fit) for item in draft.items]
    manifest = {"content_hash": draft.content_hash, "fit": SPEC.fit, "classes": draft.classes, "items": items}
    write_dataset(tmp_path / "dataset", pictures, manifest)
    return Dataset.open(tmp_path / "dataset")


def test_the_batches_of_every_epoch_are_the_variants_of_the_preview(
    labelled: Services, dataset: Dataset
) -> None:
    from workbench.training.engine.input_pipeline import InputPipeline

    feed = InputPipeline(dataset, SPEC, np.ones(2, np.float32))
    train = dataset.image_ids[dataset.indices(TRAIN)]
    previewed = {
        int(image_id): labelled.training.preview(int(image_id), EVERYTHING, EPOCHS, SPEC.seed)
        for image_id in train
    }
    for epoch in range(1, EPOCHS + 1):
        steps = range((epoch - 1) * feed.steps, epoch * feed.steps)
        shown = np.concatenate([feed.batch(step)[0] for step in steps])
        wanted = sorted(variants[epoch - 1].tobytes() for variants in previewed.values())
        assert sorted(picture.tobytes() for picture in shown) == wanted


def test_the_stream_that_training_reads_is_the_same(dataset: Dataset) -> None:
    from workbench.training.engine.input_pipeline import InputPipeline

    feed = InputPipeline(dataset, SPEC, np.ones(2, np.float32))
    for step, (pictures, *_) in zip(range(2 * feed.steps), feed.batches(), strict=False):
        assert np.array_equal(pictures.numpy(), feed.batch(step)[0])


def test_variants_whose_features_are_kept_are_those_of_the_preview(
    labelled: Services, dataset: Dataset
) -> None:
    views = Views((1, 2, 3), EVERYTHING, SPEC.seed)
    for place, image_id in enumerate(dataset.image_ids[:4]):
        previewed = labelled.training.preview(int(image_id), EVERYTHING, 3, SPEC.seed)
        for number, variant in enumerate(previewed, 1):
            rendered = views.picture(dataset.pixels[place], int(image_id), number)
            assert np.array_equal(rendered, variant)
