"""Makes a net ready to train as a spec says. Only the worker imports this."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import keras

from workbench.training.engine.ensemble import EachLoss, each_accuracy
from workbench.training.spec import TrainingSpec

_PLAIN = 2
_SMALL_DECAY = 0.004
# A step of these takes rate * decay off the weights. The nets from scratch need it in Adam too, which else has none.
_DECAY: Mapping[str, float] = {"adamw": _SMALL_DECAY, "lion": 10 * _SMALL_DECAY}
_DECAY_OF_NET: Mapping[str, float] = {"compact": 0.5}
_OPTIMIZERS: Mapping[str, Callable[..., keras.optimizers.Optimizer]] = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "sgd": lambda rate, **more: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, **more),
    "rmsprop": keras.optimizers.RMSprop,
    "lion": keras.optimizers.Lion,
}


def compile_net(net: keras.Model, spec: TrainingSpec, rate: float) -> None:
    """Compile a net with a fresh optimizer; a net that was compiled before forgets its old one.

    Args:
        net: Gives probabilities ``(n, classes)``, or ``(n, nets, classes)`` where several learn side by side, and is shown the
            share of each class ``(n, classes)``.
        spec: Names optimizer and loss.
        rate: The learning rate.
    """
    decay = _DECAY.get(spec.optimizer)
    if spec.optimizer in {"adam", "adamw"}:
        decay = _DECAY_OF_NET.get(spec.architecture, decay)
    # Keras refuses a whole number.
    optimizer = _OPTIMIZERS[spec.optimizer](float(rate), weight_decay=decay)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    wanted: tuple[Any, Any] = (loss(spec), "accuracy")
    if len(net.output_shape) > _PLAIN:
        wanted = (EachLoss(loss(spec)), each_accuracy())
    net.compile(optimizer=optimizer, loss=wanted[0], metrics=[wanted[1]], jit_compile=False)


def loss(spec: TrainingSpec) -> keras.losses.Loss:
    """What training makes small.

    Source of the focal loss: Lin et al., "Focal Loss for Dense Object Detection" (2017); class weights come beside it, so it has
    none of its own. Of label smoothing: Szegedy et al., "Rethinking the Inception Architecture" (2016).
    """
    if spec.loss == "focal":
        return keras.losses.CategoricalFocalCrossentropy(
            alpha=1.0, gamma=float(spec.focal_gamma), label_smoothing=float(spec.label_smoothing)
        )
    return keras.losses.CategoricalCrossentropy(label_smoothing=float(spec.label_smoothing))


class LearningRateSchedule(keras.callbacks.Callback):  # type: ignore[misc]
    """Sets the learning rate of every step that the schedule knows beforehand; what it leaves alone is the plateau's.

    The warm-up is linear (Goyal et al., "Accurate, Large Minibatch SGD", 2017), the descent half a cosine (Loshchilov and Hutter, "SGDR", 2017).
    """

    def __init__(self, spec: TrainingSpec, rate: float, epochs: int, first: int) -> None:
        """Pace a stage of some epochs.

        Args:
            spec: Names schedule and warm-up.
            rate: After the warm-up.
            epochs: Of the whole stage.
            first: The epoch of the run with which the stage began, counted from 0.
        """
        super().__init__()
        self._cosine = spec.schedule == "cosine"
        self._rate = rate
        self._epochs = epochs
        self._warm = min(spec.warmup_epochs, epochs - 1) if epochs > 1 else 0
        self._first = first
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Note the epoch of the stage."""
        self._epoch = epoch - self._first

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Set the rate."""
        steps = self.params["steps"]
        rate = self.rate(self._epoch * steps + batch, steps)
        if rate is not None:
            self.model.optimizer.learning_rate = rate

    def rate(self, step: int, steps: int) -> float | None:
        """The rate of a step of the stage, counted from 0, with so many steps an epoch; None where it stays as it is."""
        warm = self._warm * steps
        if step <= warm and warm:
            return self._rate * min(1.0, (step + 1) / warm)
        if self._cosine:
            return self._rate * (1 + math.cos(math.pi * (step - warm) / (self._epochs * steps - warm))) / 2
        return None
