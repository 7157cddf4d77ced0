"""Ensembles of nets that are trained jointly on the same examples and averaged. Imported by the worker process only.

Source: Lakshminarayanan et al., "Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles" (2017): the mean of
several nets with different initial weights, each with its own loss, is more accurate than a single one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers

_SHARED = "shared"


def clone_members(first: keras.Model, count: int, fresh: str) -> list[keras.Model]:
    """A net and ``count - 1`` copies of it with the same weights, except for the layer ``fresh``, which is initialised anew."""
    copies = []
    for number in range(2, count + 1):
        copy = keras.models.clone_model(first)
        copy.name = f"{first.name}_{number}"
        for layer in first.layers:
            if layer.name != fresh:
                copy.get_layer(layer.name).set_weights(layer.get_weights())
        copies.append(copy)
    return [first, *copies]


def stack_outputs(nets: Sequence[keras.Model]) -> keras.Model:
    """A net that stacks the outputs of several nets for the same input, ``(n, nets, classes)``; a single net is returned unchanged."""
    if len(nets) == 1:
        return nets[0]
    inputs = keras.Input(nets[0].input.shape[1:], dtype=nets[0].input.dtype)
    outputs = keras.ops.stack([net(inputs) for net in nets], axis=1)
    return keras.Model(inputs, outputs, name="side_by_side")


def average_members(whole: keras.Model, layer: str, nets: Sequence[keras.Model]) -> keras.Model:
    """A net in which the layers above ``layer`` are replaced by the mean of several nets; with a single one it is returned unchanged."""
    if len(nets) == 1:
        return whole
    shared = layers.Identity(name=_SHARED)(whole.get_layer(layer).output)
    average = layers.Average(name="members")([net(shared) for net in nets])
    return keras.Model(whole.inputs, average, name=whole.name)


def penultimate_model(net: keras.Model) -> keras.Model:
    """A net that outputs the input of the last layer; of an ensemble, that of the first member."""
    inner = [layer for layer in net.layers if isinstance(layer, keras.Model)]
    if not inner:
        return keras.Model(net.inputs, net.layers[-1].input)
    first = penultimate_model(inner[0])
    if not any(layer.name == _SHARED for layer in net.layers):
        return first
    return keras.Model(net.inputs, first(net.get_layer(_SHARED).output))


def mean_prediction(predictions: np.ndarray) -> np.ndarray:
    """Mean ``(n, classes)`` over the members of stacked predictions ``(n, nets, classes)``; those of a single net stay as they are."""
    return predictions if predictions.ndim == 2 else np.asarray(predictions.mean(axis=1))


def leaf_layers(net: keras.Model) -> Iterator[keras.Layer]:
    """All layers of a net, with nested nets replaced by their layers."""
    for layer in net.layers:
        if isinstance(layer, keras.Model):
            yield from leaf_layers(layer)
        else:
            yield layer


class MeanMemberLoss(keras.losses.Loss):  # type: ignore[misc]
    """Mean loss over the members of an ensemble with stacked outputs."""

    def __init__(self, loss: keras.losses.Loss) -> None:
        """Apply a loss to each member."""
        super().__init__(name="mean_member_loss")
        self._loss = loss

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Soft labels ``(n, classes)`` and predictions ``(n, nets, classes)`` -> losses ``(n,)``."""
        return keras.ops.mean(self._loss.call(_repeat_per_member(y_true, y_pred), y_pred), axis=1)


def ensemble_accuracy() -> keras.metrics.Metric:
    """Accuracy of the mean prediction of an ensemble with stacked outputs."""

    def correct(y_true: Any, y_pred: Any) -> Any:
        return keras.metrics.categorical_accuracy(y_true, keras.ops.mean(y_pred, axis=1))

    return keras.metrics.MeanMetricWrapper(correct, name="accuracy")


def _repeat_per_member(y_true: Any, y_pred: Any) -> Any:
    return keras.ops.repeat(keras.ops.expand_dims(y_true, 1), y_pred.shape[1], axis=1)
