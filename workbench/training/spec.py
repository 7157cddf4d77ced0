"""Settings of a training run. Imports no TensorFlow, since the UI and the API use it as well."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.backbones.definitions import BACKBONES, FROM_SCRATCH, PRETRAINED
from workbench.core import validation
from workbench.core.errors import InvalidSpec
from workbench.core.settings import FITS
from workbench.imaging.augmentation import Augmentation

SCRATCH, INSTANT, FINE_TUNE, BEST = "scratch", "instant", "fine_tune", "best"
RECIPES = (SCRATCH, INSTANT, FINE_TUNE, BEST)
HEADS = ("rows", "average")
DEPTHS = ("top", "middle", "deep")
OPTIMIZERS = ("adam", "adamw", "sgd", "rmsprop", "lion")
LOSSES = ("cross_entropy", "focal")
SAMPLINGS = ("shuffled", "balanced")
SCHEDULES = ("plateau", "cosine", "constant")
PRECISIONS = ("auto", "float32", "mixed")
MONITORS = ("val_loss", "val_macro_f1")
WEIGHT_MODES = ("balanced", "none")
MAX_CLASS_WEIGHT = 1000.0


@dataclass(frozen=True)
class Limit:
    """Allowed range of a numeric setting; ``whole`` allows integers only."""

    minimum: float
    maximum: float
    whole: bool


LIMITS: Mapping[str, Limit] = {
    "epochs": Limit(1, 1000, True),
    "batch_size": Limit(1, 256, True),
    "learning_rate": Limit(1e-6, 1.0, False),
    "patience": Limit(1, 1000, True),
    "plateau_patience": Limit(1, 1000, True),
    "plateau_factor": Limit(0.01, 0.99, False),
    "validation_fraction": Limit(0.05, 0.5, False),
    "seed": Limit(0, 2**32 - 1, True),
    "max_minutes": Limit(0, 1440, False),
    "dropout": Limit(0, 0.9, False),
    "label_smoothing": Limit(0, 0.5, False),
    "mixup": Limit(0, 2, False),
    "cutmix": Limit(0, 2, False),
    "focal_gamma": Limit(0, 10, False),
    "warmup_epochs": Limit(0, 100, True),
    "variants": Limit(0, 64, True),
    "members": Limit(1, 8, True),
}
CHOICES = {
    "recipe": RECIPES,
    "architecture": tuple(BACKBONES),
    "head": HEADS,
    "depth": DEPTHS,
    "optimizer": OPTIMIZERS,
    "loss": LOSSES,
    "sampling": SAMPLINGS,
    "schedule": SCHEDULES,
    "precision": PRECISIONS,
    "fit": FITS,
    "monitor": MONITORS,
}
_RECIPE_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    SCRATCH: {},
    INSTANT: {
        "architecture": "mobilenet_v2",
        "epochs": 60,
        "batch_size": 64,
        "learning_rate": 2e-3,
        "schedule": "cosine",
        "dropout": 0.0,
        "variants": 3,
    },
    FINE_TUNE: {
        "architecture": "mobilenet_v2",
        "epochs": 30,
        "learning_rate": 5e-4,
        "schedule": "cosine",
        "warmup_epochs": 1,
        "dropout": 0.5,
        "label_smoothing": 0.1,
        "variants": 10,
        "members": 4,
    },
    BEST: {"architecture": "mobilenet_v2", "max_minutes": 10.0},
}
"""Defaults of each recipe that differ from those of :class:`TrainingSpec`."""


@dataclass(frozen=True)
class TrainingSpec:
    """The settings of a run.

    Attributes:
        recipe: ``scratch``; ``instant``, a head on the features of a fixed backbone; ``fine_tune``, the upper blocks of a
            backbone too; ``best``, a search over the others within ``max_minutes``.
        architecture: The net; ``/list_backbones`` describes them. With ``best`` the only pretrained one that is searched.
        epochs: Maximum number of passes over the training pictures.
        batch_size: Maximum number of pictures per step.
        learning_rate: The optimizer's step size at the start, after the warm-up.
        class_weights: How much each class counts in the loss; ``balanced`` makes rare classes count more.
        patience: Epochs without an improvement of ``monitor`` after which training stops early; the best epoch is kept.
        plateau_patience: Epochs without an improvement of ``monitor`` after which the learning rate is reduced.
        plateau_factor: Factor by which the learning rate is multiplied then.
        validation_fraction: Fraction of the pictures used for validation.
        seed: Fixes the split, the initial weights, the order of pictures and their augmentation.
        fit: How pictures are resized to 256 x 256.
        max_minutes: Time limit after which training ends with the best epoch so far; 0 is no limit.
        monitor: Metric that selects the best epoch; of ``val_macro_f1`` a running mean over about ten epochs.
        augmentation: Augmentation of training pictures.
        head: ``rows`` pools over bands of rows and keeps vertical position, ``average`` is global average pooling. The nets trained from scratch have their own heads.
        dropout: Dropout rate on the features; ``classic`` has none, as published.
        label_smoothing: Probability mass of the true label that is spread over all classes.
        mixup: Alpha of the Beta distribution of mixup; 0 is off.
        cutmix: Alpha of the Beta distribution of CutMix; 0 is off. It applies to pictures only, so recipes that train on cached features ignore it.
        loss: What training minimises.
        focal_gamma: Focusing parameter of the focal loss: larger values reduce the loss of well-classified pictures more.
        sampling: ``shuffled`` shows every picture once an epoch, ``balanced`` every class equally often (``balanced`` class weights are then 1).
        optimizer: The optimizer, with Keras' own settings besides the learning rate.
        schedule: ``plateau`` reduces the rate when the monitor stops improving, ``cosine`` anneals it to 0 over all epochs, ``constant`` keeps it.
        warmup_epochs: Epochs of linear warm-up to ``learning_rate``.
        depth: How much of a backbone is fine-tuned.
        variants: Augmented variants of each picture whose features are computed, in addition to the picture itself.
        members: Size of the ensemble of nets that are fine-tuned from different heads; the model outputs their mean.
        precision: ``auto`` uses 16 bits on hardware that is faster with them.
    """

    recipe: str = SCRATCH
    architecture: str = "compact"
    epochs: int = 80
    batch_size: int = 32
    learning_rate: float = 1e-3
    class_weights: str | Mapping[str, float] = "balanced"
    patience: int = 40
    plateau_patience: int = 15
    plateau_factor: float = 0.5
    validation_fraction: float = 0.2
    seed: int = 1
    fit: str = "letterbox"
    max_minutes: float = 0.0
    monitor: str = "val_macro_f1"
    augmentation: Augmentation = field(default_factory=Augmentation)
    head: str = "rows"
    dropout: float = 0.4
    label_smoothing: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0
    loss: str = "cross_entropy"
    focal_gamma: float = 2.0
    sampling: str = "shuffled"
    optimizer: str = "adam"
    schedule: str = "plateau"
    warmup_epochs: int = 0
    depth: str = "top"
    variants: int = 0
    members: int = 1
    precision: str = "auto"

    def __post_init__(self) -> None:
        """Check every value.

        Raises:
            InvalidSpec: A value is not allowed; the sentence names it and what is.
        """
        for key, options in CHOICES.items():
            validation.choice(key, getattr(self, key), options)
        for key, limit in LIMITS.items():
            _check_number(key, getattr(self, key), limit)
        _check_weights(self.class_weights)
        _check_recipe(self.recipe, self.architecture)

    @classmethod
    def of(cls, recipe: str, **values: Any) -> TrainingSpec:
        """A spec with the defaults of a recipe, some of them overridden by ``values``.

        Raises:
            InvalidSpec: A value is not allowed; the sentence names it and what is.
        """
        validation.choice("recipe", recipe, RECIPES)
        return cls(recipe=recipe, **{**_RECIPE_DEFAULTS[recipe], **values})

    @classmethod
    def from_dict(cls, given: Any, default_recipe: str = SCRATCH) -> TrainingSpec:
        """Read the JSON form, one flat object; missing keys take the default of the recipe.

        Args:
            given: The parsed JSON.
            default_recipe: The recipe where none is given, unless the given architecture is trained from scratch.

        Raises:
            InvalidSpec: A key or value is not allowed; the sentence names it and what is.
        """
        names = [f.name for f in dataclasses.fields(cls)]
        values = dict(validation.mapping("The training spec", given, names))
        if "augmentation" in values:
            values["augmentation"] = Augmentation.from_dict(values["augmentation"])
        if values.get("architecture") in FROM_SCRATCH:
            default_recipe = SCRATCH
        return cls.of(values.pop("recipe", default_recipe), **values)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, with all keys."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        values["augmentation"] = self.augmentation.to_dict()
        if not isinstance(self.class_weights, str):
            values["class_weights"] = dict(self.class_weights)
        return values


def class_weight_table(counts: Mapping[str, int], mode: str | Mapping[str, float]) -> dict[str, float]:
    """Loss weight of each class.

    ``balanced`` is ``pictures / (classes * pictures of the class)``, scikit-learn's formula after King and Zeng,
    "Logistic Regression in Rare Events Data" (2001).

    Args:
        counts: Number of training pictures of each class.
        mode: ``balanced``, ``none``, or a weight for every class.

    Raises:
        InvalidSpec: The mode is unknown, a class has no picture, or a weight is missing, unknown or not above 0.
    """
    _check_weights(mode)
    if isinstance(mode, str):
        return _computed_weights(counts, mode)
    for name in counts:
        if name not in mode:
            raise InvalidSpec(
                f"class_weights has no weight for the class {validation.format_value(name)}; give every class one."
            )
    validation.mapping("class_weights", mode, counts)
    return {name: float(mode[name]) for name in counts}


def _computed_weights(counts: Mapping[str, int], mode: str) -> dict[str, float]:
    if mode == "none":
        return dict.fromkeys(counts, 1.0)
    for name, count in counts.items():
        if count < 1:
            raise InvalidSpec(
                f"The class {validation.format_value(name)} has no picture to train on; label some or remove it."
            )
    total = sum(counts.values())
    return {name: total / (len(counts) * count) for name, count in counts.items()}


def _check_recipe(recipe: str, architecture: str) -> None:
    allowed = FROM_SCRATCH if recipe == SCRATCH else PRETRAINED
    if architecture not in allowed:
        raise InvalidSpec(
            f"architecture is {validation.format_value(architecture)}; with the recipe {validation.format_value(recipe)} it can be {', '.join(allowed)}."
        )


def _check_number(key: str, value: Any, limit: Limit) -> None:
    if limit.whole:
        validation.whole(key, value, int(limit.minimum), int(limit.maximum))
    else:
        validation.number(key, value, limit.minimum, limit.maximum)


def _check_weights(mode: Any) -> None:
    if not isinstance(mode, Mapping):
        validation.choice("class_weights", mode, WEIGHT_MODES)
        return
    for name, weight in mode.items():
        key = f"The weight of the class {validation.format_value(name)}"
        if validation.number(key, weight, 0, MAX_CLASS_WEIGHT) == 0:
            raise InvalidSpec(f"{key} is 0; it must be above 0.")
