"""Writes a trained net as Keras and LiteRT files, and checks that the two give the same answers."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from workbench.core.errors import TrainingFailed
from workbench.core.machine import cores
from workbench.training.dataset import Dataset

KERAS_FILE = "model.keras"
LITERT_FILE = "model.tflite"
AGREEMENT = 1e-3
_COMPARED = 32


def export(net: keras.Model, folder: Path) -> None:
    """Write ``model.keras`` and ``model.tflite`` into a folder."""
    net.save(folder / KERAS_FILE)
    (folder / LITERT_FILE).write_bytes(_litert(net))


def _litert(net: keras.Model) -> bytes:
    """The net as a LiteRT file, straight from its graph: by way of a SavedModel, as Keras goes, it takes four times as long."""
    pictures = tf.TensorSpec(net.input.shape, net.input.dtype, name="picture")
    call = tf.function(lambda batch: net(batch, training=False), input_signature=[pictures])
    frozen = convert_variables_to_constants_v2(call.get_concrete_function())
    return bytes(tf.lite.TFLiteConverter.from_concrete_functions([frozen]).convert())


def agreement(dataset: Dataset, probabilities: np.ndarray, file: Path) -> float:
    """Largest difference between Keras's probabilities for the validation pictures and those of the LiteRT file.

    Of many pictures 32 are compared, evenly spread, so that a stopped run ends soon.

    Args:
        dataset: Holds the pictures.
        probabilities: ``(N, classes)`` that Keras gave for the validation pictures.
        file: The LiteRT model.

    Raises:
        TrainingFailed: It is ``AGREEMENT`` or more, or the LiteRT file's answers are no numbers.
    """
    stride = -(-len(probabilities) // _COMPARED)
    answers = litert_probabilities(file, dataset.pixels, dataset.indices("validation")[::stride])
    difference = float(np.abs(answers - probabilities[::stride]).max())
    if np.isnan(difference):
        raise TrainingFailed(
            "The answers of the exported model are no numbers, so it was not kept. Train again with a smaller learning rate."
        )
    if difference >= AGREEMENT:
        raise TrainingFailed(
            f"The exported model differs from the trained one by up to {difference:.4f} in probability, so it was not kept. "
            "Train again, and report it if it happens twice."
        )
    return difference


def litert_probabilities(file: Path, pixels: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Class probabilities ``(len(indices), classes)`` from a LiteRT file, one picture at a time."""
    interpreter = Interpreter(model_path=str(file), num_threads=cores())
    interpreter.allocate_tensors()
    entry = interpreter.get_input_details()[0]
    exit_ = interpreter.get_output_details()[0]
    answers = []
    for index in indices:
        interpreter.set_tensor(entry["index"], pixels[index][None].astype(entry["dtype"]))
        interpreter.invoke()
        answers.append(interpreter.get_tensor(exit_["index"])[0])
    return np.stack(answers)
