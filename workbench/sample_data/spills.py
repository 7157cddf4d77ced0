"""Draws liquid outside the bottle: streams over the rim, splashes, drops, a puddle, and dew on the glass."""

from __future__ import annotations

import numpy as np
from PIL import ImageFilter

from workbench.sample_data.glass import openness
from workbench.sample_data.raster import Array, Mask, mix, smooth_noise, to_canvas, to_image
from workbench.sample_data.shapes import LIQUIDS, Bottle, Liquid


def lay_water(canvas: Array, coverage: Array, liquid: Liquid, light: float) -> None:
    """Draw a film of liquid with refraction and highlights, in place.

    Args:
        canvas: ``(H, W, 3) float32``.
        coverage: ``(H, W)``, 1 where there is liquid.
        liquid: The colours of the liquid.
        light: Side of the light, -1 (left) or 1 (right).
    """
    region = _bounding_region(coverage)
    background, region_coverage = canvas[region], coverage[region]
    gradient_y, gradient_x = np.gradient(_height_map(region_coverage))
    refracted = _refract(background, 26 * gradient_y, 34 * gradient_x)
    tinted = refracted * (0.25 + 0.75 * liquid.clear)
    tinted += (liquid.body - tinted) * (0.1 + 0.5 * liquid.cloud)
    slope_to_light = gradient_y * 0.75 - gradient_x * light * 0.65
    steepness = np.hypot(gradient_y, gradient_x)
    highlights = np.where(slope_to_light > 0, 2.6, 0.5) * slope_to_light
    shaded = tinted * (1 - 1.1 * steepness)[..., None] + highlights[..., None]
    background[...] = mix(background, np.clip(shaded, 0, 1), region_coverage)


def _bounding_region(coverage: Array) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(coverage.any(axis=1)), np.flatnonzero(coverage.any(axis=0))
    if not len(rows):
        return slice(0, 2), slice(0, 2)
    return slice(max(0, rows[0] - 4), rows[-1] + 5), slice(max(0, columns[0] - 4), columns[-1] + 5)


def _refract(background: Array, shift_y: Array, shift_x: Array) -> Array:
    rows, columns = np.ogrid[: shift_y.shape[0], : shift_y.shape[1]]
    source_rows = np.clip(rows - shift_y, 0, shift_y.shape[0] - 1).astype(np.intp)
    source_columns = np.clip(columns - shift_x, 0, shift_y.shape[1] - 1).astype(np.intp)
    refracted: Array = background[source_rows, source_columns]
    return refracted


def _height_map(coverage: Array) -> Array:
    return to_canvas(to_image(coverage).filter(ImageFilter.GaussianBlur(2.2)))


def draw_puddle(canvas: Array, bottle: Bottle, rng: np.random.Generator) -> None:
    """Draw a puddle around the base, in place; must be called before the bottle is drawn."""
    height, width = canvas.shape[:2]
    mask = Mask(height, width)
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    irregularity = (
        1 + 0.16 * np.sin(angles * 3 + rng.uniform(0, 6)) + 0.1 * np.sin(angles * 5 + rng.uniform(0, 6))
    )
    radius = float(bottle.radii[-1]) * rng.uniform(1.5, 2.3)
    flattening = max(0.16, openness(bottle, bottle.base) * 1.15)
    x = bottle.centre + radius * irregularity * np.cos(angles) + rng.uniform(-12, 12)
    y = bottle.base + 4 + radius * flattening * irregularity * np.sin(angles)
    mask.polygon(list(zip(x.tolist(), y.tolist(), strict=True)))
    for _ in range(int(rng.integers(4, 12))):
        size = rng.uniform(2, 7)
        mask.ellipse(
            bottle.centre + rng.normal(0, radius), bottle.base + rng.uniform(-4, 26), size * 1.6, size * 0.6
        )
    lay_water(canvas, mask.coverage(0.6) * 0.9, bottle.liquid, bottle.light)


def draw_spill(canvas: Array, bottle: Bottle, rng: np.random.Generator) -> None:
    """Draw streams, splashes and drops of an overflowing bottle, in place."""
    mask = Mask(*canvas.shape[:2])
    _draw_dome(mask, bottle, rng)
    _draw_streams(mask, bottle, rng)
    _draw_splashes(mask, bottle, rng)
    _draw_drops(mask, bottle, rng)
    if rng.random() < 0.4:
        _draw_stream_from_above(mask, bottle, rng)
    lay_water(canvas, mask.coverage(), bottle.liquid, bottle.light)


def draw_jet(canvas: Array, bottle: Bottle, rng: np.random.Generator) -> None:
    """Draw a stream that is poured into the bottle from above, in place."""
    mask = Mask(*canvas.shape[:2])
    _draw_stream_from_above(mask, bottle, rng)
    lay_water(canvas, mask.coverage(), bottle.liquid, bottle.light)


