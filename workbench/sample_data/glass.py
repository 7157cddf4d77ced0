"""A bottle of glass and liquid, seen through: refraction, absorption and highlights, row by row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.sample_data.raster import Array, mix, soft_step
from workbench.sample_data.shapes import Bottle

WALL = 0.94


@dataclass(frozen=True)
class Grid:
    """The part of a canvas that a bottle covers; ``u`` is -1..1 across the bottle, ``facing`` 1 towards the viewer."""

    y: Array
    x: Array
    u: Array
    facing: Array
    cover: Array
    share: Array
    slope: Array

    @property
    def region(self) -> tuple[slice, slice]:
        """Where the grid lies in the canvas."""
        rows, columns = self.y[:, 0], self.x[0]
        return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def openness(bottle: Bottle, row: float) -> float:
    """How far a horizontal circle at ``row`` opens to an ellipse: seen from above, more so towards the base."""
    return bottle.view * (0.35 + 0.65 * (row - bottle.top) / bottle.height)


def bottle_grid(bottle: Bottle, canvas: Array) -> Grid:
    """Lay out the pixels of the silhouette, its rounded rim and base included."""
    radii = bottle.radii
    over = np.arange(int(radii[0] * openness(bottle, bottle.top)), 0, -1, dtype=np.float32)
    under = np.arange(1, int(radii[-1] * openness(bottle, bottle.base)) + 1, dtype=np.float32)
    ends = [np.sqrt(1 - (rows / (len(rows) + 1)) ** 2) for rows in (over, under)]
    outline = np.concatenate([radii[0] * ends[0], radii, radii[-1] * ends[1]])
    rows = np.arange(len(outline)) + bottle.top - len(over)
    kept = (rows >= 0) & (rows < canvas.shape[0])
    outline, rows = outline[kept, None], rows[kept, None].astype(np.float32)
    reach = int(radii.max()) + 3
    left, right = max(0, int(bottle.centre) - reach), min(canvas.shape[1], int(bottle.centre) + reach)
    x = np.arange(left, right, dtype=np.float32)[None, :]
    return _grid(bottle, outline, rows, x)


def _grid(bottle: Bottle, outline: Array, y: Array, x: Array) -> Grid:
    away = x - bottle.centre
    slope = np.gradient(outline[:, 0])[:, None]
    cover = soft_step((outline - np.abs(away)) / np.sqrt(1 + slope**2))
    u = np.clip(away / np.maximum(outline, 1), -1, 1)
    share = (y - bottle.top) / bottle.height
    return Grid(y, x, u, np.sqrt(1 - u * u), cover, share, np.clip(slope, -1, 1))


def draw_bottle(canvas: Array, bottle: Bottle) -> Grid:
    """Draw the bottle with what is in it onto ``canvas`` in place."""
    grid = bottle_grid(bottle, canvas)
    empty = _seen_through(canvas, bottle, grid, 1.0) * (0.4 + 0.6 * bottle.glass)
    full = _through_liquid(canvas, bottle, grid)
    below, surface = _level_masks(bottle, grid)
    inside = soft_step((WALL - np.abs(grid.u)) * bottle.radii.max())
    inner = mix(empty, full, below * inside)
    inner = mix(inner, 0.5 * full + 0.5 * empty + 0.06, surface * inside * 0.85)
    inner = _level_line(bottle, grid, inner, inside)
    shaded = _edges(bottle, grid, inner)
    shaded = _rim(bottle, grid, shaded) + _highlights(bottle, grid)[..., None]
    region = canvas[grid.region]
    region[...] = mix(region, np.clip(shaded, 0, 1), grid.cover)
    return grid


def _seen_through(canvas: Array, bottle: Bottle, grid: Grid, direction: float) -> Array:
    """What lies behind: hardly bent by empty glass (1), turned round and widened by a liquid (-1.4)."""
    bent = grid.u * (1 - 0.35 * np.abs(grid.u) ** 5) if direction > 0 else grid.u
    x = bottle.centre + direction * bent * np.abs(grid.x - bottle.centre) / np.maximum(np.abs(grid.u), 1e-3)
    columns = np.clip(x, 0, canvas.shape[1] - 1).astype(np.intp)
    behind: Array = canvas[grid.y.astype(np.intp), columns]
    return behind


def _through_liquid(canvas: Array, bottle: Bottle, grid: Grid) -> Array:
    liquid = bottle.liquid
    depth = (0.25 + 0.75 * grid.facing)[..., None]
    passed = _seen_through(canvas, bottle, grid, -1.4) * liquid.clear**depth * bottle.glass
    glow = 1 + 0.12 * bottle.light * grid.u - 0.1 * grid.share
    mixed: Array = passed + (liquid.body * glow[..., None] - passed) * (liquid.cloud * depth)
    return mixed


def _level_masks(bottle: Bottle, grid: Grid) -> tuple[Array, Array]:
    """Coverage of the liquid behind the front wall, and of its surface seen from above."""
    row, half, across = _surface(bottle, grid)
    below = soft_step(grid.y - (row + half * across))
    return below, soft_step(grid.y - (row - half * across)) * (1 - below)


def _surface(bottle: Bottle, grid: Grid) -> tuple[float, float, Array]:
    row = bottle.top + bottle.level * bottle.height
    radius = float(bottle.radii[min(max(int(row - bottle.top), 0), bottle.height - 1)]) * WALL
    half = max(1.0, radius * openness(bottle, row))
    across = np.sqrt(np.clip(1 - ((grid.x - bottle.centre) / radius) ** 2, 0, 1))
    return row, half, across


def _level_line(bottle: Bottle, grid: Grid, inner: Array, inside: Array) -> Array:
    """The meniscus: a dark line under a bright one along the front, a faint one along the back."""
    row, half, across = _surface(bottle, grid)
    front, back = row + half * across, row - half * across
    dark = np.exp(-(((grid.y - front - 0.6) / 1.1) ** 2)) * inside
    bright = np.exp(-(((grid.y - front + 1.4) / 1.0) ** 2)) * inside
    faint = np.exp(-(((grid.y - back) / 0.9) ** 2)) * inside
    lined: Array = inner * (1 - 0.34 * dark - 0.16 * faint)[..., None] + 0.2 * bright[..., None]
    return lined


def _edges(bottle: Bottle, grid: Grid, inner: Array) -> Array:
    """Glass darkens where it is seen edge on, with a thin bright line inside; a thick base does the same."""
    side = np.abs(grid.u)
    rim = np.clip((side - 0.74) / 0.26, 0, 1) ** 2
    line = np.exp(-(((side - 0.9) / 0.03) ** 2))
    base = np.exp(-(((grid.share - 1.0) / 0.022) ** 2)) * 0.22
    turn = 1 + 0.08 * bottle.light * grid.u
    shade = turn * (1 - 0.46 * rim) * (1 - base)
    shaded: Array = inner * shade[..., None] + (0.09 * line)[..., None]
    return shaded


def _rim(bottle: Bottle, grid: Grid, inner: Array) -> Array:
    """The open mouth and the ring of glass around it."""
    radius = float(bottle.radii[0])
    tall = max(1.2, radius * openness(bottle, bottle.top))
    ring = np.hypot((grid.x - bottle.centre) / radius, (grid.y - bottle.top) / tall)
    mouth = np.clip((1 - ring) * 3, 0, 1)
    lip = np.exp(-(((ring - 0.96) / 0.12) ** 2)) * (np.abs(grid.y - bottle.top) < tall + 2)
    band = np.exp(-(((grid.y - bottle.top - tall - 5) / 1.2) ** 2)) * 0.14
    ringed: Array = inner * (1 - 0.16 * mouth - band)[..., None] + (0.2 * lip)[..., None]
    return ringed


def _highlights(bottle: Bottle, grid: Grid) -> Array:
    along = np.clip((grid.share - 0.02) * 14, 0, 1) * np.clip((0.95 - grid.share) * 12, 0, 1)
    bright = np.exp(-(((grid.u - 0.62 * bottle.light) / 0.07) ** 2)) * 0.5
    broad = np.exp(-(((grid.u - 0.5 * bottle.light) / 0.16) ** 2)) * 0.1
    counter = np.exp(-(((grid.u + 0.8 * bottle.light) / 0.045) ** 2)) * 0.26
    shoulder = np.clip(grid.slope, 0, 0.8) * grid.facing**2 * 0.16
    shine: Array = (bright + broad + counter) * along * (1 - 0.5 * np.abs(grid.slope)) + shoulder
    return shine
