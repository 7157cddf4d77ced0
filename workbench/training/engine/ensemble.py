"""Several nets that learn side by side from the same examples and answer with their mean. Only the worker imports this.

Source: Lakshminarayanan et al., "Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles" (2017): the same
net from several first weights, each with a loss of its own, is better on average than one of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers

_SHARED = "shared"


def members(first: keras.Model, count: int, fresh: str) -> list[keras.Model]:
    """A net and copies of it with the same weights, but for those of the layer ``fresh``, which each draws for itself."""
    copies = []
    for number in range(2, count + 1):
        copy = keras.models.clone_model(first)
        copy.name = f"{first.name}_{number}"
        for layer in first.layers:
            if layer.name != fresh:
                copy.get_layer(layer.name).set_weights(layer.get_weights())
        copies.append(copy)
    return [first, *copies]


def side_by_side(nets: Sequence[keras.Model]) -> keras.Model:
    """What each of some nets answers for the same input, ``(n, nets, classes)``; a single net is given back as it is."""
    if len(nets) == 1:
        return nets[0]
    inputs = keras.Input(nets[0].input.shape[1:], dtype=nets[0].input.dtype)
    answers = keras.ops.stack([net(inputs) for net in nets], axis=1)
    return keras.Model(inputs, answers, name="side_by_side")


def joined(whole: keras.Model, layer: str, nets: Sequence[keras.Model]) -> keras.Model:
    """A net whose layers above one of them are replaced by the mean of some nets; with a single one it stays as it is."""
    if len(nets) == 1:
        return whole
    shared = layers.Identity(name=_SHARED)(whole.get_layer(layer).output)
    mean = layers.Average(name="members")([net(shared) for net in nets])
    return keras.Model(whole.inputs, mean, name=whole.name)


def penultimate(net: keras.Model) -> keras.Model:
    """What goes into the last layer of a net; of several nets whose mean answers, that of the first."""
    inner = [layer for layer in net.layers if isinstance(layer, keras.Model)]
    if not inner:
        return keras.Model(net.inputs, net.layers[-1].input)
    first = penultimate(inner[0])
    if not any(layer.name == _SHARED for layer in net.layers):
        return first
    return keras.Model(net.inputs, first(net.get_layer(_SHARED).output))


def agreed(answers: np.ndarray) -> np.ndarray:
    """The mean ``(n, classes)`` of the answers of nets side by side; those of a single net stay as they are."""
    return answers if answers.ndim == 2 else np.asarray(answers.mean(axis=1))


def leaves(net: keras.Model) -> Iterator[keras.Layer]:
    """The layers of a net, and those of the nets that it is made of."""
    for layer in net.layers:
        if isinstance(layer, keras.Model):
            yield from leaves(layer)
        else:
            yield layer


class EachLoss(keras.losses.Loss):  # type: ignore[misc]
    """The mean of the losses of nets that answer side by side."""

    def __init__(self, loss: keras.losses.Loss) -> None:
        """Ask a loss for each net."""
        super().__init__(name="each")
        self._loss = loss

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Shares ``(n, classes)`` and answers ``(n, nets, classes)`` -> losses ``(n,)``."""
        return keras.ops.mean(self._loss.call(_repeated(y_true, y_pred), y_pred), axis=1)


def each_accuracy() -> keras.metrics.Metric:
    """The share of pictures for which the mean of nets side by side is right."""

    def right(y_true: Any, y_pred: Any) -> Any:
        return keras.metrics.categorical_accuracy(y_true, keras.ops.mean(y_pred, axis=1))

    return keras.metrics.MeanMetricWrapper(right, name="accuracy")


def _repeated(y_true: Any, y_pred: Any) -> Any:
    return keras.ops.repeat(keras.ops.expand_dims(y_true, 1), y_pred.shape[1], axis=1)
