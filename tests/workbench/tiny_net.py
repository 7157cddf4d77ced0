"""Nets of a few numbers, for tests of what the engine does with any net.

The one from scratch has what makes a run hard to go on with: batch statistics, dropout, an optimizer with a state, answers
for mirror images. The one in the place of MobileNetV3 Small has its interface: the names and shapes of the layers where it is
cut and of its output, batch normalisation, a weights file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import keras
from keras import layers

from workbench.backbones.definitions import BACKBONES
from workbench.imaging.decode import SIDE
from workbench.training.engine import train
from workbench.training.engine.scratch import scratch
from workbench.training.spec import SCRATCH

SMALL = BACKBONES["mobilenet_v3_small"]
CHANNELS, FEATURES = 48, 576
"""Of the layers where MobileNetV3 Small is cut for fine-tuning at the top, and of its output."""


def install() -> None:
    """Let runs from scratch train the one net, and those from pretrained weights the other instead of MobileNetV3 Small."""
    train.RECIPES = {**train.RECIPES, SCRATCH: partial(scratch, build_net=_net)}
    setattr(keras.applications, SMALL.builder, backbone)


@contextmanager
def installed() -> Iterator[None]:
    """Let them until the end of the context."""
    recipes, builder = dict(train.RECIPES), getattr(keras.applications, SMALL.builder)
    install()
    try:
        yield
    finally:
        train.RECIPES = recipes
        setattr(keras.applications, SMALL.builder, builder)


def _net(_: str, classes: int, dropout: float) -> keras.Model:
    inputs = keras.Input((SIDE, SIDE, 3), dtype="uint8", name="picture")
    x = layers.AveragePooling2D(32)(layers.Rescaling(1 / 127.5, offset=-1)(inputs))
    x = layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.Dropout(dropout)(layers.Flatten()(x))
    return keras.Model(inputs, layers.Dense(classes, activation="softmax", name="probabilities")(x))


def backbone(
    input_shape: tuple[int, int, int],
    include_top: bool,
    weights: str | None,
    input_tensor: Any = None,
) -> keras.Model:
    """A net with the signature of ``keras.applications.MobileNetV3Small``, ``(N, 224, 224, 3)`` -> ``(N, 7, 7, 576)``.

    Raises:
        ValueError: The file holds the weights of another net.
    """
    assert not include_top
    inputs = keras.Input(input_shape) if input_tensor is None else input_tensor
    x = layers.AveragePooling2D(16)(layers.Rescaling(1 / 127.5, offset=-1)(inputs))
    x = layers.Conv2D(CHANNELS, 1, use_bias=False, name="stem")(x)
    for depth in ("deep", "middle", "top"):
        name = SMALL.cut(depth).removesuffix("_add")
        y = layers.Conv2D(CHANNELS, 1, use_bias=False, name=f"{name}_conv")(x)
        y = layers.ReLU(name=f"{name}_relu")(layers.BatchNormalization(name=f"{name}_bn")(y))
        x = layers.Add(name=SMALL.cut(depth))([x, y])
    x = layers.Conv2D(FEATURES, 2, strides=2, use_bias=False, name="last_conv")(x)
    x = layers.ReLU(name="last_relu")(layers.BatchNormalization(name="last_bn")(x))
    net = keras.Model(inputs if input_tensor is None else keras.utils.get_source_inputs(input_tensor), x)
    if weights:
        net.load_weights(weights)
    return net
