"""Feeds training pictures from the mapped file, varied afresh each epoch; only a few batches are in memory."""

from __future__ import annotations

import keras
import numpy as np

from workbench.augmentation import augment
from workbench.training.dataset import Dataset
from workbench.training.spec import TrainingSpec


class Feed(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches ``(n, 256, 256, 3) uint8``, labels ``(n,)`` and weights ``(n,)`` in an order fixed by seed and epoch."""

    def __init__(self, dataset: Dataset, spec: TrainingSpec, class_weights: np.ndarray) -> None:
        """Feed the training split of a dataset; ``class_weights`` is ``(classes,) float32``."""
        # Threads vary the next batches while the net works on this one; their order stays.
        super().__init__(workers=2, max_queue_size=4)
        self._dataset = dataset
        self._spec = spec
        self._weights = class_weights
        self._indices = dataset.indices("train")
        self._epoch = 0
        self._batches: list[np.ndarray] = []
        self._shuffle()

    @property
    def num_batches(self) -> int:
        """Steps an epoch."""
        return -(-len(self._indices) // self._spec.batch_size)

    def on_epoch_begin(self) -> None:
        """Count the epoch and put the pictures into its order."""
        self._epoch += 1
        self._shuffle()

    def __getitem__(self, place: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        chosen = self._batches[place]
        labels = self._dataset.labels[chosen]
        return np.stack([self._varied(index) for index in chosen]), labels, self._weights[labels]

    def _shuffle(self) -> None:
        order = np.random.default_rng((self._spec.seed, self._epoch)).permutation(self._indices)
        # Batches of nearly one size: a last batch of two or three would upset batch normalisation.
        self._batches = np.array_split(order, self.num_batches)

    def _varied(self, index: int) -> np.ndarray:
        key = (self._spec.seed, self._epoch, int(self._dataset.image_ids[index]))
        return augment(self._dataset.pixels[index], self._spec.augmentation, key)
