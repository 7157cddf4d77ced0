"""What a training run is asked to do. Imports no TensorFlow: the page and the API read it as well."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench import checks
from workbench.augmentation import Augmentation
from workbench.errors import InvalidSpec
from workbench.pictures import FITS

ARCHITECTURES = ("compact", "classic")
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
}
_CHOICES = {"architecture": ARCHITECTURES, "fit": FITS, "monitor": MONITORS}


@dataclass(frozen=True)
class TrainingSpec:
    """The settings of a run; the optimizer is Adam.

    Attributes:
        architecture: ``compact`` or ``classic``.
        epochs: Most passes over the training pictures.
        batch_size: Most pictures a step.
        learning_rate: Adam's step size at the start.
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
    """

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

    def __post_init__(self) -> None:
        """Check every value.

        Raises:
            InvalidSpec: A value is not allowed; the sentence names it and what is.
        """
        for key, options in _CHOICES.items():
            checks.choice(key, getattr(self, key), options)
        for key, limit in LIMITS.items():
            _check_number(key, getattr(self, key), limit)
        _check_weights(self.class_weights)

    @classmethod
    def from_dict(cls, given: Any) -> TrainingSpec:
        """Read the JSON form, one flat object; what is missing keeps its default.

        Raises:
            InvalidSpec: A key or value is not allowed; the sentence names it and what is.
        """
        names = [f.name for f in dataclasses.fields(cls)]
        values = dict(checks.mapping("The training spec", given, names))
        if "augmentation" in values:
            values["augmentation"] = Augmentation.from_dict(values["augmentation"])
        return cls(**values)

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
                f"class_weights has no weight for the class {checks.shown(name)}; give every class one."
            )
    checks.mapping("class_weights", mode, counts)
    return {name: float(mode[name]) for name in counts}


def _computed(counts: Mapping[str, int], mode: str) -> dict[str, float]:
    if mode == "none":
        return dict.fromkeys(counts, 1.0)
    for name, count in counts.items():
        if count < 1:
            raise InvalidSpec(
                f"The class {checks.shown(name)} has no picture to train on; label some or remove it."
            )
    total = sum(counts.values())
    return {name: total / (len(counts) * count) for name, count in counts.items()}


def _check_number(key: str, value: Any, limit: Limit) -> None:
    if limit.whole:
        checks.whole(key, value, int(limit.minimum), int(limit.maximum))
    else:
        checks.number(key, value, limit.minimum, limit.maximum)


def _check_weights(mode: Any) -> None:
    if not isinstance(mode, Mapping):
        checks.choice("class_weights", mode, WEIGHT_MODES)
        return
    for name, weight in mode.items():
        key = f"The weight of the class {checks.shown(name)}"
        if checks.number(key, weight, 0, HEAVIEST) == 0:
            raise InvalidSpec(f"{key} is 0; it must be above 0.")
