"""What a training run is asked to do. Imports no TensorFlow: the page and the API read it as well."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.core import validation
from workbench.core.errors import InvalidSpec
from workbench.core.settings import FITS
from workbench.imaging.augmentation import Augmentation
from workbench.pretrained.backbones import BACKBONES, FROM_SCRATCH, PRETRAINED

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
HEAVIEST = 1000.0


@dataclass(frozen=True)
class Limit:
    """What a number in the spec may be."""

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
_CHOICES = {
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
"""What differs from the defaults of :class:`TrainingSpec` with each recipe."""


@dataclass(frozen=True)
class TrainingSpec:
    """The settings of a run.

    Attributes:
        recipe: ``scratch``; ``instant``, a head on the features of a fixed backbone; ``fine_tune``, the upper blocks of a
            backbone too; ``best``, a search over the others within ``max_minutes``.
        architecture: A name in :data:`workbench.pretrained.backbones.BACKBONES`. With ``best`` the only pretrained one tried.
        epochs: Most passes over the training pictures.
        batch_size: Most pictures a step.
        learning_rate: The optimizer's step size at the start, after the warm-up.
        class_weights: ``balanced``, ``none``, or a weight for every class.
        patience: Epochs without a better ``monitor`` after which training ends; the best epoch is kept.
        plateau_patience: Epochs without a better ``monitor`` after which the learning rate is reduced.
        plateau_factor: What the learning rate is multiplied by then.
        validation_fraction: Share of the pictures kept out of training to judge it.
        seed: Fixes the split, the first weights, the order of pictures and their variants.
        fit: How pictures were brought to 256 x 256.
        max_minutes: Time after which training ends with the best epoch so far; 0 is no limit.
        monitor: What decides which epoch is best, ``val_loss`` or ``val_macro_f1`` (a running mean of it over about ten epochs).
        augmentation: How training pictures are varied.
        head: ``rows`` keeps at which height of the picture a feature was, ``average`` does not. The nets from scratch have heads of their own.
        dropout: Share of the features that a step leaves out; ``classic`` has none, as published.
        label_smoothing: Share of the truth that is spread over all classes.
        mixup: Alpha of the Beta distribution of mixup; 0 is off.
        cutmix: Alpha of the Beta distribution of CutMix; 0 is off. It cuts pictures; recipes that train on features leave it out.
        loss: ``cross_entropy`` or ``focal``.
        focal_gamma: How much less the focal loss asks of pictures that are answered well.
        sampling: ``shuffled`` shows every picture once an epoch, ``balanced`` every class as often as the others (``class_weights`` that are ``balanced`` are then 1).
        optimizer: One of ``OPTIMIZERS``.
        schedule: ``plateau`` lowers the rate when epochs get no better, ``cosine`` lowers it to 0 over all epochs, ``constant`` keeps it.
        warmup_epochs: Epochs over which the rate rises to ``learning_rate``.
        depth: How much of a backbone is fine-tuned: ``top``, ``middle`` or ``deep``.
        variants: Augmented variants of each picture whose features are computed, beside the picture itself.
        members: Nets that are fine-tuned side by side from different heads; the model answers with their mean.
        precision: ``auto`` uses 16 bits where the hardware gains from it, ``float32``, or ``mixed``.
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
        for key, options in _CHOICES.items():
            validation.choice(key, getattr(self, key), options)
        for key, limit in LIMITS.items():
            _check_number(key, getattr(self, key), limit)
        _check_weights(self.class_weights)
        _check_recipe(self.recipe, self.architecture)

    @classmethod
    def of(cls, recipe: str, **values: Any) -> TrainingSpec:
        """A recipe with its own defaults, and some values instead of them.

        Raises:
            InvalidSpec: A value is not allowed; the sentence names it and what is.
        """
        validation.choice("recipe", recipe, RECIPES)
        return cls(recipe=recipe, **{**_RECIPE_DEFAULTS[recipe], **values})

    @classmethod
    def from_dict(cls, given: Any) -> TrainingSpec:
        """Read the JSON form, one flat object; what is missing keeps the default of its recipe.

        Raises:
            InvalidSpec: A key or value is not allowed; the sentence names it and what is.
        """
        names = [f.name for f in dataclasses.fields(cls)]
        values = dict(validation.mapping("The training spec", given, names))
        if "augmentation" in values:
            values["augmentation"] = Augmentation.from_dict(values["augmentation"])
        return cls.of(values.pop("recipe", SCRATCH), **values)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, with every key in it."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        values["augmentation"] = self.augmentation.to_dict()
        if not isinstance(self.class_weights, str):
            values["class_weights"] = dict(self.class_weights)
        return values


def class_weight_table(counts: Mapping[str, int], mode: str | Mapping[str, float]) -> dict[str, float]:
    """The weight that each class has in the loss.

    ``balanced`` is ``pictures / (classes * pictures of the class)``, scikit-learn's formula after King and Zeng,
    "Logistic Regression in Rare Events Data" (2001).

    Args:
        counts: Training pictures of each class.
        mode: ``balanced``, ``none``, or a weight for every class.

    Raises:
        InvalidSpec: The mode is unknown, a class has no picture, or a weight is missing, unknown or not above 0.
    """
    _check_weights(mode)
    if isinstance(mode, str):
        return _computed(counts, mode)
    for name in counts:
        if name not in mode:
            raise InvalidSpec(
                f"class_weights has no weight for the class {validation.shown(name)}; give every class one."
            )
    validation.mapping("class_weights", mode, counts)
    return {name: float(mode[name]) for name in counts}


def _computed(counts: Mapping[str, int], mode: str) -> dict[str, float]:
    if mode == "none":
        return dict.fromkeys(counts, 1.0)
    for name, count in counts.items():
        if count < 1:
            raise InvalidSpec(
                f"The class {validation.shown(name)} has no picture to train on; label some or remove it."
            )
    total = sum(counts.values())
    return {name: total / (len(counts) * count) for name, count in counts.items()}


def _check_recipe(recipe: str, architecture: str) -> None:
    fitting = FROM_SCRATCH if recipe == SCRATCH else PRETRAINED
    if architecture not in fitting:
        raise InvalidSpec(
            f"architecture is {validation.shown(architecture)}; with the recipe {validation.shown(recipe)} it can be {', '.join(fitting)}."
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
        key = f"The weight of the class {validation.shown(name)}"
        if validation.number(key, weight, 0, HEAVIEST) == 0:
            raise InvalidSpec(f"{key} is 0; it must be above 0.")
