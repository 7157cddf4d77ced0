"""The transfer-learning recipes ``instant`` and ``fine_tune``. Imported by the worker process only.

The layers below a cut are frozen: their activations for each view of a picture are computed once and cached, and the layers
above the cut are trained on them. ``instant`` cuts just below the head, ``fine_tune`` in the middle of the net.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from workbench.backbones.definitions import BACKBONES
from workbench.backbones.weights import WeightsState, find_or_download, weights_state
from workbench.training.engine import backbone_graph, feature_cache
from workbench.training.engine.architectures import mirror_averaged
from workbench.training.engine.ensemble import (
    average_members,
    clone_members,
    leaf_layers,
    mean_prediction,
    stack_outputs,
)
from workbench.training.engine.export import export
from workbench.training.engine.feature_cache import MIRRORED, FeatureRequest, Views
from workbench.training.engine.input_pipeline import Examples
from workbench.training.engine.recipe import Recipe, Stage, Task, predict
from workbench.training.engine.templates import LastLayer, Template

_HEAD_RATE = 2e-3
_HEAD_EPOCH_DIVISOR, _HEAD_COST = 4, 0.4
_INTERPOLATION = 0.85
_PREDICT_BATCH = 128  # larger than for pictures: for small activations the overhead per call dominates
_MEGABYTE = 1_000_000


@dataclass(frozen=True)
class _TransferSetup:
    """A task, the state of its pretrained weights, and the whole net."""

    task: Task
    weights: WeightsState
    whole: keras.Model

    @property
    def seen(self) -> tuple[int, ...]:
        """Views of a validation picture whose predictions are averaged: with mirroring, the picture and its mirror image."""
        return (0, MIRRORED) if self.task.spec.augmentation.strength("flip") else (0,)

    @property
    def served(self) -> keras.Model:
        """The net to export."""
        return mirror_averaged(self.whole) if len(self.seen) > 1 else self.whole

    @property
    def origin(self) -> dict[str, str]:
        """Description of the pretrained weights for the manifest."""
        backbone = BACKBONES[self.task.spec.architecture]
        return {
            "backbone": backbone.name,
            "file": self.weights.file,
            "sha256": self.weights.sha256 or "",
            "licence": backbone.licence,
        }


def instant(task: Task) -> Recipe:
    """One stage that trains a head on the row means of the last feature map; the backbone is frozen."""
    setup = _prepare(task)
    net = backbone_graph.head_model(setup.whole, backbone_graph.ROWS_LAYER, task.spec.dropout)
    examples, predict_validation = _cached_features(setup, net, (backbone_graph.ROWS_LAYER, "float32"))
    stage = Stage(
        net,
        examples,
        predict_validation,
        task.spec.epochs,
        task.spec.learning_rate,
        lambda: _train_head_only(net),
    )
    return Recipe(
        net,
        setup.served,
        (stage,),
        weights=setup.origin,
        export=lambda folder: _export_from_template(setup, folder),
    )


def fine_tune(task: Task) -> Recipe:
    """One stage that trains the head, then one that trains all layers above the cut, except batch normalisation."""
    setup, spec = _prepare(task), task.spec
    layer = BACKBONES[spec.architecture].cut(spec.depth)
    parts = clone_members(
        backbone_graph.head_model(setup.whole, layer, spec.dropout),
        spec.members,
        backbone_graph.PROBABILITIES_LAYER,
    )
    net = stack_outputs(parts)
    examples, predict_validation = _cached_features(setup, net, (layer, "float16"))
    head_epochs = spec.epochs // _HEAD_EPOCH_DIVISOR
    tune_stage = Stage(
        net,
        examples,
        predict_validation,
        spec.epochs - head_epochs,
        spec.learning_rate,
        lambda: backbone_graph.unfreeze(net),
    )
    stages = [replace(tune_stage, interpolation=_INTERPOLATION) if head_epochs else tune_stage]
    if head_epochs:
        head_stage = Stage(
            net,
            examples,
            predict_validation,
            head_epochs,
            _HEAD_RATE,
            lambda: _train_head_only(net),
            cost=_HEAD_COST,
        )
        stages.insert(0, head_stage)
    served = replace(setup, whole=average_members(setup.whole, layer, parts)).served
    return Recipe(net, served, tuple(stages), exact=False, weights=setup.origin)


def _prepare(task: Task) -> _TransferSetup:
    backbone = BACKBONES[task.spec.architecture]

    def report_download(done: int, total: int) -> None:
        task.report_progress(done // _MEGABYTE, -(-total // _MEGABYTE))

    if not weights_state(backbone, task.place.weights).present:
        task.reporter.phase("downloading")
    weights = find_or_download(backbone, task.place.weights, report_download)
    return _TransferSetup(
        task, weights, backbone_graph.build_model(task.spec, weights, len(task.dataset.classes))
    )


def _train_head_only(net: keras.Model) -> None:
    for layer in leaf_layers(net):
        layer.trainable = layer.name == backbone_graph.PROBABILITIES_LAYER


def _cached_features(
    setup: _TransferSetup, net: keras.Model, cut: tuple[str, str]
) -> tuple[Examples, Callable[[], np.ndarray]]:
    """Compute or load the activations of a layer: training examples, and a function that predicts the validation pictures.

    Args:
        setup: The task and its net.
        net: Maps the layer's activations to probabilities.
        cut: Name of the layer, and the dtype in which its activations are cached.
    """
    task = setup.task
    trunk = backbone_graph.frozen_backbone(
        backbone_graph.feature_model(setup.whole, cut[0]), _cache_name(setup, cut[0]), cut[1]
    )
    training_views = Views(
        (*setup.seen, *range(1, task.spec.variants + 1)), task.spec.augmentation, task.spec.seed
    )
    validation_views = Views(setup.seen, task.spec.augmentation, task.spec.seed)
    train_request = FeatureRequest(task.dataset, task.dataset.indices("train"), training_views)
    validation_request = FeatureRequest(task.dataset, task.dataset.indices("validation"), validation_views)
    task.reporter.phase("features")
    feature_cache.prune(task.place.features)
    total = len(train_request) + len(validation_request)
    train_features = feature_cache.load_or_compute_features(
        train_request, trunk, task.place.features, lambda done, _: task.report_progress(done, total)
    )
    validation_features = feature_cache.load_or_compute_features(
        validation_request,
        trunk,
        task.place.features,
        lambda done, _: task.report_progress(len(train_request) + done, total),
    )
    return _examples(task, train_features), lambda: _mean_predictions(net, validation_features)


def _cache_name(setup: _TransferSetup, layer: str) -> str:
    policy = keras.config.dtype_policy().name
    return f"{setup.task.spec.architecture} {setup.weights.sha256} {layer} {policy} keras {keras.__version__}"


def _examples(task: Task, features: np.ndarray) -> Examples:
    """Examples that cycle through the views of each picture, one per epoch, from a random first view per picture.

    Args:
        task: Its training pictures, in this order, have the rows of ``features``.
        features: ``(training pictures, views, *shape)``.
    """
    row_of_index = np.full(len(task.dataset.labels), -1)
    row_of_index[task.dataset.indices("train")] = np.arange(len(features))
    views = features.shape[1]
    first_views = np.random.default_rng(task.spec.seed).integers(views, size=len(features))

    def show(indices: np.ndarray, epoch: int) -> np.ndarray:
        rows = row_of_index[indices]
        return np.asarray(features[rows, (first_views[rows] + epoch) % views])

    return Examples(show, features.shape[2:], features.dtype.name)


def _mean_predictions(net: keras.Model, features: np.ndarray) -> np.ndarray:
    rows = np.arange(len(features))
    views = [
        mean_prediction(predict(net, features[:, view], rows, _PREDICT_BATCH))
        for view in range(features.shape[1])
    ]
    return np.asarray(np.mean(views, axis=0))


def _export_from_template(setup: _TransferSetup, folder: Path) -> None:
    """Export through a cached template, which is shared by all nets that differ only in the head's weights."""
    layer = setup.whole.get_layer(backbone_graph.PROBABILITIES_LAYER)
    head = LastLayer(*layer.get_weights())

    def export_template(target: Path) -> None:
        placeholder = head.placeholder_weights()
        layer.set_weights([placeholder.kernel, placeholder.bias])
        export(setup.served, target)
        layer.set_weights([head.kernel, head.bias])

    spec = setup.task.spec
    template_key = (
        _cache_name(setup, backbone_graph.ROWS_LAYER),
        spec.head,
        len(head.bias),
        setup.seen,
        tf.__version__,
    )
    template_folder = (
        setup.task.place.features / "exports" / hashlib.sha256(repr(template_key).encode()).hexdigest()[:16]
    )
    if not Template(template_folder, export_template).fill(folder, head):
        export(setup.served, folder)
