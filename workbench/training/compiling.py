"""Makes a net ready to train as a spec says. Only the worker imports this."""

from __future__ import annotations

import keras

from workbench.training.spec import TrainingSpec

_WEIGHT_DECAY = {"compact": 0.5}  # a step takes this share of the learning rate off the weights


def compile_net(net: keras.Model, spec: TrainingSpec, rate: float) -> None:
    """Compile a net with a fresh optimizer; a net that was compiled before forgets its old one.

    Args:
        net: Gives probabilities ``(n, classes)`` and is shown the share of each class ``(n, classes)``.
        spec: Names optimizer and loss.
        rate: The learning rate.
    """
    # Keras refuses a whole number.
    optimizer = keras.optimizers.Adam(float(rate), weight_decay=_WEIGHT_DECAY.get(spec.architecture))
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    net.compile(optimizer=optimizer, loss="categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
