"""Pretrained nets of ``keras.applications`` with a head, and the parts that they are cut into. Only the worker imports this."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from workbench.core.errors import TrainingFailed
from workbench.imaging.decode import SIDE
from workbench.pretrained.backbones import BACKBONES, Backbone
from workbench.pretrained.weights import WeightsState, refused
from workbench.training.engine.ensemble import leaves
from workbench.training.engine.feature_cache import FrozenBackbone
from workbench.training.spec import TrainingSpec

ROWS = "rows"
ANSWER = "probabilities"
_FLAT = "flat"
_MINUS_ONE_TO_ONE = {"MobileNetV2"}  # the others bring their preprocessing with them
_BAND, _STRIDE = 3, 2


def assembled(spec: TrainingSpec, weights: WeightsState, classes: int) -> keras.Model:
    """A backbone with a fresh head, ``(N, 256, 256, 3) uint8`` -> probabilities, in one graph that can be cut at any layer.

    The layer ``rows`` gives the mean over each row of the last map.

    Raises:
        TrainingFailed: The file holds the weights of another net.
    """
    backbone = BACKBONES[spec.architecture]
    inputs = keras.Input((SIDE, SIDE, 3), dtype="uint8", name="picture")
    net = _pretrained(backbone, weights, prepared(inputs, backbone))
    net.trainable = False
    x = layers.AveragePooling2D((1, net.output.shape[2]), name=ROWS)(net.output)
    x = layers.AveragePooling2D(*_window(spec.head, x.shape[1]), name="bands")(x)
    answers = layers.Dense(classes, activation="softmax", name=ANSWER)(layers.Flatten(name=_FLAT)(x))
    return keras.Model(inputs, answers, name=backbone.name)


def prepared(pictures: Any, backbone: Backbone) -> Any:
    """Pictures ``(N, 256, 256, 3) uint8`` as a backbone wants them."""
    centred = backbone.builder in _MINUS_ONE_TO_ONE
    x = layers.Rescaling(1 / 127.5, offset=-1)(pictures) if centred else layers.Rescaling(1.0)(pictures)
    return layers.Resizing(backbone.side, backbone.side, interpolation="bilinear")(x)


def below(whole: keras.Model, layer: str) -> keras.Model:
    """Pictures -> the activations of a layer; shares its weights with the whole net."""
    return keras.Model(whole.inputs, whole.get_layer(layer).output, name=f"{whole.name}_below")


def above(whole: keras.Model, layer: str, dropout: float) -> keras.Model:
    """The activations of a layer -> probabilities; shares its weights with the whole net, and leaves out a share of them."""
    x = layers.Dropout(dropout)(whole.get_layer(_FLAT).output)
    answers = whole.get_layer(ANSWER)(x)
    return keras.Model(whole.get_layer(layer).output, answers, name=f"{whole.name}_above")


def unfreeze(net: keras.Model) -> None:
    """Let all layers of a net learn, but keep the statistics that batch normalisation has learnt from many more pictures."""
    for layer in leaves(net):
        layer.trainable = not isinstance(layer, layers.BatchNormalization)


def trunk(part: keras.Model, name: str, dtype: str) -> FrozenBackbone:
    """A part of a net as a function of arrays."""
    call = tf.function(lambda batch: part(batch, training=False), reduce_retracing=True)

    def run(pictures: np.ndarray) -> np.ndarray:
        return np.asarray(call(tf.constant(pictures)))

    return FrozenBackbone(name, tuple(part.output.shape[1:]), dtype, run)


def _pretrained(backbone: Backbone, weights: WeightsState, pixels: Any) -> keras.Model:
    builder = getattr(keras.applications, backbone.builder)
    shape = (backbone.side, backbone.side, 3)
    try:
        return builder(input_shape=shape, input_tensor=pixels, include_top=False, weights=str(weights.path))
    except (ValueError, OSError, KeyError) as error:
        raise TrainingFailed(refused(weights.path, backbone)) from error


def _window(head: str, height: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Size and strides of the pooling over rows: overlapping bands, or all rows at once."""
    if head == ROWS and height > _BAND:
        return (_BAND, 1), (_STRIDE, 1)
    return (height, 1), (height, 1)
