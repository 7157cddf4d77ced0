"""A model that outputs the mean of several models. Imported by the worker process only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
from keras import layers

from workbench.evaluation.metrics import evaluate
from workbench.imaging.decode import SIDE
from workbench.training.dataset import Dataset
from workbench.training.engine import export
from workbench.training.engine.architectures import unwrap_mirrored
from workbench.training.engine.train import Artefacts, predictions


def export_mean(members: Sequence[Artefacts], dataset: Dataset, folder: Path) -> Artefacts:
    """Export the mean of several models; history and best epoch are those of the first.

    Args:
        members: Artefacts of models trained on the same dataset; either all average over the mirror image, or none does.
        dataset: The pictures and their split.
        folder: Output folder of the model files.

    Raises:
        TrainingFailed: The predictions of the exported model differ from the mean.
    """
    folder.mkdir(parents=True, exist_ok=True)
    export.export(mean_model([member.folder / export.KERAS_FILE for member in members]), folder)
    probabilities = np.mean([[row.scores for row in member.predictions] for member in members], axis=0)
    return replace(
        _with_predictions(members[0], dataset, probabilities, folder),
        stopped=any(member.stopped for member in members),
        agreement=export.agreement(dataset, probabilities, folder / export.LITERT_FILE),
    )


def predict_again(artefacts: Artefacts, dataset: Dataset) -> Artefacts:
    """Artefacts of a model trained on another split, with its predictions for the validation pictures of ``dataset``."""
    indices = dataset.indices("validation")
    probabilities = export.litert_probabilities(
        artefacts.folder / export.LITERT_FILE, dataset.pixels, indices
    )
    return _with_predictions(artefacts, dataset, probabilities, artefacts.folder)


def mean_model(files: Sequence[Path]) -> keras.Model:
    """A net that averages the nets in ``files``, which are ``.keras`` files, ``(N, 256, 256, 3) uint8`` -> probabilities."""
    inputs = keras.Input((SIDE, SIDE, 3), dtype="uint8", name="picture")
    outputs = []
    for number, file in enumerate(files, 1):
        net = keras.models.load_model(file, compile=False, safe_mode=True)
        # A wrapper that averages over the mirror image is unwrapped, so that one layer averages all outputs.
        inner = unwrap_mirrored(net)
        core = net if inner is None else inner
        core = keras.Model(core.inputs, core.outputs[0], name=f"{core.name}_{number}")
        outputs += [core(inputs), *([core(keras.ops.flip(inputs, axis=2))] if inner is not None else [])]
    return keras.Model(inputs, layers.Average(name="mean")(outputs), name="averaged")


def _with_predictions(
    artefacts: Artefacts, dataset: Dataset, probabilities: np.ndarray, folder: Path
) -> Artefacts:
    metrics = evaluate(dataset.labels[dataset.indices("validation")], probabilities, dataset.classes)
    return replace(artefacts, folder=folder, metrics=metrics, predictions=predictions(dataset, probabilities))
