"""One model that answers with the mean of several ones. Only the worker imports this."""

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
from workbench.training.engine.architectures import unmirrored
from workbench.training.engine.train import Artefacts, predictions


def mean_of(found: Sequence[Artefacts], dataset: Dataset, folder: Path) -> Artefacts:
    """Export the mean of some models; what it says of epochs is that of the first of them.

    Args:
        found: Their artefacts, on the same dataset; either all answer for the mirror image too, or none does.
        dataset: The pictures and their split.
        folder: Where the model's files go.

    Raises:
        TrainingFailed: The exported model does not agree with the mean of the answers.
    """
    folder.mkdir(parents=True, exist_ok=True)
    export.export(averaged([each.folder / export.KERAS_FILE for each in found]), folder)
    said = np.mean([[row.probabilities for row in each.predictions] for each in found], axis=0)
    return replace(
        _answering(found[0], dataset, said, folder),
        stopped=any(each.stopped for each in found),
        agreement=export.agreement(dataset, said, folder / export.LITERT_FILE),
    )


def asked_again(made: Artefacts, dataset: Dataset) -> Artefacts:
    """The artefacts of a model that was trained on another split, with its answers for this one's validation pictures."""
    indices = dataset.indices("validation")
    said = export.litert_probabilities(made.folder / export.LITERT_FILE, dataset.pixels, indices)
    return _answering(made, dataset, said, made.folder)


def averaged(files: Sequence[Path]) -> keras.Model:
    """The mean of the nets in some ``.keras`` files, ``(N, 256, 256, 3) uint8`` -> probabilities."""
    inputs = keras.Input((SIDE, SIDE, 3), dtype="uint8", name="picture")
    said = []
    for number, file in enumerate(files, 1):
        net = keras.models.load_model(file, compile=False, safe_mode=True)
        # A net that answers for the mirror image too is taken apart: the mean of all is then of nets of one kind.
        inner = unmirrored(net)
        core = net if inner is None else inner
        core = keras.Model(core.inputs, core.outputs[0], name=f"{core.name}_{number}")
        said += [core(inputs), *([core(keras.ops.flip(inputs, axis=2))] if inner is not None else [])]
    return keras.Model(inputs, layers.Average(name="mean")(said), name="averaged")


def _answering(made: Artefacts, dataset: Dataset, said: np.ndarray, folder: Path) -> Artefacts:
    metrics = evaluate(dataset.labels[dataset.indices("validation")], said, dataset.classes)
    return replace(made, folder=folder, metrics=metrics, predictions=predictions(dataset, said))
