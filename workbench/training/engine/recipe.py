"""What a recipe gives the engine, and how one plugs in. Only the worker imports this.

A recipe is a function ``recipe(task: Task) -> Recipe`` in a module of its own, named in ``train.RECIPES``. It builds its nets
(fresh weights follow from the seed that is already set), computes what it wants to keep, and describes its stages. The engine
(:mod:`workbench.training.engine.train`) does the rest alike for all: it compiles, warms up and lowers the rate, mixes, judges the
averaged weights of every epoch, keeps the best, writes checkpoints, goes on from them, stops, pauses and exports.

- A stage shows its net :class:`~workbench.training.engine.input_pipeline.Examples`: pictures, or features computed once, which may be float16.
  :class:`~workbench.training.engine.input_pipeline.InputPipeline` puts them in order, samples and mixes them, whatever they are.
- ``Stage.answers`` gives the probabilities for the validation pictures with the weights of that moment, best from features too.
  Where they are not the served net's own numbers (half precision, other views), the recipe is not ``exact`` and the served net
  answers once more for the pictures when training is over.
- ``Stage.prepare`` sets what may learn; it is called before the stage is compiled, after an interruption too.
- Work of more than a second before the first stage announces its phase (``task.reporter.phase("features")``) and calls
  ``task.told(done, total)`` now and then, which also ends the run when that was asked for.
- A search is no recipe: it calls :func:`~workbench.training.engine.train.train` for its candidates, each with a place of its own.
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
    """What a run works on; ``class_weights`` is ``(classes,) float32``."""

    dataset: Dataset
    spec: TrainingSpec
    class_weights: np.ndarray
    reporter: Reporter
    place: RunPaths

    def told(self, done: int, total: int) -> None:
        """Report work that has no epochs.

        A run that goes on from a finished epoch has a model to keep: its stop is left to training.

        Raises:
            StoppedEarly: A stop was asked for.
            Paused: A pause was asked for.
        """
        self.reporter.counted(done, total)
        asked = self.reporter.asked()
        if asked == "pause":
            raise Paused
        if asked and not any(self.place.checkpoints.glob("*")):
            raise StoppedEarly


@dataclass(frozen=True)
class Stage:
    """A part of training with its own net, examples or set of weights that learn.

    Attributes:
        net: Takes what ``examples`` show and gives probabilities ``(n, classes)``; shares its weights with the learner.
        examples: What the net is shown.
        answers: Gives the probabilities ``(N, classes)`` for the validation pictures, in the order of the dataset.
        epochs: Most passes over the training pictures.
        rate: The learning rate after the warm-up.
        prepare: Sets what may learn.
        cost: What a step takes, as a multiple of that of the other stages; for the time that is left.
        reach: How far from its first weights to those that it learns the stage's weights are judged and kept; 1 is all the way.
    """

    net: keras.Model
    examples: Examples
    answers: Callable[[], np.ndarray]
    epochs: int
    rate: float
    prepare: Callable[[], None] = lambda: None
    cost: float = 1.0
    reach: float = 1.0


@dataclass(frozen=True)
class Recipe:
    """How a net is trained.

    Attributes:
        learner: Holds every weight that a stage changes; these are averaged, kept and written into checkpoints.
        served: ``(N, 256, 256, 3) uint8`` -> probabilities ``(N, classes)``; shares its weights with the learner, and is exported.
        stages: One after the other.
        exact: Whether the last stage's answers are the served net's own numbers.
        weights: The pretrained weights it starts from, for the manifest; empty where there are none.
        export: Writes the model's files into a folder; without it they are exported from ``served``.
    """

    learner: keras.Model
    served: keras.Model
    stages: tuple[Stage, ...]
    exact: bool = True
    weights: Mapping[str, str] = field(default_factory=dict)
    export: Callable[[Path], None] | None = None

    @property
    def epochs(self) -> int:
        """Most epochs of all stages."""
        return sum(stage.epochs for stage in self.stages)


def predict(
    net: keras.Model, inputs: np.ndarray, indices: np.ndarray, size: int = PREDICT_BATCH
) -> np.ndarray:
    """Class probabilities ``(len(indices), classes)`` for some of the inputs ``(N, ...)``, a batch of ``size`` at a time."""
    batches = [indices[i : i + size] for i in range(0, len(indices), size)]
    # Several devices each answer for the whole batch, one after the other.
    return np.concatenate([net.predict_on_batch(inputs[batch])[: len(batch)] for batch in batches])
