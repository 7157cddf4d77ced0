"""Converts the artefacts of a run into a version candidate for the registry."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from storage.records import Snapshot, ValidationPrediction
from storage.training.registry import VersionCandidate
from storage.training.run_attempts import RunAttempt
from workbench.training.spec import TrainingSpec

if TYPE_CHECKING:
    from workbench.training.engine.train import Artefacts


def version_candidate(
    attempt: RunAttempt, snapshot: Snapshot, spec: TrainingSpec, artefacts: Artefacts
) -> VersionCandidate:
    """The version candidate of a run, with its manifest."""
    return VersionCandidate(
        attempt=attempt,
        snapshot_id=snapshot.id,
        folder=artefacts.folder,
        manifest={
            "classes": list(snapshot.classes),
            "fit": spec.fit,
            "input": {"shape": [256, 256, 3], "dtype": "uint8", "range": [0, 255]},
            "snapshot": snapshot.content_hash,
            "validation_fraction": spec.validation_fraction,
            "spec": spec.to_dict(),
            "metrics": {**artefacts.metrics, "litert_agreement": artefacts.agreement},
            "best_epoch": artefacts.best_epoch,
            "epochs": len(artefacts.history),
            "libraries": artefacts.libraries,
            "weights": artefacts.weights,
            "trials": [dataclasses.asdict(trial) for trial in artefacts.trials],
        },
        best_epoch=artefacts.best_epoch,
        stopped=artefacts.stopped,
        note=artefacts.note,
        predictions=[
            ValidationPrediction(
                prediction.image_id,
                prediction.true,
                int(np.argmax(prediction.probabilities)),
                prediction.probabilities,
            )
            for prediction in artefacts.predictions
        ],
    )
