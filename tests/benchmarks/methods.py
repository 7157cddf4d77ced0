"""What answers for the pictures of a fold after it has seen the others: the product's recipes, and what they have to beat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

from tests.benchmarks.baselines import hog_features, linear_svm, majority
from tests.benchmarks.photos import Photos, grouped_folds
from workbench.training.dataset import Dataset, write_dataset
from workbench.training.reporter import RunPaths, SilentReporter
from workbench.training.spec import BEST, FINE_TUNE, INSTANT, SCRATCH, TrainingSpec

MINUTES = 3.0
BEST_MINUTES = 10.0
EXPORT_MINUTES = 0.15
VALIDATION = 0.05

Answered = tuple[np.ndarray, float]
"""Answers ``(n,) int64`` for a fold, and the seconds that it took to get ready for them."""


@dataclass(frozen=True)
class Divided:
    """Photos of which those at ``rest`` may be learnt from, and those at ``fold`` are asked for."""

    photos: Photos
    rest: np.ndarray
    fold: np.ndarray


def fixed(recipe: str, **values: object) -> TrainingSpec:
    """The defaults of a recipe without early stopping; a twentieth is kept out of training to judge its epochs by."""
    minutes = {SCRATCH: MINUTES - EXPORT_MINUTES, BEST: BEST_MINUTES}.get(recipe, 0.0)
    chosen = {"validation_fraction": VALIDATION, "max_minutes": minutes, **values}
    spec = TrainingSpec.of(recipe, **chosen)
    return TrainingSpec.of(recipe, **{**chosen, "patience": spec.epochs})


SPECS: dict[str, Callable[[], TrainingSpec]] = {
    "scratch": lambda: fixed(SCRATCH),
    "classic": lambda: fixed(SCRATCH, architecture="classic"),
    "instant": lambda: fixed(INSTANT),
    "fine_tune": lambda: fixed(FINE_TUNE),
    "best": lambda: fixed(BEST),
}


def commonest(division: Divided) -> np.ndarray:
    """The commonest class of what was learnt from, for the whole fold."""
    return majority(division.photos.labels[division.rest], len(division.fold))


def gradients(division: Divided) -> np.ndarray:
    """A linear machine on histograms of oriented gradients."""
    features = hog_features(division.photos.pixels)
    return linear_svm(features[division.rest], division.photos.labels[division.rest], features[division.fold])


BASELINES: dict[str, Callable[[Divided], np.ndarray]] = {"majority": commonest, "hog": gradients}


def answered(method: str, division: Divided, place: RunPaths) -> Answered:
    """Get a method ready and let it answer for the fold.

    Args:
        method: A key of ``SPECS`` or ``BASELINES``.
        given: The pictures.
        place: Its features and weights are used; the model and checkpoints of a run are not kept.
    """
    if method in SPECS:
        from workbench.training.engine.train import limit_threads

        limit_threads()
        return train_and_answer(division, SPECS[method](), place)
    began = perf_counter()
    return BASELINES[method](division), perf_counter() - began


def train_and_answer(division: Divided, spec: TrainingSpec, place: RunPaths) -> Answered:
    """Train on ``rest`` with the product's own ``train()`` and answer for ``fold`` with the exported file."""
    import keras

    from workbench.training.engine.export import LITERT_FILE, litert_probabilities
    from workbench.training.search.local_executor import train_function

    keras.backend.clear_session()
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        own = RunPaths(folder / "model", folder / "checkpoints", place.features, place.weights)
        dataset = write_rest(division.photos, division.rest, folder / "data", spec)
        began = perf_counter()
        train_function(spec.recipe)(dataset, spec, SilentReporter(), own)
        seconds = perf_counter() - began
        answers = litert_probabilities(own.model / LITERT_FILE, division.photos.pixels, division.fold)
    return answers.argmax(axis=1), seconds


def write_rest(photos: Photos, rest: np.ndarray, folder: Path, spec: TrainingSpec) -> Dataset:
    """A dataset folder of the pictures in ``rest``, a grouped part of them as validation split."""
    inner = grouped_folds(photos, rest, round(1 / spec.validation_fraction), spec.seed)[0][1]
    items = [
        {
            "image_id": int(i),
            "sha256": "",
            "label": int(photos.labels[i]),
            "split": "validation" if i in inner else "train",
            "group": int(photos.groups[i]),
        }
        for i in rest
    ]
    manifest = {"content_hash": "", "fit": spec.fit, "classes": photos.classes, "items": items}
    write_dataset(folder, (photos.pixels[i] for i in rest), manifest)
    return Dataset.open(folder)
