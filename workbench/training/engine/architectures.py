"""Nets trained from scratch, ``(N, 256, 256, 3) uint8`` -> class probabilities ``(N, classes) float32``."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from workbench.imaging.decode import SIDE

_MIRRORED = "mirrored_"


def build(name: str, classes: int, dropout: float = 0.4) -> keras.Model:
    """Build a net with random initial weights.

    Args:
        name: ``compact`` or ``classic``.
        classes: Number of classes, 2 or more.
        dropout: Dropout rate of ``compact``; ``classic`` has none, as published.
    """
    return compact(classes, dropout) if name == "compact" else classic(classes)


def classic(classes: int) -> keras.Model:
    """The net with six convolutions of the reference notebooks, 183,747 parameters for three classes."""
    inputs = keras.Input((SIDE, SIDE, 3), dtype="uint8", name="picture")
    x = layers.Rescaling(1 / 255)(inputs)
    for filters in (32, 64, 64, 64, 64, 64):
        x = layers.Conv2D(filters, 3, activation="relu")(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Dense(64, activation="relu")(layers.Flatten()(x))
    return keras.Model(inputs, _softmax_head(x, classes), name="classic")


def compact(classes: int, dropout: float) -> keras.Model:
    """A strided residual net whose head pools over columns only: a fill level depends on vertical position, not horizontal."""
    inputs = keras.Input((SIDE, SIDE, 3), dtype="uint8", name="picture")
    x = layers.AveragePooling2D(2)(layers.Rescaling(1 / 127.5, offset=-1)(inputs))
    x = _conv_block(x, 24, 5, 2)
    for filters in (32, 64, 96):
        x = _residual_block(x, filters)
    x = layers.AveragePooling2D((2, x.shape[2]))(x)
    x = layers.Dropout(dropout)(layers.Flatten()(x))
    x = layers.Dense(64, activation="relu")(x)
    return keras.Model(inputs, _softmax_head(x, classes), name="compact")


def mirror_averaged(net: keras.Model) -> keras.Model:
    """A net that averages the predictions for a picture and its horizontal mirror image; shares the weights of ``net``."""
    inputs = keras.Input((SIDE, SIDE, 3), dtype="uint8", name="picture")
    outputs = [net(inputs), net(keras.ops.flip(inputs, axis=2))]
    return keras.Model(inputs, layers.Average(name="mirrored")(outputs), name=f"{_MIRRORED}{net.name}")


def unwrap_mirrored(net: keras.Model) -> keras.Model | None:
    """The net that was wrapped by :func:`mirror_averaged`; None if ``net`` is not such a wrapper."""
    if not net.name.startswith(_MIRRORED):
        return None
    return next(layer for layer in net.layers if isinstance(layer, keras.Model))


def _conv_block(x: Any, filters: int, size: int, strides: int) -> Any:
    x = layers.Conv2D(filters, size, strides=strides, padding="same", use_bias=False)(x)
    return layers.ReLU()(_batch_norm(x))


def _residual_block(x: Any, filters: int) -> Any:
    inner = _conv_block(x, filters, 3, 2)
    inner = _batch_norm(layers.Conv2D(filters, 3, padding="same", use_bias=False)(inner))
    shortcut = layers.AveragePooling2D(2)(x)
    shortcut = _batch_norm(layers.Conv2D(filters, 1, use_bias=False)(shortcut))
    return layers.ReLU()(layers.Add()([inner, shortcut]))


def _batch_norm(x: Any) -> Any:
    # Small datasets have few steps per epoch; with the default momentum of 0.99 the moving statistics would lag behind the weights.
    return layers.BatchNormalization(momentum=0.9)(x)


def _softmax_head(x: Any, classes: int) -> Any:
    return layers.Dense(classes, activation="softmax", name="probabilities")(x)
