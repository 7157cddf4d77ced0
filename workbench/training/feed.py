"""Feeds training pictures from the mapped file, varied afresh each epoch; only a few batches are in memory."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import tensorflow as tf

from workbench.augmentation import augment
from workbench.pictures import SIDE
from workbench.training.dataset import Dataset
from workbench.training.spec import TrainingSpec

_AHEAD = 2

Batch = tuple[np.ndarray, np.ndarray, np.ndarray]


class Feed:
    """Batches of the training split in an order fixed by seed and epoch.

    Attributes:
        steps: Batches an epoch.
    """

    def __init__(self, dataset: Dataset, spec: TrainingSpec, class_weights: np.ndarray) -> None:
        """Feed the training split of a dataset; ``class_weights`` is ``(classes,) float32``."""
        self._dataset = dataset
        self._spec = spec
        self._weights = class_weights
        self._indices = dataset.indices("train")
        self.steps = -(-len(self._indices) // spec.batch_size)
        self._order = lru_cache(maxsize=2)(self._ordered)

    def batches(self) -> tf.data.Dataset:
        """The batches of every epoch, one epoch after the other without end.

        A thread varies the next ones while the net works on this one, or is judged: nothing waits between epochs.
        """
        options = tf.data.Options()
        options.autotune.enabled = False
        # More threads would take the cores from the net, which needs far longer for a batch.
        options.threading.private_threadpool_size = 1
        return tf.data.Dataset.counter().map(self._tensors).prefetch(_AHEAD).with_options(options)

    def batch(self, step: int) -> Batch:
        """Batch ``step``, counted from 0 over all epochs: what training shows the net in that step.

        Returns:
            Pictures ``(n, 256, 256, 3) uint8``, labels ``(n,) int64`` and weights ``(n,) float32``.
        """
        past, place = divmod(int(step), self.steps)
        epoch = past + 1
        chosen = self._order(epoch)[place]
        pictures = np.empty((len(chosen), SIDE, SIDE, 3), np.uint8)
        for slot, index in enumerate(chosen):
            key = (self._spec.seed, epoch, int(self._dataset.image_ids[index]))
            pictures[slot] = augment(self._dataset.pixels[index], self._spec.augmentation, key)
        labels = self._dataset.labels[chosen]
        return pictures, labels, self._weights[labels]

    def _tensors(self, step: tf.Tensor) -> tuple[tf.Tensor, ...]:
        types = (tf.uint8, tf.int64, tf.float32)
        shapes = ((None, SIDE, SIDE, 3), (None,), (None,))
        tensors = tf.numpy_function(self.batch, [step], types)
        return tuple(tf.ensure_shape(each, shape) for each, shape in zip(tensors, shapes, strict=True))

    def _ordered(self, epoch: int) -> list[np.ndarray]:
        order = np.random.default_rng((self._spec.seed, epoch)).permutation(self._indices)
        # Batches of nearly one size: a last batch of two or three would upset batch normalisation.
        return np.array_split(order, self.steps)
