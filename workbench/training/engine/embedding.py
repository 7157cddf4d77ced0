"""Embeddings computed by nets. Imported by worker processes only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import keras
import numpy as np
import tensorflow as tf

from workbench.training.engine import ensemble
from workbench.training.engine.train import limit_threads

DIMENSIONS = 640
_SIDE = 224
_SEED = 0
_MIDDLE = "block_12_add"
_BANDS = ((0, 5), (3, 8), (6, 11), (9, 14))


Embed = Callable[[np.ndarray], np.ndarray]


def backbone_embedder(file: Path) -> Embed:
    """Embedding by Keras' MobileNetV2 with weights from a file, projected to 640 dimensions.

    It concatenates the spatial mean of the last feature map and means over four bands of rows of an intermediate map, which
    keep vertical position. A fixed random orthogonal projection reduces them: on real photos a head on the 640 values was as
    accurate as on all 1,664, at less than half of the storage.

    Returns:
        A function from ``(N, 256, 256, 3) uint8`` to unit vectors ``(N, 640) float32``.
    """
    limit_threads()
    net = keras.applications.MobileNetV2(input_shape=(_SIDE, _SIDE, 3), include_top=False, weights=str(file))
    middle = net.get_layer(_MIDDLE).output
    bands = [keras.ops.mean(middle[:, low:high], axis=(1, 2)) for low, high in _BANDS]
    parts = [keras.ops.mean(net.output, axis=(1, 2)), keras.ops.concatenate(bands, axis=1)]
    run = _compiled(keras.Model(net.input, parts))
    axes, _ = np.linalg.qr(
        np.random.default_rng(_SEED).normal(size=(sum(part.shape[1] for part in parts), DIMENSIONS))
    )

    def embed(pictures: np.ndarray) -> np.ndarray:
        resized = [cv2.resize(picture, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) for picture in pictures]
        outputs = run(np.stack(resized).astype(np.float32) / 127.5 - 1)
        return _normalise_rows(np.concatenate([_normalise_rows(part) for part in outputs], axis=1) @ axes)

    return embed


def penultimate_embedder(file: Path) -> Embed:
    """Embedding by the input of the last layer of a trained model; a function from pictures to unit vectors ``(N, d) float32``."""
    limit_threads()
    run = _compiled(ensemble.penultimate_model(keras.models.load_model(file, compile=False, safe_mode=True)))

    def embed(pictures: np.ndarray) -> np.ndarray:
        return _normalise_rows(run(pictures)[0])

    return embed


def _compiled(net: keras.Model) -> Callable[[np.ndarray], list[np.ndarray]]:
    call = tf.function(lambda batch: net(batch, training=False), reduce_retracing=True)

    def run(batch: np.ndarray) -> list[np.ndarray]:
        outputs = call(tf.constant(batch))
        return [
            np.asarray(output, dtype=np.float32)
            for output in (outputs if isinstance(outputs, list) else [outputs])
        ]

    return run


def _normalise_rows(rows: np.ndarray) -> np.ndarray:
    lengths = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return np.asarray(rows / lengths, dtype=np.float32)
