"""Pretrained nets of ``keras.applications``, whole and cut in two. Only the worker imports this."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from workbench.errors import TrainingFailed
from workbench.pictures import SIDE
from workbench.training.backbones import Backbone
from workbench.training.features import Trunk
from workbench.training.weights import WeightsState, refused

_MINUS_ONE_TO_ONE = {"MobileNetV2"}  # the others bring their preprocessing with them


def pretrained(backbone: Backbone, weights: WeightsState) -> keras.Model:
    """A backbone without its top, ``(N, side, side, 3)`` as it wants its pixels -> its last map.

    Raises:
        TrainingFailed: The file holds the weights of another net.
    """
    builder = getattr(keras.applications, backbone.builder)
    shape = (backbone.side, backbone.side, 3)
    try:
        net = builder(input_shape=shape, include_top=False, weights=str(weights.path))
    except (ValueError, OSError, KeyError) as error:
        raise TrainingFailed(refused(weights.path, backbone)) from error
    net.trainable = False
    return net


def prepared(pictures: Any, backbone: Backbone) -> Any:
    """Pictures ``(N, 256, 256, 3) uint8`` as a backbone wants them."""
    side = backbone.side
    pixels = (
        layers.Rescaling(1 / 127.5, offset=-1)
        if backbone.builder in _MINUS_ONE_TO_ONE
        else layers.Rescaling(1.0)
    )
    return layers.Resizing(side, side, interpolation="bilinear")(pixels(pictures))


def rows(net: keras.Model, backbone: Backbone) -> keras.Model:
    """Pictures ``(N, 256, 256, 3) uint8`` -> the mean over each row of the last map, ``(N, rows, 1, channels)``."""
    inputs = _pictures()
    maps = net(prepared(inputs, backbone))
    return keras.Model(
        inputs, layers.AveragePooling2D((1, maps.shape[2]))(maps), name=f"{backbone.name}_rows"
    )


def lower(net: keras.Model, backbone: Backbone, layer: str) -> keras.Model:
    """Pictures ``(N, 256, 256, 3) uint8`` -> the activations of a layer."""
    inputs = _pictures()
    part = keras.Model(net.inputs, net.get_layer(layer).output)
    return keras.Model(inputs, part(prepared(inputs, backbone)), name=f"{backbone.name}_lower")


def upper(net: keras.Model, backbone: Backbone, layer: str) -> keras.Model:
    """Activations of a layer -> the mean over each row of the last map; trainable but for the statistics of its batches."""
    cut = net.get_layer(layer).output
    part = keras.Model(
        cut, layers.AveragePooling2D((1, net.output.shape[2]))(net.output), name=f"{backbone.name}_upper"
    )
    part.trainable = True
    for each in part.layers:
        if isinstance(each, layers.BatchNormalization):
            each.trainable = False
    return part


def trunk(part: keras.Model, name: str) -> Trunk:
    """A part of a net as a function of arrays."""
    call = tf.function(lambda batch: part(batch, training=False), reduce_retracing=True)

    def run(pictures: np.ndarray) -> np.ndarray:
        return np.asarray(call(tf.constant(pictures)))

    return Trunk(name, tuple(part.output.shape[1:]), run)


def _pictures() -> Any:
    return keras.Input((SIDE, SIDE, 3), dtype="uint8", name="picture")
