"""The recipes that start from pretrained weights. Only the worker imports this.

The layers below a cut stay as they are, so that what they give for each view of a picture is computed once and kept; the
layers above it learn from that. ``instant`` cuts just below the head, ``fine_tune`` in the middle of the net.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from workbench.pretrained.backbones import BACKBONES
from workbench.pretrained.weights import WeightsState, find_or_download, weights_state
from workbench.training.engine import backbone_graph, feature_cache
from workbench.training.engine.architectures import mirrored
from workbench.training.engine.ensemble import agreed, joined, leaves, members, side_by_side
from workbench.training.engine.export import export
from workbench.training.engine.feature_cache import MIRRORED, FeatureRequest, Views
from workbench.training.engine.input_pipeline import Examples
from workbench.training.engine.recipe import Recipe, Stage, Task, predict
from workbench.training.engine.templates import LastLayer, Template

_HEAD_RATE = 2e-3
_HEAD_SHARE, _HEAD_COST = 4, 0.4
_REACH = 0.85
_ANSWERED_AT_ONCE = 128  # activations are small; calls cost more than what is computed
_MEGABYTE = 1_000_000


@dataclass(frozen=True)
class _Kit:
    """A task with the net that it is about and where its weights came from."""

    task: Task
    weights: WeightsState
    whole: keras.Model

    @property
    def seen(self) -> tuple[int, ...]:
        """The views that are answered for; their mean counts."""
        return (0, MIRRORED) if self.task.spec.augmentation.strength("flip") else (0,)

    @property
    def served(self) -> keras.Model:
        """The net as it is exported."""
        return mirrored(self.whole) if len(self.seen) > 1 else self.whole

    @property
    def origin(self) -> dict[str, str]:
        """Where the weights came from, for the manifest."""
        backbone = BACKBONES[self.task.spec.architecture]
        return {
            "backbone": backbone.name,
            "file": self.weights.file,
            "sha256": self.weights.sha256 or "",
            "licence": backbone.licence,
        }


def instant(task: Task) -> Recipe:
    """One stage in which a head learns from the rows of the last map; the rest of the net stays as it is."""
    kit = _kit(task)
    net = backbone_graph.above(kit.whole, backbone_graph.ROWS, task.spec.dropout)
    shown, answers = _cached(kit, net, (backbone_graph.ROWS, "float32"))
    stage = Stage(net, shown, answers, task.spec.epochs, task.spec.learning_rate, lambda: _only_the_head(net))
    return Recipe(
        net, kit.served, (stage,), weights=kit.origin, export=lambda folder: _filled_in(kit, folder)
    )


def fine_tune(task: Task) -> Recipe:
    """First a head learns, then all layers above the cut; the statistics of batch normalisation stay as they are."""
    kit, spec = _kit(task), task.spec
    layer = BACKBONES[spec.architecture].cut(spec.depth)
    parts = members(backbone_graph.above(kit.whole, layer, spec.dropout), spec.members, backbone_graph.ANSWER)
    net = side_by_side(parts)
    shown, answers = _cached(kit, net, (layer, "float16"))
    head = spec.epochs // _HEAD_SHARE
    tune = Stage(
        net, shown, answers, spec.epochs - head, spec.learning_rate, lambda: backbone_graph.unfreeze(net)
    )
    stages = [replace(tune, reach=_REACH) if head else tune]
    if head:
        first = Stage(net, shown, answers, head, _HEAD_RATE, lambda: _only_the_head(net), cost=_HEAD_COST)
        stages.insert(0, first)
    served = replace(kit, whole=joined(kit.whole, layer, parts)).served
    return Recipe(net, served, tuple(stages), exact=False, weights=kit.origin)


def _kit(task: Task) -> _Kit:
    backbone = BACKBONES[task.spec.architecture]

    def told(done: int, total: int) -> None:
        task.told(done // _MEGABYTE, -(-total // _MEGABYTE))

    if not weights_state(backbone, task.place.weights).present:
        task.reporter.phase("downloading")
    weights = find_or_download(backbone, task.place.weights, told)
    return _Kit(task, weights, backbone_graph.assembled(task.spec, weights, len(task.dataset.classes)))


def _only_the_head(net: keras.Model) -> None:
    for layer in leaves(net):
        layer.trainable = layer.name == backbone_graph.ANSWER


def _cached(kit: _Kit, net: keras.Model, cut: tuple[str, str]) -> tuple[Examples, Callable[[], np.ndarray]]:
    """What is kept of a layer: the examples for training, and the answers for validation.

    Args:
        kit: The task and its net.
        net: Answers for the layer's activations.
        cut: Name of the layer, and the type that its activations are kept as.
    """
    task = kit.task
    trunk = backbone_graph.trunk(backbone_graph.below(kit.whole, cut[0]), _name(kit, cut[0]), cut[1])
    varied = Views((*kit.seen, *range(1, task.spec.variants + 1)), task.spec.augmentation, task.spec.seed)
    plain = Views(kit.seen, task.spec.augmentation, task.spec.seed)
    train = FeatureRequest(task.dataset, task.dataset.indices("train"), varied)
    judged = FeatureRequest(task.dataset, task.dataset.indices("validation"), plain)
    task.reporter.phase("features")
    feature_cache.prune(task.place.features)
    total = len(train) + len(judged)
    shown = feature_cache.gather(train, trunk, task.place.features, lambda done, _: task.told(done, total))
    asked = feature_cache.gather(
        judged, trunk, task.place.features, lambda done, _: task.told(len(train) + done, total)
    )
    return _examples(task, shown), lambda: _answers(net, asked)


def _name(kit: _Kit, layer: str) -> str:
    policy = keras.config.dtype_policy().name
    return f"{kit.task.spec.architecture} {kit.weights.sha256} {layer} {policy} keras {keras.__version__}"


def _examples(task: Task, kept: np.ndarray) -> Examples:
    """One view of each picture an epoch, all of them in turn; each picture begins with another one."""
    slots = np.full(len(task.dataset.labels), -1)
    slots[task.dataset.indices("train")] = np.arange(len(kept))
    views = kept.shape[1]
    begins = np.random.default_rng(task.spec.seed).integers(views, size=len(kept))

    def show(indices: np.ndarray, epoch: int) -> np.ndarray:
        chosen = slots[indices]
        return np.asarray(kept[chosen, (begins[chosen] + epoch) % views])

    return Examples(show, kept.shape[2:], kept.dtype.name)


def _answers(net: keras.Model, asked: np.ndarray) -> np.ndarray:
    everything = np.arange(len(asked))
    views = [
        agreed(predict(net, asked[:, view], everything, _ANSWERED_AT_ONCE)) for view in range(asked.shape[1])
    ]
    return np.asarray(np.mean(views, axis=0))


def _filled_in(kit: _Kit, folder: Path) -> None:
    """Export by way of a template, which is kept: all nets that differ in the head's weights alone share it."""
    layer = kit.whole.get_layer(backbone_graph.ANSWER)
    own = LastLayer(*layer.get_weights())

    def exported(place: Path) -> None:
        marked = own.marked()
        layer.set_weights([marked.kernel, marked.bias])
        export(kit.served, place)
        layer.set_weights([own.kernel, own.bias])

    spec = kit.task.spec
    varying = (_name(kit, backbone_graph.ROWS), spec.head, len(own.bias), kit.seen, tf.__version__)
    kept = kit.task.place.features / "exports" / hashlib.sha256(repr(varying).encode()).hexdigest()[:16]
    if not Template(kept, exported).fill(folder, own):
        export(kit.served, folder)