def draw_dew(canvas: Array, bottle: Bottle, rng: np.random.Generator) -> None:
    """Draw small drops on the outside of the glass, in place."""
    mask = Mask(*canvas.shape[:2])
    for _ in range(int(rng.integers(25, 90))):
        row = int(rng.uniform(bottle.shoulder, 0.97) * bottle.height)
        side = np.sin(rng.uniform(-1.3, 1.3))
        size = rng.uniform(0.8, 2.3)
        mask.ellipse(bottle.centre + side * bottle.radii[row], bottle.top + row, size * 0.9, size * 1.2)
    lay_water(canvas, mask.coverage() * 0.8, LIQUIDS[0], bottle.light)


def _draw_dome(mask: Mask, bottle: Bottle, rng: np.random.Generator) -> None:
    """Draw the bulge of liquid above the rim."""
    radius = float(bottle.radii[0])
    dome_height = radius * rng.uniform(0.25, 0.6)
    mask.ellipse(bottle.centre, bottle.top, radius * 1.08, dome_height)
    for _ in range(4):
        mask.ellipse(
            bottle.centre + rng.uniform(-0.6, 0.6) * radius,
            bottle.top - rng.uniform(0, dome_height),
            radius * rng.uniform(0.2, 0.45),
            dome_height * rng.uniform(0.4, 0.9),
        )


def _draw_streams(mask: Mask, bottle: Bottle, rng: np.random.Generator) -> None:
    """Draw liquid that runs down the outside along the outline, including both edges."""
    sides = [-1.03, 1.03, *rng.uniform(-0.85, 0.85, int(rng.integers(2, 5))).tolist()]
    for side in sides:
        length = int(bottle.height * rng.uniform(0.45, 1.0))
        rows = np.arange(0, length, 2)
        offsets = smooth_noise(rng, (len(rows), 1), (max(3, length // 40), 1))[:, 0]
        x = bottle.centre + bottle.radii[rows] * (side + 0.07 * offsets)
        half_widths = rng.uniform(2.0, 4.6) * (1 + 0.35 * np.roll(offsets, 3))
        half_widths = np.maximum(half_widths, 1.0) * np.linspace(1.15, 0.75, len(rows))
        mask.ribbon(x, bottle.top + rows.astype(float), half_widths)
        mask.ellipse(float(x[-1]), bottle.top + length, 4.2, 6)


def _draw_splashes(mask: Mask, bottle: Bottle, rng: np.random.Generator) -> None:
    """Draw ballistic arcs from the rim that break into drops."""
    radius = float(bottle.radii[0])
    right_probability = rng.uniform(0.15, 0.85)
    for _ in range(int(rng.integers(3, 9))):
        side = 1 if rng.random() < right_probability else -1
        speed, rise = side * rng.uniform(8, 40), rng.uniform(2, 36)
        duration = rng.uniform(0.9, 2.4)
        t = np.linspace(0, duration, 44)
        x = bottle.centre + side * radius * rng.uniform(0.2, 1) + speed * t
        y = bottle.top - rise * 1.6 * t + 34 * t * t
        half_widths = rng.uniform(2.2, 4.5) * np.linspace(1.2, 0.25, len(t)) ** 0.8
        mask.ribbon(x, y, half_widths)
        for _ in range(int(rng.integers(1, 5))):
            drop_time = duration * rng.uniform(1.02, 1.5)
            size = rng.uniform(1.0, 3.0)
            mask.ellipse(
                float(x[0]) + speed * drop_time + rng.normal(0, 2),
                bottle.top - rise * 1.6 * drop_time + 34 * drop_time**2,
                size,
                size * 1.3,
            )


def _draw_drops(mask: Mask, bottle: Bottle, rng: np.random.Generator) -> None:
    for _ in range(int(rng.integers(10, 34))):
        size = rng.uniform(0.8, 2.8)
        x = bottle.centre + rng.normal(0, 0.75) * float(bottle.radii.max())
        y = bottle.top + rng.normal(-6, 26)
        mask.ellipse(x, y, size, size * rng.uniform(1, 1.4))


def _draw_stream_from_above(mask: Mask, bottle: Bottle, rng: np.random.Generator) -> None:
    rows = np.arange(-4, bottle.top + 6, 2, dtype=float)
    offsets = smooth_noise(rng, (len(rows), 1), (6, 1))[:, 0]
    x = bottle.centre + rng.uniform(-0.3, 0.3) * bottle.radii[0] + 1.2 * offsets
    mask.ribbon(x, rows, rng.uniform(3.5, 6.5) * (1 + 0.2 * offsets) * np.linspace(1.15, 0.85, len(rows)))
