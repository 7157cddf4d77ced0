"""A recipe whose net is a few numbers, for tests of what the engine does with any net.

It has what makes a run hard to go on with: batch statistics, dropout, an optimizer with a state, answers for mirror images.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import keras
from keras import layers

from workbench.imaging.decode import SIDE
from workbench.training.engine import train
from workbench.training.engine.scratch import scratch
from workbench.training.spec import SCRATCH


@contextmanager
def installed() -> Iterator[None]:
    """Let runs from scratch train this net."""
    recipes = dict(train.RECIPES)
    train.RECIPES = {**recipes, SCRATCH: partial(scratch, build_net=_net)}
    try:
        yield
    finally:
        train.RECIPES = recipes


def _net(_: str, classes: int, dropout: float) -> keras.Model:
    inputs = keras.Input((SIDE, SIDE, 3), dtype="uint8", name="picture")
    x = layers.AveragePooling2D(32)(layers.Rescaling(1 / 127.5, offset=-1)(inputs))
    x = layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.Dropout(dropout)(layers.Flatten()(x))
    return keras.Model(inputs, layers.Dense(classes, activation="softmax", name="probabilities")(x))
