"""Outlines, glass colours and liquids of bottles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.sample_data.raster import Array, colour


@dataclass(frozen=True)
class Outline:
    """A silhouette; ``points`` are pairs of distance from the rim and radius, as fractions of the bottle's height."""

    points: tuple[tuple[float, float], ...]
    shoulder: float
    ribbed: bool = False

    def radii(self, height: int, stretch: float) -> Array:
        """The smoothed radius in pixels of each of ``height`` rows, ``(height,) float32``."""
        heights, radius = np.array(self.points, np.float32).T
        rows = np.linspace(0, 1, height, dtype=np.float32)
        profile = np.interp(rows, heights, radius) * height * stretch
        if self.ribbed:
            profile *= 1 + 0.012 * np.sin(rows * 120) * (rows > self.shoulder + 0.12)
        kernel_radius = max(2, height // 36)
        padded = np.pad(profile, kernel_radius, mode="edge")
        return np.convolve(
            padded, np.full(2 * kernel_radius + 1, 1 / (2 * kernel_radius + 1)), "valid"
        ).astype(np.float32)


@dataclass(frozen=True)
class Liquid:
    """Colours of a liquid: ``clear`` is its transmission, ``body`` its scattering colour, ``cloud`` its turbidity (0..1)."""

    clear: Array
    body: Array
    cloud: float


@dataclass(frozen=True)
class Bottle:
    """Parameters of a bottle; lengths in pixels, ``level`` as a fraction of the height from the rim."""

    radii: Array
    centre: float
    top: int
    level: float
    shoulder: float
    glass: Array
    liquid: Liquid
    view: float
    light: float

    @property
    def height(self) -> int:
        """Height from rim to base in pixels."""
        return len(self.radii)

    @property
    def base(self) -> int:
        """Row of the base."""
        return self.top + self.height


OUTLINES = (
    Outline(
        (
            (0, 0.05),
            (0.065, 0.05),
            (0.07, 0.064),
            (0.09, 0.064),
            (0.095, 0.052),
            (0.13, 0.056),
            (0.29, 0.15),
            (0.36, 0.16),
            (0.5, 0.145),
            (0.6, 0.16),
            (0.96, 0.16),
            (1, 0.135),
        ),
        0.15,
        ribbed=True,
    ),
    Outline(
        ((0, 0.105), (0.05, 0.105), (0.06, 0.097), (0.1, 0.1), (0.19, 0.17), (0.95, 0.17), (1, 0.15)), 0.12
    ),
    Outline(
        ((0, 0.078), (0.03, 0.07), (0.24, 0.062), (0.52, 0.15), (0.8, 0.19), (0.95, 0.18), (1, 0.15)), 0.24
    ),
    Outline(
        ((0, 0.053), (0.03, 0.053), (0.035, 0.045), (0.24, 0.05), (0.4, 0.135), (0.95, 0.135), (1, 0.125)),
        0.24,
    ),
    Outline(
        ((0, 0.085), (0.035, 0.085), (0.05, 0.07), (0.18, 0.082), (0.37, 0.168), (0.96, 0.168), (1, 0.15)),
        0.2,
    ),
    Outline(
        ((0, 0.06), (0.08, 0.06), (0.09, 0.07), (0.11, 0.062), (0.32, 0.185), (0.93, 0.185), (1, 0.15)), 0.14
    ),
    Outline(
        (
            (0, 0.056),
            (0.06, 0.056),
            (0.065, 0.068),
            (0.085, 0.068),
            (0.1, 0.06),
            (0.21, 0.125),
            (0.96, 0.125),
            (1, 0.105),
        ),
        0.13,
    ),
)

GLASSES = ("f3f8fa", "f3f8fa", "eef5f6", "dcecf2", "d5e8da", "c9dfe9")

LIQUIDS = (
    Liquid(colour("c5e0ee"), colour("d6ebf5"), 0.1),
    Liquid(colour("b4d8ea"), colour("cfe8f4"), 0.12),
    Liquid(colour("a5cfe8"), colour("bfe0f2"), 0.14),
    Liquid(colour("8fc4e0"), colour("a9d6ee"), 0.16),
    Liquid(colour("f0b25a"), colour("f4a83d"), 0.5),
    Liquid(colour("c9744a"), colour("a9562e"), 0.25),
    Liquid(colour("e99aa8"), colour("ec8fa2"), 0.35),
    Liquid(colour("b7cf7a"), colour("b4cb6c"), 0.3),
    Liquid(colour("ecd98a"), colour("f1dc83"), 0.35),
)
LIQUID_ODDS = (0.22, 0.22, 0.2, 0.14, 0.05, 0.04, 0.04, 0.04, 0.05)
