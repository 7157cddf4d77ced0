"""Random data augmentation; the same code is used for the preview in the browser and for training.

A variant is a deterministic function of the picture, the strengths and the key ``(seed, variant, image_id)``, so that
variant ``k`` of the preview is the network input in epoch ``k`` (counted from 1) of a run with that seed.
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
    """An augmentation operation: range and default of its strength, and its texts for the user interface."""

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
_MID_GREY = 127.5
_LUMA_WEIGHTS = (0.299, 0.587, 0.114)  # ITU-R BT.601
_TINT_STRENGTH = 0.2


@dataclass(frozen=True)
class Setting:
    """Whether an operation is enabled, and its strength in the unit of the operation."""

    enabled: bool
    strength: float


@dataclass(frozen=True)
class Augmentation:
    """Settings of all operations, by their names in :data:`OPERATIONS`."""

    settings: Mapping[str, Setting] = field(
        default_factory=lambda: {o.name: Setting(o.enabled, o.default) for o in OPERATIONS}
    )

    @classmethod
    def from_dict(cls, value: Any) -> Augmentation:
        """Parse the JSON form, ``{"rotate": {"enabled": true, "strength": 8.0}, ...}``.

        Missing operations and keys keep their defaults.

        Raises:
            InvalidSpec: An operation, a key or a value is invalid; the message names it and the allowed values.
        """
        settings = validation.mapping("augmentation", value, BY_NAME)
        return cls(
            {
                operation.name: _parse_setting(operation, settings.get(operation.name, {}))
                for operation in OPERATIONS
            }
        )

    @classmethod
    def off(cls) -> Augmentation:
        """An augmentation with all operations disabled."""
        return cls({operation.name: Setting(False, operation.default) for operation in OPERATIONS})

    def to_dict(self) -> dict[str, dict[str, bool | float]]:
        """The JSON form with all operations."""
        return {
            name: {"enabled": setting.enabled, "strength": setting.strength}
            for name, setting in self.settings.items()
        }

    def alone(self, name: str, strength: float | None = None) -> Augmentation:
        """Only one operation enabled, optionally with another strength; its random draws are unaffected by the others."""
        own_strength = self.settings[name].strength if strength is None else strength
        return Augmentation({**Augmentation.off().settings, name: Setting(True, own_strength)})

    def switched(self, name: str, on: bool) -> Augmentation:
        """A copy with one operation enabled or disabled."""
        return Augmentation({**self.settings, name: Setting(on, self.settings[name].strength)})

    @property
    def enabled(self) -> tuple[str, ...]:
        """Names of the enabled operations, in order of application."""
        return tuple(operation.name for operation in OPERATIONS if self.settings[operation.name].enabled)

    def strength(self, name: str) -> float:
        """The strength of an operation; 0.0 if it is disabled."""
        setting = self.settings[name]
        return setting.strength if setting.enabled else 0.0


def augment(picture: np.ndarray, augmentation: Augmentation, key: Key) -> np.ndarray:
    """Compute a variant of a picture; deterministic for the same arguments.

    Args:
        picture: ``(256, 256, 3) uint8``.
        augmentation: Settings of the operations.
        key: ``(seed, variant, image_id)``, each 0 or more.

    Returns:
        ``(256, 256, 3) uint8``, a new array.
    """
    rng = np.random.default_rng(key)
    # All random numbers are always drawn, so that disabling one operation does not affect the others.
    draws: list[float] = rng.random(14).tolist()
    varied = _warp(picture, augmentation, draws)
    varied = _transform_colours(varied, augmentation, draws)
    blur = augmentation.strength("blur") * draws[8]
    if blur >= 0.1:
        varied = cv2.GaussianBlur(varied, (0, 0), blur)
    noise = augmentation.strength("noise") * draws[9]
    if noise > 0:
        grain = rng.standard_normal(varied.shape, dtype=np.float32) * np.float32(noise)
        varied = np.clip(np.rint(varied + grain), 0, 255).astype(np.uint8)
    return varied


def _parse_setting(operation: Operation, value: Any) -> Setting:
    key = f"augmentation.{operation.name}"
    setting = validation.mapping(key, value, ("enabled", "strength"))
    strength = setting.get("strength", operation.default)
    return Setting(
        validation.flag(f"{key}.enabled", setting.get("enabled", operation.enabled)),
        validation.number(f"{key}.strength", strength, operation.minimum, operation.maximum),
    )


def _warp(picture: np.ndarray, augmentation: Augmentation, draws: Sequence[float]) -> np.ndarray:
    """Apply flips, rotation, shift and zoom as a single affine warp, so that the picture is resampled once."""
    side = picture.shape[0]
    centre = (side - 1) / 2
    flip_x = -1.0 if draws[0] < augmentation.strength("flip") else 1.0
    flip_y = -1.0 if draws[1] < augmentation.strength("flip_vertical") else 1.0
    angle = math.radians(augmentation.strength("rotate") * _to_signed(draws[2]))
    max_shift = augmentation.strength("shift") * side
    scale = 1 + augmentation.strength("zoom") * _to_signed(draws[5])
    cos, sin = math.cos(angle) * scale, math.sin(angle) * scale
    x_row, y_row = (cos * flip_x, -sin * flip_y), (sin * flip_x, cos * flip_y)
    shift = (max_shift * _to_signed(draws[3]), max_shift * _to_signed(draws[4]))
    if (*x_row, *y_row, *shift) == (1, 0, 0, 1, 0, 0):
        return picture.copy()
    matrix = np.array(
        [
            (*x_row, centre - sum(x_row) * centre + shift[0]),
            (*y_row, centre - sum(y_row) * centre + shift[1]),
        ]
    )
    # Replicated edges suit white backgrounds and photos; a constant colour would add a visible border.
    return np.asarray(cv2.warpAffine(picture, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE))


def _transform_colours(picture: np.ndarray, augmentation: Augmentation, draws: Sequence[float]) -> np.ndarray:
    """Apply brightness, contrast and colour as a single affine transform of the RGB channels."""
    gain = 1 + augmentation.strength("contrast") * _to_signed(draws[6])
    brightness_offset = 255 * augmentation.strength("brightness") * _to_signed(draws[7])
    colour = augmentation.strength("colour")
    if gain == 1 and brightness_offset == 0 and colour == 0:
        return picture
    # At full strength the saturation is between 0 and 1.5.
    saturation = 1 + colour * (1.5 * draws[10] - 1)
    grey_weights = [(1 - saturation) * share for share in _LUMA_WEIGHTS]
    offset = _MID_GREY * (1 - gain) + brightness_offset
    rows = []
    for channel in range(3):
        strength = gain * (1 + _TINT_STRENGTH * colour * _to_signed(draws[11 + channel]))
        weights = [share + saturation * (other == channel) for other, share in enumerate(grey_weights)]
        rows.append([*(strength * share for share in weights), offset])
    return np.asarray(cv2.transform(picture, np.array(rows, dtype=np.float32)))


def _to_signed(draw: float) -> float:
    """Map a number from [0, 1] to [-1, 1]."""
    return 2 * draw - 1
