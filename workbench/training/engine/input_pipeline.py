"""Input pipeline of training: shuffled, balanced and mixed batches of pictures or cached features, prefetched in constant memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import tensorflow as tf

from workbench.imaging.augmentation import augment
from workbench.imaging.decode import SIDE
from workbench.training.dataset import Dataset
from workbench.training.engine.mixup import mix_batch
from workbench.training.spec import TrainingSpec

_PREFETCH = 2
_MIXING = 2**32  # seed component, larger than any epoch: mixing and shuffling use different random streams

Batch = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Examples:
    """Source of the input array of each picture.

    Attributes:
        show: Maps dataset indices ``(n,) int64`` and an epoch, counted from 1 over all stages, to an array ``(n, *shape)``;
            deterministic.
        shape: Shape of one example.
        dtype: ``uint8``, ``float16`` or ``float32``.
    """

    show: Callable[[np.ndarray, int], np.ndarray]
    shape: tuple[int, ...]
    dtype: str


def picture_examples(dataset: Dataset, spec: TrainingSpec) -> Examples:
    """Augmented pictures as examples; epoch ``k`` yields variant ``k`` of the preview."""

    def show(indices: np.ndarray, epoch: int) -> np.ndarray:
        batch = np.empty((len(indices), SIDE, SIDE, 3), np.uint8)
        for slot, index in enumerate(indices):
            key = (spec.seed, epoch, int(dataset.image_ids[index]))
            batch[slot] = augment(dataset.pixels[index], spec.augmentation, key)
        return batch

    return Examples(show, (SIDE, SIDE, 3), "uint8")


class InputPipeline:
    """Batches of the training split, in an order determined by seed and epoch.

    Attributes:
        steps: Number of batches per epoch.
    """

    def __init__(
        self,
        dataset: Dataset,
        spec: TrainingSpec,
        class_weights: np.ndarray,
        examples: Examples | None = None,
    ) -> None:
        """Create a pipeline for the training split.

        Args:
            dataset: The pictures and their split.
            spec: Batch size, sampling, mixing, augmentation and seed.
            class_weights: ``(classes,) float32``.
            examples: Input arrays; augmented pictures by default.
        """
        self._dataset = dataset
        self._spec = spec
        # Balanced sampling replaces balanced class weights.
        balanced_sampling = spec.sampling == "balanced" and spec.class_weights == "balanced"
        self._weights = np.ones_like(class_weights) if balanced_sampling else class_weights
        self._examples = examples or picture_examples(dataset, spec)
        self._indices = dataset.indices("train")
        self.steps = -(-len(self._indices) // spec.batch_size)
        self._cached_batch_indices = lru_cache(maxsize=2)(self._batch_indices)

    def batches(self, first: int = 0) -> tf.data.Dataset:
        """Infinite dataset of batches over all epochs, starting at step ``first``.

        A background thread prepares the next batches during training steps and validation.
        """
        options = tf.data.Options()
        options.autotune.enabled = False
        # One thread only: more would compete with the training step, which takes far longer per batch.
        options.threading.private_threadpool_size = 1
        return tf.data.Dataset.counter(first).map(self._tensors).prefetch(_PREFETCH).with_options(options)

    def batch(self, step: int) -> Batch:
        """Batch number ``step``, counted from 0 over all epochs.

        Returns:
            Inputs ``(n, ...)`` (pictures are ``(n, 256, 256, 3) uint8``), soft labels ``(n, classes) float32`` and sample weights
            ``(n,) float32``.
        """
        finished_epochs, position = divmod(int(step), self.steps)
        epoch = finished_epochs + 1
        indices = self._cached_batch_indices(epoch)[position]
        targets = np.eye(len(self._weights), dtype=np.float32)[self._dataset.labels[indices]]
        inputs = self._examples.show(indices, epoch)
        inputs, targets = mix_batch(
            inputs, targets, self._spec, np.random.default_rng((self._spec.seed, _MIXING, int(step)))
        )
        return inputs, targets, targets @ self._weights

    def _tensors(self, step: tf.Tensor) -> tuple[tf.Tensor, ...]:
        types = (tf.as_dtype(self._examples.dtype), tf.float32, tf.float32)
        shapes = ((None, *self._examples.shape), (None, len(self._weights)), (None,))
        tensors = tf.numpy_function(self.batch, [step], types)
        return tuple(tf.ensure_shape(tensor, shape) for tensor, shape in zip(tensors, shapes, strict=True))

    def _batch_indices(self, epoch: int) -> list[np.ndarray]:
        generator = np.random.default_rng((self._spec.seed, epoch))
        order = (
            self._balanced(generator)
            if self._spec.sampling == "balanced"
            else generator.permutation(self._indices)
        )
        # Batches of nearly equal size: a last batch of two or three examples would distort batch normalisation.
        return np.array_split(order, self.steps)

    def _balanced(self, generator: np.random.Generator) -> np.ndarray:
        """A random order of as many examples as there are pictures, with every class equally often.

        A picture is repeated only after all others of its class were used.
        """
        class_indices = [
            self._indices[self._dataset.labels[self._indices] == label] for label in range(len(self._weights))
        ]
        present = [class_ for class_ in class_indices if len(class_)]
        parts = []
        for members, slots in zip(present, np.array_split(self._indices, len(present)), strict=True):
            rounds = [generator.permutation(members) for _ in range(-(-len(slots) // len(members)))]
            parts.append(np.concatenate(rounds)[: len(slots)])
        return generator.permutation(np.concatenate(parts))
