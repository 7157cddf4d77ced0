"""A recipe whose net is a few numbers, for tests of what the engine does with any net.

It has what makes a run hard to go on with: batch statistics, dropout, an optimizer with a state, answers for mirror images.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras
from keras import layers

from workbench.imaging.decode import SIDE
from workbench.training.engine import train
from workbench.training.engine.architectures import mirror_averaged
from workbench.training.engine.input_pipeline import picture_examples
from workbench.training.engine.recipe import Recipe, Stage, Task, predict
from workbench.training.spec import SCRATCH


def tiny(task: Task) -> Recipe:
    """As ``scratch``, but with a net of one convolution."""
    net = _net(len(task.dataset.classes), task.spec.dropout)
    served = mirror_averaged(net) if task.spec.augmentation.strength("flip") else net
    validation = task.dataset.indices("validation")
    stage = Stage(
        net,
        picture_examples(task.dataset, task.spec),
        lambda: predict(served, task.dataset.pixels, validation),
        task.spec.epochs,
        task.spec.learning_rate,
    )
    return Recipe(net, served, (stage,))


@contextmanager
def installed() -> Iterator[None]:
    """Let runs from scratch train this net."""
    recipes = dict(train.RECIPES)
    train.RECIPES = {**recipes, SCRATCH: tiny}
    try:
        yield
    finally:
        train.RECIPES = recipes


def _net(classes: int, dropout: float) -> keras.Model:
    inputs = keras.Input((SIDE, SIDE, 3), dtype="uint8", name="picture")
    x = layers.AveragePooling2D(32)(layers.Rescaling(1 / 127.5, offset=-1)(inputs))
    x = layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.Dropout(dropout)(layers.Flatten()(x))
    return keras.Model(inputs, layers.Dense(classes, activation="softmax", name="probabilities")(x))
