"""Interface between training recipes and the engine. Imported by the worker process only.

A recipe is a function ``recipe(task: Task) -> Recipe`` in a module of its own, named in ``train.RECIPES``. It builds its nets
(the random seed is already set), computes and caches features where it uses them, and describes its stages. The engine
(:mod:`workbench.training.engine.train`) does the rest for all recipes: compilation, learning rate schedule, mixup and CutMix,
evaluation of the averaged weights of every epoch, selection of the best epoch, checkpoints, resuming, stopping, pausing and export.

- A stage feeds its net :class:`~workbench.training.engine.input_pipeline.Examples`: pictures, or features computed once, which may be float16.
  :class:`~workbench.training.engine.input_pipeline.InputPipeline` shuffles, samples and mixes either kind.
- ``Stage.answers`` predicts the validation pictures with the current weights, preferably from cached features.
  Where its result differs from that of the served net (half precision, other views), the recipe is not ``exact`` and the served
  net predicts the validation pictures again after training.
- ``Stage.prepare`` sets which layers are trainable; it is called before the stage is compiled, also when a run is resumed.
- Work of more than a second before the first stage announces its phase (``task.reporter.phase("features")``) and calls
  ``task.told(done, total)`` regularly, which also ends the run when a stop or pause was requested.
- A search is no recipe: it calls :func:`~workbench.training.engine.train.train` for its candidates, each with its own folders.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np

from workbench.core.errors import Paused, StoppedEarly
from workbench.training.dataset import Dataset
from workbench.training.engine.input_pipeline import Examples
from workbench.training.reporter import Reporter, RunPaths
from workbench.training.spec import TrainingSpec

PREDICT_BATCH = 32


@dataclass(frozen=True)
class Task:
    """Inputs of a recipe.

    Attributes:
        dataset: The pictures and their split.
        spec: The settings.
        class_weights: ``(classes,) float32``.
        reporter: Receives progress.
        place: Folders of the run.
    """

    dataset: Dataset
    spec: TrainingSpec
    class_weights: np.ndarray
    reporter: Reporter
    place: RunPaths

    def report_progress(self, done: int, total: int) -> None:
        """Report progress of work without epochs, and end the run if that was requested.

        If the run has a checkpoint, a stop is handled during training instead, which keeps the best epoch as a model.

        Raises:
            StoppedEarly: A stop was requested.
            Paused: A pause was requested.
        """
        self.reporter.counted(done, total)
        requested_action = self.reporter.requested_action()
        if requested_action == "pause":
            raise Paused
        if requested_action and not any(self.place.checkpoints.glob("*")):
            raise StoppedEarly


@dataclass(frozen=True)
class Stage:
    """A phase of training with its own net, examples or set of trainable weights.

    Attributes:
        net: Maps a batch of ``examples`` to probabilities ``(n, classes)``; shares its weights with the learner.
        examples: Training inputs.
        answers: Predicts probabilities ``(N, classes)`` of the validation pictures, in the order of the dataset.
        epochs: Maximum number of passes over the training pictures.
        rate: The learning rate after the warm-up.
        prepare: Sets which layers are trainable.
        cost: Relative duration of a step compared with other stages, to estimate the remaining time.
        reach: Interpolation factor between the stage's initial weights (0) and its averaged weights (1) that are evaluated and kept.
    """

    net: keras.Model
    examples: Examples
    answers: Callable[[], np.ndarray]
    epochs: int
    rate: float
    prepare: Callable[[], None] = lambda: None
    cost: float = 1.0
    interpolation: float = 1.0


@dataclass(frozen=True)
class Recipe:
    """A net and the stages in which it is trained.

    Attributes:
        learner: Holds every weight that a stage changes; these are averaged, kept and written to checkpoints.
        served: Exported net, ``(N, 256, 256, 3) uint8`` -> probabilities ``(N, classes)``; shares its weights with the learner.
        stages: Run in this order.
        exact: Whether the predictions of the last stage equal those of ``served``.
        weights: Description of the pretrained weights for the manifest; empty if there are none.
        export: Writes the model files into a folder; by default ``served`` is exported.
    """

    learner: keras.Model
    served: keras.Model
    stages: tuple[Stage, ...]
    exact: bool = True
    weights: Mapping[str, str] = field(default_factory=dict)
    export: Callable[[Path], None] | None = None

    @property
    def epochs(self) -> int:
        """Maximum number of epochs of all stages together."""
        return sum(stage.epochs for stage in self.stages)


def predict(
    net: keras.Model, inputs: np.ndarray, indices: np.ndarray, size: int = PREDICT_BATCH
) -> np.ndarray:
    """Class probabilities ``(len(indices), classes)`` of the inputs ``(N, ...)`` at ``indices``, in batches of ``size``."""
    batches = [indices[start : start + size] for start in range(0, len(indices), size)]
    # With several devices Keras returns one copy of the batch's predictions per device, concatenated.
    return np.concatenate([net.predict_on_batch(inputs[batch])[: len(batch)] for batch in batches])
