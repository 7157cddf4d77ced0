"""The nets. Each takes ``(N, 256, 256, 3) uint8`` and gives class probabilities ``(N, classes) float32``."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from workbench.imaging.decode import SIDE

_MIRRORED = "mirrored_"


def build(name: str, classes: int, dropout: float = 0.4) -> keras.Model:
    """Build a net with fresh weights.

    Args:
        name: ``compact`` or ``classic``.
        classes: Number of classes, 2 or more.
        dropout: Share of the features that a training step of ``compact`` leaves out; ``classic`` stays as it was published.
    """
    return compact(classes, dropout) if name == "compact" else classic(classes)


def classic(classes: int) -> keras.Model:
    """The six-convolution net of the reference notebooks, 183,747 parameters for three classes."""
    inputs = keras.Input((SIDE, SIDE, 3), dtype="uint8", name="picture")
    x = layers.Rescaling(1 / 255)(inputs)
    for filters in (32, 64, 64, 64, 64, 64):
        x = layers.Conv2D(filters, 3, activation="relu")(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Dense(64, activation="relu")(layers.Flatten()(x))
    return keras.Model(inputs, _probabilities(x, classes), name="classic")


def compact(classes: int, dropout: float) -> keras.Model:
    """A strided residual net whose head keeps the rows apart: a fill level is a height, wherever it is across."""
    inputs = keras.Input((SIDE, SIDE, 3), dtype="uint8", name="picture")
    x = layers.AveragePooling2D(2)(layers.Rescaling(1 / 127.5, offset=-1)(inputs))
    x = _convolved(x, 24, 5, 2)
    for filters in (32, 64, 96):
        x = _residual(x, filters)
    x = layers.AveragePooling2D((2, x.shape[2]))(x)
    x = layers.Dropout(dropout)(layers.Flatten()(x))
    x = layers.Dense(64, activation="relu")(x)
    return keras.Model(inputs, _probabilities(x, classes), name="compact")


def mirrored(net: keras.Model) -> keras.Model:
    """The mean of a net's answers for a picture and for its mirror image; shares the net's weights."""
    inputs = keras.Input((SIDE, SIDE, 3), dtype="uint8", name="picture")
    answers = [net(inputs), net(keras.ops.flip(inputs, axis=2))]
    return keras.Model(inputs, layers.Average(name="mirrored")(answers), name=f"{_MIRRORED}{net.name}")


def unmirrored(net: keras.Model) -> keras.Model | None:
    """The net that :func:`mirrored` made this one of; None where it was not made so."""
    if not net.name.startswith(_MIRRORED):
        return None
    return next(layer for layer in net.layers if isinstance(layer, keras.Model))


def _convolved(x: Any, filters: int, size: int, strides: int) -> Any:
    x = layers.Conv2D(filters, size, strides=strides, padding="same", use_bias=False)(x)
    return layers.ReLU()(_normalised(x))


def _residual(x: Any, filters: int) -> Any:
    inner = _convolved(x, filters, 3, 2)
    inner = _normalised(layers.Conv2D(filters, 3, padding="same", use_bias=False)(inner))
    straight = layers.AveragePooling2D(2)(x)
    straight = _normalised(layers.Conv2D(filters, 1, use_bias=False)(straight))
    return layers.ReLU()(layers.Add()([inner, straight]))


def _normalised(x: Any) -> Any:
    # A small set has few steps an epoch; the default momentum of 0.99 would lag behind the weights.
    return layers.BatchNormalization(momentum=0.9)(x)


def _probabilities(x: Any, classes: int) -> Any:
    return layers.Dense(classes, activation="softmax", name="probabilities")(x)
