"""Random variants of a picture: the same code for the preview in the browser and for training.

A variant depends on nothing but the picture, the strengths and the key ``(seed, variant, image_id)``, so variant ``k``
of the preview is the picture that a run with that seed shows the net in epoch ``k`` (counted from 1).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

from workbench.core import validation

Key = tuple[int, int, int]


@dataclass(frozen=True)
class Operation:
    """One way to vary a picture: its range, its default and the words for it."""

    name: str
    label: str
    unit: str
    minimum: float
    maximum: float
    default: float
    enabled: bool
    sentence: str


OPERATIONS: tuple[Operation, ...] = (
    Operation("flip", "Mirror", "probability", 0, 1, 0.5, True,
              "Swaps left and right in this share of the pictures."),
    Operation("flip_vertical", "Upside down", "probability", 0, 1, 0.5, False,
              "Swaps top and bottom. Leave it off where up and down mean something, as in a fill level."),
    Operation("rotate", "Tilt", "degrees", 0, 180, 10, True,
              "Tilts by up to this angle to either side."),
    Operation("shift", "Shift", "share of the side", 0, 0.5, 0.1, True,
              "Moves by up to this share of the side, across and up or down."),
    Operation("zoom", "Zoom", "share", 0, 0.5, 0.2, True,
              "Shrinks or enlarges by up to this share."),
    Operation("brightness", "Brightness", "share", 0, 0.9, 0.25, True,
              "Makes darker or brighter by up to this share of full light."),
    Operation("contrast", "Contrast", "share", 0, 0.9, 0.3, True,
              "Weakens or strengthens differences of light by up to this share."),
    Operation("colour", "Colour", "share", 0, 1, 1, True,
              "Fades or strengthens colours, and tints the light. Turn it down where colour tells the classes apart."),
    Operation("blur", "Blur", "pixels", 0, 5, 1, False,
              "Blurs by up to this radius (sigma)."),
    Operation("noise", "Noise", "levels of 255", 0, 64, 6, False,
              "Adds grain of up to this strength (standard deviation)."),
)  # fmt: skip
BY_NAME: Mapping[str, Operation] = {operation.name: operation for operation in OPERATIONS}
_GREY = 127.5
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
_TINT = 0.2


@dataclass(frozen=True)
class Setting:
    """Whether an operation runs, and how strongly."""

    enabled: bool
    strength: float


@dataclass(frozen=True)
class Augmentation:
    """The setting of every operation, by its name in :data:`OPERATIONS`."""

    settings: Mapping[str, Setting] = field(
        default_factory=lambda: {o.name: Setting(o.enabled, o.default) for o in OPERATIONS}
    )

    @classmethod
    def from_dict(cls, given: Any) -> Augmentation:
        """Read the JSON form, ``{"rotate": {"enabled": true, "strength": 8.0}, ...}``.

        What is missing keeps its default.

        Raises:
            InvalidSpec: An operation, a key or a value is not allowed; the sentence names it and what is allowed.
        """
        chosen = validation.mapping("augmentation", given, BY_NAME)
        return cls({o.name: _setting(o, chosen.get(o.name, {})) for o in OPERATIONS})

    @classmethod
    def off(cls) -> Augmentation:
        """No operation at all."""
        return cls({o.name: Setting(False, o.default) for o in OPERATIONS})

    def to_dict(self) -> dict[str, dict[str, bool | float]]:
        """The JSON form, with every operation in it."""
        return {name: {"enabled": s.enabled, "strength": s.strength} for name, s in self.settings.items()}

    def alone(self, name: str, strength: float | None = None) -> Augmentation:
        """One operation and no other, at its own strength or another; the others would not change what it draws."""
        chosen = self.settings[name].strength if strength is None else strength
        return Augmentation({**Augmentation.off().settings, name: Setting(True, chosen)})

    def switched(self, name: str, on: bool) -> Augmentation:
        """The same with one operation switched on or off."""
        return Augmentation({**self.settings, name: Setting(on, self.settings[name].strength)})

    @property
    def enabled(self) -> tuple[str, ...]:
        """Names of the operations that run, in their order."""
        return tuple(o.name for o in OPERATIONS if self.settings[o.name].enabled)

    def strength(self, name: str) -> float:
        """The strength of an operation, 0.0 where it is switched off."""
        setting = self.settings[name]
        return setting.strength if setting.enabled else 0.0


def augment(picture: np.ndarray, augmentation: Augmentation, key: Key) -> np.ndarray:
    """One variant of a picture, the same bytes for the same arguments.

    Args:
        picture: ``(256, 256, 3) uint8``.
        augmentation: What to do, and how strongly.
        key: ``(seed, variant, image_id)``, each 0 or more.

    Returns:
        ``(256, 256, 3) uint8``, a new array.
    """
    random = np.random.default_rng(key)
    # All draws are made, used or not: switching one operation off leaves the others as they were.
    draws: list[float] = random.random(14).tolist()
    varied = _moved(picture, augmentation, draws)
    varied = _lit(varied, augmentation, draws)
    blur = augmentation.strength("blur") * draws[8]
    if blur >= 0.1:
        varied = cv2.GaussianBlur(varied, (0, 0), blur)
    noise = augmentation.strength("noise") * draws[9]
    if noise > 0:
        grain = random.standard_normal(varied.shape, dtype=np.float32) * np.float32(noise)
        varied = np.clip(np.rint(varied + grain), 0, 255).astype(np.uint8)
    return varied


def _setting(operation: Operation, given: Any) -> Setting:
    key = f"augmentation.{operation.name}"
    chosen = validation.mapping(key, given, ("enabled", "strength"))
    strength = chosen.get("strength", operation.default)
    return Setting(
        validation.flag(f"{key}.enabled", chosen.get("enabled", operation.enabled)),
        validation.number(f"{key}.strength", strength, operation.minimum, operation.maximum),
    )


def _moved(picture: np.ndarray, augmentation: Augmentation, draws: Sequence[float]) -> np.ndarray:
    """Flips, tilt, shift and zoom as one affine warp, so that the picture is resampled once."""
    side = picture.shape[0]
    centre = (side - 1) / 2
    mirror = -1.0 if draws[0] < augmentation.strength("flip") else 1.0
    upside = -1.0 if draws[1] < augmentation.strength("flip_vertical") else 1.0
    angle = math.radians(augmentation.strength("rotate") * _either(draws[2]))
    reach = augmentation.strength("shift") * side
    scale = 1 + augmentation.strength("zoom") * _either(draws[5])
    cos, sin = math.cos(angle) * scale, math.sin(angle) * scale
    across, down = (cos * mirror, -sin * upside), (sin * mirror, cos * upside)
    moved = (reach * _either(draws[3]), reach * _either(draws[4]))
    if (*across, *down, *moved) == (1, 0, 0, 1, 0, 0):
        return picture.copy()
    matrix = np.array(
        [
            (*across, centre - sum(across) * centre + moved[0]),
            (*down, centre - sum(down) * centre + moved[1]),
        ]
    )
    # Replicated edges continue both a white ground and a photo; a fixed colour would draw a frame.
    return np.asarray(cv2.warpAffine(picture, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE))


def _lit(picture: np.ndarray, augmentation: Augmentation, draws: Sequence[float]) -> np.ndarray:
    """Brightness, contrast and colour as one matrix over the channels of every pixel."""
    gain = 1 + augmentation.strength("contrast") * _either(draws[6])
    lift = 255 * augmentation.strength("brightness") * _either(draws[7])
    colour = augmentation.strength("colour")
    if gain == 1 and lift == 0 and colour == 0:
        return picture
    # From no colour at all to half as much again, at full strength.
    saturation = 1 + colour * (1.5 * draws[10] - 1)
    grey = [(1 - saturation) * share for share in _LUMA]
    offset = _GREY * (1 - gain) + lift
    rows = []
    for channel in range(3):
        strength = gain * (1 + _TINT * colour * _either(draws[11 + channel]))
        own = [share + saturation * (other == channel) for other, share in enumerate(grey)]
        rows.append([*(strength * share for share in own), offset])
    return np.asarray(cv2.transform(picture, np.array(rows, dtype=np.float32)))


def _either(draw: float) -> float:
    """A draw from 0 to 1 as one from -1 to 1."""
    return 2 * draw - 1
