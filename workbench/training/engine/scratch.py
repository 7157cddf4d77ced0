"""The recipe ``scratch``: training from random initial weights. Imported by the worker process only."""

from __future__ import annotations

from collections.abc import Callable

import keras

from workbench.training.engine.architectures import build, mirror_averaged
from workbench.training.engine.input_pipeline import picture_examples
from workbench.training.engine.recipe import Recipe, Stage, Task, predict


def scratch(task: Task, build_net: Callable[[str, int, float], keras.Model] = build) -> Recipe:
    """One stage that trains the whole net on augmented pictures.

    Args:
        task: The data and the settings.
        build_net: Builds the net from the architecture's name, the number of classes and the dropout rate.
    """
    net = build_net(task.spec.architecture, len(task.dataset.classes), task.spec.dropout)
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
