"""Compiles a net with the optimizer, loss and schedule of a spec. Imported by the worker process only."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import keras

from workbench.training.engine.ensemble import MeanMemberLoss, ensemble_accuracy
from workbench.training.spec import TrainingSpec

_SINGLE_NET_RANK = 2
_ADAMW_DECAY = 0.004
# Decoupled weight decay: a step subtracts rate * decay * weight. The nets trained from scratch use it with plain Adam as well.
_WEIGHT_DECAY: Mapping[str, float] = {"adamw": _ADAMW_DECAY, "lion": 10 * _ADAMW_DECAY}
_WEIGHT_DECAY_OF_NET: Mapping[str, float] = {"compact": 0.5}
_OPTIMIZERS: Mapping[str, Callable[..., keras.optimizers.Optimizer]] = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "sgd": lambda rate, **more: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, **more),
    "rmsprop": keras.optimizers.RMSprop,
    "lion": keras.optimizers.Lion,
}


def compile_net(net: keras.Model, spec: TrainingSpec, rate: float) -> None:
    """Compile a net with a new optimizer; the state of a previous optimizer is discarded.

    Args:
        net: Outputs probabilities ``(n, classes)``, or ``(n, nets, classes)`` for an ensemble; targets are soft labels
            ``(n, classes)``.
        spec: Names optimizer and loss.
        rate: The learning rate.
    """
    decay = _WEIGHT_DECAY.get(spec.optimizer)
    if spec.optimizer in {"adam", "adamw"}:
        decay = _WEIGHT_DECAY_OF_NET.get(spec.architecture, decay)
    # Keras rejects an integer learning rate.
    optimizer = _OPTIMIZERS[spec.optimizer](float(rate), weight_decay=decay)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    objective: tuple[Any, Any] = (
        loss(spec),
        keras.metrics.CategoricalAccuracy(name="accuracy"),
    )
    if len(net.output_shape) > _SINGLE_NET_RANK:
        objective = (MeanMemberLoss(loss(spec)), ensemble_accuracy())
    net.compile(optimizer=optimizer, loss=objective[0], metrics=[objective[1]], jit_compile=False)
    # All variables are there before the first step, whose graph TensorFlow would otherwise trace twice.
    optimizer.build(net.trainable_variables)


def loss(spec: TrainingSpec) -> keras.losses.Loss:
    """Training loss of a spec.

    Source of the focal loss: Lin et al., "Focal Loss for Dense Object Detection" (2017), with alpha 1, since class weights are
    applied separately. Source of label smoothing: Szegedy et al., "Rethinking the Inception Architecture" (2016).
    """
    if spec.loss == "focal":
        return keras.losses.CategoricalFocalCrossentropy(
            alpha=1.0, gamma=float(spec.focal_gamma), label_smoothing=float(spec.label_smoothing)
        )
    return keras.losses.CategoricalCrossentropy(label_smoothing=float(spec.label_smoothing))


class LearningRateSchedule(keras.callbacks.Callback):  # type: ignore[misc]
    """Sets the learning rate of every step during warm-up and cosine decay; otherwise leaves it to ``ReduceLROnPlateau``.

    The warm-up is linear (Goyal et al., "Accurate, Large Minibatch SGD", 2017), the decay half a cosine (Loshchilov and Hutter, "SGDR", 2017).
    """

    def __init__(self, spec: TrainingSpec, rate: float, epochs: int, first: int) -> None:
        """Schedule a stage.

        Args:
            spec: Names schedule and warm-up.
            rate: Learning rate after the warm-up.
            epochs: Number of epochs of the stage.
            first: First epoch of the stage within the run, counted from 0.
        """
        super().__init__()
        self._cosine = spec.schedule == "cosine"
        self._rate = rate
        self._epochs = epochs
        self._warmup_epochs = min(spec.warmup_epochs, epochs - 1) if epochs > 1 else 0
        self._first = first
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Remember the epoch within the stage."""
        self._epoch = epoch - self._first

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Set the learning rate of the step."""
        steps = self.params["steps"]
        rate = self.rate(self._epoch * steps + batch, steps)
        if rate is not None:
            self.model.optimizer.learning_rate = rate

    def rate(self, step: int, steps: int) -> float | None:
        """Learning rate of a step of the stage, counted from 0, with ``steps`` steps per epoch; None if it is not changed."""
        warmup_steps = self._warmup_epochs * steps
        if step <= warmup_steps and warmup_steps:
            return self._rate * min(1.0, (step + 1) / warmup_steps)
        if self._cosine:
            return (
                self._rate
                * (1 + math.cos(math.pi * (step - warmup_steps) / (self._epochs * steps - warmup_steps)))
                / 2
            )
        return None
