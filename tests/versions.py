"""Finished runs with a registered version, for tests that look at models and do not train any."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from storage.records import SnapshotItem, ValidationPrediction, Version
from storage.training.registry import VersionCandidate
from tests.pictures import picture
from workbench.catalogue.splits import split
from workbench.core.processes import started_at
from workbench.evaluation.metrics import evaluate
from workbench.importing.ingest import ImportRequest
from workbench.importing.uploads import Source
from workbench.services import Services
from workbench.training.spec import TrainingSpec


@dataclass(frozen=True)
class Answers:
    """What a made-up model says: one class taken for another, so many times."""

    true: str
    predicted: str
    count: int


def import_pictures(services: Services, counts: dict[str, int]) -> None:
    """Labelled pictures, so many of each class."""
    seeds = iter(range(sum(counts.values())))
    sources = [
        Source(f"{name}-{number:02}.jpg", name, lambda seed=seed: picture(seed))
        for name, count in counts.items()
        for number, seed in zip(range(count), seeds, strict=False)
    ]
    services.ingest.run(ImportRequest(sources))


def finished_run(services: Services, folder: Path, wrong: Answers, seed: int = 1) -> Version:
    """A run that is finished, with its version; all its validation answers are right but the wrong ones."""
    stores = services.stores
    spec = TrainingSpec(seed=seed, validation_fraction=0.5)
    draft = split(stores.snapshots.labelled(), spec.validation_fraction, seed)
    snapshot = stores.snapshots.freeze(draft)
    run_id = stores.runs.create(snapshot.id, spec.to_dict())
    attempt = stores.runs.claim(run_id, os.getpid(), started_at(os.getpid()))
    for epoch in (1, 2):
        attempt.add_epoch(epoch, _epoch(epoch))
    held_out = [item for item in draft.items if item.split == "validation"]
    scores = _scores(held_out, draft.classes, wrong)
    true = np.array([item.label for item in held_out])
    folder.mkdir()
    (folder / "model.keras").write_bytes(b"keras" * 100)
    (folder / "model.tflite").write_bytes(b"litert" * 100)
    return stores.registry.register(
        VersionCandidate(
            attempt,
            snapshot.id,
            folder,
            {
                "classes": list(draft.classes),
                "fit": spec.fit,
                "snapshot": snapshot.content_hash,
                "spec": spec.to_dict(),
                "metrics": evaluate(true, scores, draft.classes),
                "best_epoch": 2,
                "epochs": 2,
                "libraries": {"keras": "3"},
            },
            best_epoch=2,
            stopped=False,
            note="",
            predictions=[
                ValidationPrediction(item.image_id, item.label, int(row.argmax()), tuple(map(float, row)))
                for item, row in zip(held_out, scores, strict=True)
            ],
        )
    )


def _epoch(epoch: int) -> dict[str, float]:
    return {
        "epoch": epoch, "loss": 1 / epoch, "accuracy": 0.5, "val_loss": 1 / epoch, "val_accuracy": 0.5,
        "val_macro_f1": 0.4, "learning_rate": 1e-3, "seconds": 1.0,
    }  # fmt: skip


def _scores(items: list[SnapshotItem], classes: tuple[str, ...], wrong: Answers) -> np.ndarray:
    """Probabilities ``(N, classes)``; of the wrong answers each is less sure than the one before."""
    scores = np.full((len(items), len(classes)), 0.1)
    left = wrong.count
    for row, item in zip(scores, items, strict=True):
        mistaken = classes[item.label] == wrong.true and left > 0
        row[classes.index(wrong.predicted) if mistaken else item.label] = 5 + left if mistaken else 5
        left -= mistaken
    return scores / scores.sum(axis=1, keepdims=True)
