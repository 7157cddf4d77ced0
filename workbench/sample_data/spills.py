"""Water outside the bottle: streams over the rim, splashes, drops, a puddle, dew on the glass."""

from __future__ import annotations

import numpy as np
from PIL import ImageFilter

from workbench.sample_data.glass import openness
from workbench.sample_data.raster import Array, Mask, mix, smooth_noise, to_canvas, to_image
from workbench.sample_data.shapes import LIQUIDS, Bottle, Liquid


def lay_water(canvas: Array, coverage: Array, liquid: Liquid, light: float) -> None:
    """Lay a film of liquid on the canvas in place: it bends what is behind, and shines where it faces the light.

    Args:
        canvas: ``(H, W, 3)``.
        coverage: ``(H, W)``, 1 where there is water.
        liquid: Its colours.
        light: Side that the light comes from, -1 or 1.
    """
    region = _wet_region(coverage)
    behind, wet = canvas[region], coverage[region]
    down, right = np.gradient(_relief(wet))
    bent = _bent(behind, 26 * down, 34 * right)
    tinted = bent * (0.25 + 0.75 * liquid.clear)
    tinted += (liquid.body - tinted) * (0.1 + 0.5 * liquid.cloud)
    facing = down * 0.75 - right * light * 0.65
    steep = np.hypot(down, right)
    shine = np.where(facing > 0, 2.6, 0.5) * facing
    shaded = tinted * (1 - 1.1 * steep)[..., None] + shine[..., None]
    behind[...] = mix(behind, np.clip(shaded, 0, 1), wet)


def _wet_region(coverage: Array) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(coverage.any(axis=1)), np.flatnonzero(coverage.any(axis=0))
    if not len(rows):
        return slice(0, 2), slice(0, 2)
    return slice(max(0, rows[0] - 4), rows[-1] + 5), slice(max(0, columns[0] - 4), columns[-1] + 5)


def _bent(behind: Array, up: Array, left: Array) -> Array:
    rows, columns = np.ogrid[: up.shape[0], : up.shape[1]]
    from_rows = np.clip(rows - up, 0, up.shape[0] - 1).astype(np.intp)
    from_columns = np.clip(columns - left, 0, up.shape[1] - 1).astype(np.intp)
    seen: Array = behind[from_rows, from_columns]
    return seen


def _relief(coverage: Array) -> Array:
    return to_canvas(to_image(coverage).filter(ImageFilter.GaussianBlur(2.2)))


def draw_puddle(canvas: Array, bottle: Bottle, rng: np.random.Generator) -> None:
    """A pool with an uneven edge around the base, in place; to be drawn before the bottle."""
    height, width = canvas.shape[:2]
    mask = Mask(height, width)
    around = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    uneven = 1 + 0.16 * np.sin(around * 3 + rng.uniform(0, 6)) + 0.1 * np.sin(around * 5 + rng.uniform(0, 6))
    reach = float(bottle.radii[-1]) * rng.uniform(1.5, 2.3)
    flat = max(0.16, openness(bottle, bottle.base) * 1.15)
    x = bottle.centre + reach * uneven * np.cos(around) + rng.uniform(-12, 12)
    y = bottle.base + 4 + reach * flat * uneven * np.sin(around)
    mask.polygon(list(zip(x.tolist(), y.tolist(), strict=True)))
    for _ in range(int(rng.integers(4, 12))):
        size = rng.uniform(2, 7)
        mask.ellipse(
            bottle.centre + rng.normal(0, reach), bottle.base + rng.uniform(-4, 26), size * 1.6, size * 0.6
        )
    lay_water(canvas, mask.coverage(0.6) * 0.9, bottle.liquid, bottle.light)


def draw_spill(canvas: Array, bottle: Bottle, rng: np.random.Generator) -> None:
    """Everything that runs, splashes and drips from a bottle that overflows, in place."""
    mask = Mask(*canvas.shape[:2])
    _dome(mask, bottle, rng)
    _streams(mask, bottle, rng)
    _crown(mask, bottle, rng)
    _drops(mask, bottle, rng)
    if rng.random() < 0.4:
        _jet(mask, bottle, rng)
    lay_water(canvas, mask.coverage(), bottle.liquid, bottle.light)


def draw_jet(canvas: Array, bottle: Bottle, rng: np.random.Generator) -> None:
    """A stream poured in from above that misses nothing, in place."""
    mask = Mask(*canvas.shape[:2])
    _jet(mask, bottle, rng)
    lay_water(canvas, mask.coverage(), bottle.liquid, bottle.light)


