"""Pretrained nets of ``keras.applications`` with a classification head, and their sub-nets. Imported by the worker process only."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from workbench.backbones.definitions import BACKBONES, Backbone
from workbench.backbones.weights import WeightsState, wrong_weights_message
from workbench.core.errors import TrainingFailed
from workbench.imaging.decode import SIDE
from workbench.training.engine.ensemble import leaf_layers
from workbench.training.engine.feature_cache import FrozenBackbone
from workbench.training.spec import TrainingSpec

ROWS_LAYER = "rows"
PROBABILITIES_LAYER = "probabilities"
_FLAT = "flat"
_MINUS_ONE_TO_ONE = {
    "MobileNetV2"
}  # builders that expect inputs scaled to [-1, 1]; the others include their preprocessing
_BAND_ROWS, _STRIDE_ROWS = 3, 2


def build_model(spec: TrainingSpec, weights: WeightsState, classes: int) -> keras.Model:
    """A backbone with a new head, ``(N, 256, 256, 3) uint8`` -> probabilities, in one flat graph that can be split at any layer.

    The layer ``rows`` outputs the mean over each row of the last feature map.

    Raises:
        TrainingFailed: The weights file belongs to another net.
    """
    backbone = BACKBONES[spec.architecture]
    inputs = keras.Input((SIDE, SIDE, 3), dtype="uint8", name="picture")
    net = _load_backbone(backbone, weights, preprocess(inputs, backbone))
    net.trainable = False
    x = layers.AveragePooling2D((1, net.output.shape[2]), name=ROWS_LAYER)(net.output)
    x = layers.AveragePooling2D(*_pooling(spec.head, x.shape[1]), name="bands")(x)
    probabilities = layers.Dense(classes, activation="softmax", name=PROBABILITIES_LAYER)(
        layers.Flatten(name=_FLAT)(x)
    )
    return keras.Model(inputs, probabilities, name=backbone.name)


def preprocess(pictures: Any, backbone: Backbone) -> Any:
    """Preprocess pictures ``(N, 256, 256, 3) uint8`` for a backbone: scaling and resizing to its input side."""
    scale_to_unit = backbone.builder in _MINUS_ONE_TO_ONE
    x = layers.Rescaling(1 / 127.5, offset=-1)(pictures) if scale_to_unit else layers.Rescaling(1.0)(pictures)
    return layers.Resizing(backbone.side, backbone.side, interpolation="bilinear")(x)


def feature_model(whole: keras.Model, layer: str) -> keras.Model:
    """Sub-net from the pictures to the activations of ``layer``; shares its weights with ``whole``."""
    return keras.Model(whole.inputs, whole.get_layer(layer).output, name=f"{whole.name}_below")


def head_model(whole: keras.Model, layer: str, dropout: float) -> keras.Model:
    """Sub-net from the activations of ``layer`` to probabilities, with dropout before the head; shares its weights with ``whole``."""
    x = layers.Dropout(dropout)(whole.get_layer(_FLAT).output)
    probabilities = whole.get_layer(PROBABILITIES_LAYER)(x)
    return keras.Model(whole.get_layer(layer).output, probabilities, name=f"{whole.name}_above")


def unfreeze(net: keras.Model) -> None:
    """Make all layers trainable except batch normalisation, whose statistics were estimated on far more pictures."""
    for layer in leaf_layers(net):
        layer.trainable = not isinstance(layer, layers.BatchNormalization)


def frozen_backbone(part: keras.Model, name: str, dtype: str) -> FrozenBackbone:
    """Compile a sub-net into a function of NumPy arrays."""
    call = tf.function(lambda batch: part(batch, training=False), reduce_retracing=True)

    def run(pictures: np.ndarray) -> np.ndarray:
        return np.asarray(call(tf.constant(pictures)))

    return FrozenBackbone(name, tuple(part.output.shape[1:]), dtype, run)


def _load_backbone(backbone: Backbone, weights: WeightsState, pixels: Any) -> keras.Model:
    builder = getattr(keras.applications, backbone.builder)
    shape = (backbone.side, backbone.side, 3)
    try:
        return builder(input_shape=shape, input_tensor=pixels, include_top=False, weights=str(weights.path))
    except (ValueError, OSError, KeyError) as error:
        raise TrainingFailed(wrong_weights_message(weights.path, backbone)) from error


def _pooling(head: str, height: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Pool size and strides over rows: overlapping bands, or global average pooling."""
    if head == ROWS_LAYER and height > _BAND_ROWS:
        return (_BAND_ROWS, 1), (_STRIDE_ROWS, 1)
    return (height, 1), (height, 1)
