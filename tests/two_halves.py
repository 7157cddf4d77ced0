"""Pictures that are light in one half, and a model that reads nothing but that: turning them upside down changes their class."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image

from storage.records import Version
from storage.training.registry import PRODUCTION, VersionCandidate
from tests.pictures import write_zip
from workbench.catalogue.splits import split
from workbench.core.processes import started_at
from workbench.imaging.decode import encode_image
from workbench.importing.ingest import ImportRequest
from workbench.importing.uploads import Upload, sources
from workbench.services import Services
from workbench.training.spec import TrainingSpec

CLASSES = ("Bottom", "Top")


def halves_zip(path: Path, per_class: int = 12) -> Path:
    """A zip with the class folders ``Bottom`` and ``Top``, named after their light half."""
    names = [f"{name}/{number:02}.png" for name in CLASSES for number in range(per_class)]
    return write_zip(path, {name: _half(name.startswith("Top"), seed) for seed, name in enumerate(names)})


def import_halves(services: Services, folder: Path, per_class: int = 12) -> None:
    """Take those pictures in."""
    uploads = [Upload(halves_zip(folder / "halves.zip", per_class), "halves.zip")]
    services.ingest.run(ImportRequest(sources(uploads, services.settings.limits)))


def promote_reader(services: Services, folder: Path) -> Version:
    """Register the model as a finished run's version and put it in production."""
    stores, spec = services.stores, TrainingSpec()
    snapshot = stores.snapshots.freeze(
        split(stores.snapshots.labelled(), spec.validation_fraction, spec.seed)
    )
    run_id = stores.runs.create(snapshot.id, spec.to_dict())
    attempt = stores.runs.claim(run_id, os.getpid(), started_at(os.getpid()))
    place = folder / f"reader-{run_id}"
    place.mkdir()
    _write_reader(place / "model.tflite", snapshot.classes)
    manifest = {
        "classes": list(snapshot.classes),
        "fit": spec.fit,
        "snapshot": snapshot.content_hash,
        "metrics": {},
    }
    version = stores.registry.register(
        VersionCandidate(attempt, snapshot.id, place, manifest, 1, False, "", [])
    )
    return stores.registry.promote(version.name, PRODUCTION, "reads halves", "someone")


def _half(top: bool, seed: int) -> bytes:
    light = np.random.default_rng(seed).integers(-30, 30, (8, 8, 3)).repeat(32, 0).repeat(32, 1)
    light[:128] += 190 if top else 70
    light[128:] += 70 if top else 190
    return encode_image(Image.fromarray(light.astype(np.uint8)), "PNG")


def _write_reader(file: Path, classes: tuple[str, ...]) -> None:
    import keras
    from keras import layers

    inputs = keras.Input((256, 256, 3), dtype="uint8")
    scaled = layers.Rescaling(1 / 255)(inputs)
    halves = [layers.Cropping2D((cut, (0, 0)))(scaled) for cut in ((0, 128), (128, 0))]
    means = layers.Concatenate()([layers.GlobalAveragePooling2D()(halve) for halve in halves])
    dense = layers.Dense(2, use_bias=False, activation="softmax")
    net = keras.Model(inputs, dense(means))
    towards_top = np.array([1.0 if name == "Top" else -1.0 for name in classes])
    dense.set_weights([2 * np.outer([1, 1, 1, -1, -1, -1], towards_top)])
    net.export(file, format="litert", verbose=False)
