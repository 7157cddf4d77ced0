"""Exports a trained net as Keras and LiteRT files, and checks that their predictions agree."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from workbench.core.errors import TrainingFailed
from workbench.core.litert import LiteRtRunner
from workbench.core.machine import cores
from workbench.training.dataset import Dataset

KERAS_FILE = "model.keras"
LITERT_FILE = "model.tflite"
MAX_DIFFERENCE = 1e-3
_COMPARED_PICTURES = 32


def export(net: keras.Model, folder: Path) -> None:
    """Write ``model.keras`` and ``model.tflite`` into an existing folder."""
    net.save(folder / KERAS_FILE)
    (folder / LITERT_FILE).write_bytes(_convert_to_litert(net))


def _convert_to_litert(net: keras.Model) -> bytes:
    """Convert a net to LiteRT from its frozen graph, which is four times as fast as the conversion via SavedModel that Keras uses."""
    pictures = tf.TensorSpec(net.input.shape, net.input.dtype, name="picture")
    call = tf.function(lambda batch: net(batch, training=False), input_signature=[pictures])
    frozen = convert_variables_to_constants_v2(call.get_concrete_function())
    return bytes(tf.lite.TFLiteConverter.from_concrete_functions([frozen]).convert())


def agreement(dataset: Dataset, probabilities: np.ndarray, file: Path) -> float:
    """Largest absolute difference between Keras and LiteRT probabilities on the validation pictures.

    At most about 32 evenly spaced pictures are compared, to limit the time.

    Args:
        dataset: Holds the pictures.
        probabilities: ``(N, classes)`` predicted by Keras for the validation pictures.
        file: The LiteRT model.

    Raises:
        TrainingFailed: The difference is ``AGREEMENT`` or more, or the LiteRT file outputs NaN.
    """
    stride = -(-len(probabilities) // _COMPARED_PICTURES)
    litert = litert_probabilities(file, dataset.pixels, dataset.indices("validation")[::stride])
    difference = float(np.abs(litert - probabilities[::stride]).max())
    if np.isnan(difference):
        raise TrainingFailed(
            "The answers of the exported model are no numbers, so it was not kept. Train again with a smaller learning rate."
        )
    if difference >= MAX_DIFFERENCE:
        raise TrainingFailed(
            f"The exported model differs from the trained one by up to {difference:.4f} in probability, so it was not kept. "
            "Train again, and report it if it happens twice."
        )
    return difference


def litert_probabilities(file: Path, pixels: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Class probabilities ``(len(indices), classes)`` from a LiteRT file, computed one picture at a time."""
    runner = LiteRtRunner(file, cores())
    return np.stack([runner.probabilities(pixels[index]) for index in indices])