def draw_dew(canvas: Array, bottle: Bottle, rng: np.random.Generator) -> None:
    """Small drops on the outside of the glass, in place."""
    mask = Mask(*canvas.shape[:2])
    for _ in range(int(rng.integers(25, 90))):
        row = int(rng.uniform(bottle.shoulder, 0.97) * bottle.height)
        side = np.sin(rng.uniform(-1.3, 1.3))
        size = rng.uniform(0.8, 2.3)
        mask.ellipse(bottle.centre + side * bottle.radii[row], bottle.top + row, size * 0.9, size * 1.2)
    lay_water(canvas, mask.coverage() * 0.8, LIQUIDS[0], bottle.light)


def _dome(mask: Mask, bottle: Bottle, rng: np.random.Generator) -> None:
    """The bulge of water above the rim and the sheet just below it."""
    radius = float(bottle.radii[0])
    high = radius * rng.uniform(0.25, 0.6)
    mask.ellipse(bottle.centre, bottle.top, radius * 1.08, high)
    for _ in range(4):
        mask.ellipse(
            bottle.centre + rng.uniform(-0.6, 0.6) * radius,
            bottle.top - rng.uniform(0, high),
            radius * rng.uniform(0.2, 0.45),
            high * rng.uniform(0.4, 0.9),
        )


def _streams(mask: Mask, bottle: Bottle, rng: np.random.Generator) -> None:
    """Water running down the outside, following the outline; some of it right along the edge."""
    sides = [-1.03, 1.03, *rng.uniform(-0.85, 0.85, int(rng.integers(2, 5))).tolist()]
    for side in sides:
        length = int(bottle.height * rng.uniform(0.45, 1.0))
        rows = np.arange(0, length, 2)
        wander = smooth_noise(rng, (len(rows), 1), (max(3, length // 40), 1))[:, 0]
        x = bottle.centre + bottle.radii[rows] * (side + 0.07 * wander)
        thick = rng.uniform(2.0, 4.6) * (1 + 0.35 * np.roll(wander, 3))
        thick = np.maximum(thick, 1.0) * np.linspace(1.15, 0.75, len(rows))
        mask.ribbon(x, bottle.top + rows.astype(float), thick)
        mask.ellipse(float(x[-1]), bottle.top + length, 4.2, 6)


def _crown(mask: Mask, bottle: Bottle, rng: np.random.Generator) -> None:
    """Arcs thrown from the rim that fall beside the bottle, breaking into drops."""
    radius = float(bottle.radii[0])
    lean = rng.uniform(0.15, 0.85)
    for _ in range(int(rng.integers(3, 9))):
        side = 1 if rng.random() < lean else -1
        speed, rise = side * rng.uniform(8, 40), rng.uniform(2, 36)
        until = rng.uniform(0.9, 2.4)
        t = np.linspace(0, until, 44)
        x = bottle.centre + side * radius * rng.uniform(0.2, 1) + speed * t
        y = bottle.top - rise * 1.6 * t + 34 * t * t
        thick = rng.uniform(2.2, 4.5) * np.linspace(1.2, 0.25, len(t)) ** 0.8
        mask.ribbon(x, y, thick)
        for _ in range(int(rng.integers(1, 5))):
            later = until * rng.uniform(1.02, 1.5)
            size = rng.uniform(1.0, 3.0)
            mask.ellipse(
                float(x[0]) + speed * later + rng.normal(0, 2),
                bottle.top - rise * 1.6 * later + 34 * later**2,
                size,
                size * 1.3,
            )


def _drops(mask: Mask, bottle: Bottle, rng: np.random.Generator) -> None:
    for _ in range(int(rng.integers(10, 34))):
        size = rng.uniform(0.8, 2.8)
        x = bottle.centre + rng.normal(0, 0.75) * float(bottle.radii.max())
        y = bottle.top + rng.normal(-6, 26)
        mask.ellipse(x, y, size, size * rng.uniform(1, 1.4))


def _jet(mask: Mask, bottle: Bottle, rng: np.random.Generator) -> None:
    rows = np.arange(-4, bottle.top + 6, 2, dtype=float)
    wander = smooth_noise(rng, (len(rows), 1), (6, 1))[:, 0]
    x = bottle.centre + rng.uniform(-0.3, 0.3) * bottle.radii[0] + 1.2 * wander
    mask.ribbon(x, rows, rng.uniform(3.5, 6.5) * (1 + 0.2 * wander) * np.linspace(1.15, 0.85, len(rows)))
