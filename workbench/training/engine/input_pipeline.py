"""Feeds training examples, pictures from the mapped file or features, varied afresh each epoch; only a few batches are in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import tensorflow as tf

from workbench.imaging.augmentation import augment
from workbench.imaging.decode import SIDE
from workbench.training.dataset import Dataset
from workbench.training.engine.mixup import mixed
from workbench.training.spec import TrainingSpec

_AHEAD = 2
_MIXING = 2**32  # no epoch: the numbers for mixing are others than those for the order

Batch = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Examples:
    """What a net is shown of each picture.

    Attributes:
        show: Takes positions in the dataset ``(n,) int64`` and an epoch, counted from 1 over all stages; gives
            ``(n, *shape)``, the same for the same arguments.
        shape: Of one example.
        dtype: Of the numbers, ``uint8``, ``float16`` or ``float32``.
    """

    show: Callable[[np.ndarray, int], np.ndarray]
    shape: tuple[int, ...]
    dtype: str


def pictures(dataset: Dataset, spec: TrainingSpec) -> Examples:
    """The pictures themselves; epoch ``k`` shows variant ``k`` of the preview."""

    def show(indices: np.ndarray, epoch: int) -> np.ndarray:
        shown = np.empty((len(indices), SIDE, SIDE, 3), np.uint8)
        for slot, index in enumerate(indices):
            key = (spec.seed, epoch, int(dataset.image_ids[index]))
            shown[slot] = augment(dataset.pixels[index], spec.augmentation, key)
        return shown

    return Examples(show, (SIDE, SIDE, 3), "uint8")


class InputPipeline:
    """Batches of the training split in an order fixed by seed and epoch.

    Attributes:
        steps: Batches an epoch.
    """

    def __init__(
        self,
        dataset: Dataset,
        spec: TrainingSpec,
        class_weights: np.ndarray,
        examples: Examples | None = None,
    ) -> None:
        """Feed the training split; ``class_weights`` is ``(classes,) float32``. Without examples it shows the pictures."""
        self._dataset = dataset
        self._spec = spec
        # Classes that are shown equally often are balanced by that already.
        even = spec.sampling == "balanced" and spec.class_weights == "balanced"
        self._weights = np.ones_like(class_weights) if even else class_weights
        self._examples = examples or pictures(dataset, spec)
        self._indices = dataset.indices("train")
        self.steps = -(-len(self._indices) // spec.batch_size)
        self._order = lru_cache(maxsize=2)(self._ordered)

    def batches(self, first: int = 0) -> tf.data.Dataset:
        """The batches from step ``first`` on, one epoch after the other without end.

        A thread prepares the next ones while the net works on this one, or is judged: nothing waits between epochs.
        """
        options = tf.data.Options()
        options.autotune.enabled = False
        # More threads would take the cores from the net, which needs far longer for a batch.
        options.threading.private_threadpool_size = 1
        return tf.data.Dataset.counter(first).map(self._tensors).prefetch(_AHEAD).with_options(options)

    def batch(self, step: int) -> Batch:
        """Batch ``step``, counted from 0 over all epochs: what training shows the net in that step.

        Returns:
            Examples ``(n, ...)`` (pictures are ``(n, 256, 256, 3) uint8``), the share of each class in each of them
            ``(n, classes) float32`` and weights ``(n,) float32``.
        """
        past, place = divmod(int(step), self.steps)
        epoch = past + 1
        chosen = self._order(epoch)[place]
        shares = np.eye(len(self._weights), dtype=np.float32)[self._dataset.labels[chosen]]
        shown = self._examples.show(chosen, epoch)
        shown, shares = mixed(
            shown, shares, self._spec, np.random.default_rng((self._spec.seed, _MIXING, int(step)))
        )
        return shown, shares, shares @ self._weights

    def _tensors(self, step: tf.Tensor) -> tuple[tf.Tensor, ...]:
        types = (tf.as_dtype(self._examples.dtype), tf.float32, tf.float32)
        shapes = ((None, *self._examples.shape), (None, len(self._weights)), (None,))
        tensors = tf.numpy_function(self.batch, [step], types)
        return tuple(tf.ensure_shape(each, shape) for each, shape in zip(tensors, shapes, strict=True))

    def _ordered(self, epoch: int) -> list[np.ndarray]:
        random = np.random.default_rng((self._spec.seed, epoch))
        order = (
            self._balanced(random) if self._spec.sampling == "balanced" else random.permutation(self._indices)
        )
        # Batches of nearly one size: a last batch of two or three would upset batch normalisation.
        return np.array_split(order, self.steps)

    def _balanced(self, random: np.random.Generator) -> np.ndarray:
        """As many examples as there are pictures, every class as often as the others; a picture again only after all of its class."""
        classes = [
            self._indices[self._dataset.labels[self._indices] == number]
            for number in range(len(self._weights))
        ]
        present = [class_ for class_ in classes if len(class_)]
        order = []
        for members, share in zip(present, np.array_split(self._indices, len(present)), strict=True):
            rounds = [random.permutation(members) for _ in range(-(-len(share) // len(members)))]
            order.append(np.concatenate(rounds)[: len(share)])
        return random.permutation(np.concatenate(order))
