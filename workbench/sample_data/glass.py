"""Renders a bottle with liquid: refraction, absorption and highlights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.sample_data.raster import Array, mix, soft_step
from workbench.sample_data.shapes import Bottle

WALL = 0.94


@dataclass(frozen=True)
class Grid:
    """The pixels of a canvas that a bottle covers.

    Attributes:
        y: Canvas rows, ``(h, 1)``.
        x: Canvas columns, ``(1, w)``.
        u: Horizontal position, -1..1 across the bottle.
        facing: Cosine towards the viewer, 1 at the centre and 0 at the edges.
        cover: Coverage of each pixel by the silhouette, 0..1.
        share: Vertical position as a fraction of the bottle's height from the rim.
        slope: Slope of the outline, -1..1.
    """

    y: Array
    x: Array
    u: Array
    facing: Array
    cover: Array
    share: Array
    slope: Array

    @property
    def region(self) -> tuple[slice, slice]:
        """The slices of the canvas that the grid covers."""
        rows, columns = self.y[:, 0], self.x[0]
        return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def openness(bottle: Bottle, row: float) -> float:
    """Height-to-width ratio of the ellipse that a horizontal circle at ``row`` projects to; it grows towards the base."""
    return bottle.view * (0.35 + 0.65 * (row - bottle.top) / bottle.height)


def bottle_grid(bottle: Bottle, canvas: Array) -> Grid:
    """Build the pixel grid of the silhouette, including the rounded rim and base."""
    radii = bottle.radii
    rows_above = np.arange(int(radii[0] * openness(bottle, bottle.top)), 0, -1, dtype=np.float32)
    rows_below = np.arange(1, int(radii[-1] * openness(bottle, bottle.base)) + 1, dtype=np.float32)
    elliptic_ends = [np.sqrt(1 - (rows / (len(rows) + 1)) ** 2) for rows in (rows_above, rows_below)]
    outline = np.concatenate([radii[0] * elliptic_ends[0], radii, radii[-1] * elliptic_ends[1]])
    rows = np.arange(len(outline)) + bottle.top - len(rows_above)
    is_on_canvas = (rows >= 0) & (rows < canvas.shape[0])
    outline, rows = outline[is_on_canvas, None], rows[is_on_canvas, None].astype(np.float32)
    half_width = int(radii.max()) + 3
    left, right = (
        max(0, int(bottle.centre) - half_width),
        min(canvas.shape[1], int(bottle.centre) + half_width),
    )
    x = np.arange(left, right, dtype=np.float32)[None, :]
    return _grid(bottle, outline, rows, x)


def _grid(bottle: Bottle, outline: Array, y: Array, x: Array) -> Grid:
    offset = x - bottle.centre
    slope = np.gradient(outline[:, 0])[:, None]
    cover = soft_step((outline - np.abs(offset)) / np.sqrt(1 + slope**2))
    u = np.clip(offset / np.maximum(outline, 1), -1, 1)
    share = (y - bottle.top) / bottle.height
    return Grid(y, x, u, np.sqrt(1 - u * u), cover, share, np.clip(slope, -1, 1))


def draw_bottle(canvas: Array, bottle: Bottle) -> Grid:
    """Draw the bottle with its liquid onto ``canvas``, in place."""
    grid = bottle_grid(bottle, canvas)
    empty = _refracted_background(canvas, bottle, grid, 1.0) * (0.4 + 0.6 * bottle.glass)
    full = _with_liquid_absorption(canvas, bottle, grid)
    below, surface = _level_masks(bottle, grid)
    inside = soft_step((WALL - np.abs(grid.u)) * bottle.radii.max())
    inner = mix(empty, full, below * inside)
    inner = mix(inner, 0.5 * full + 0.5 * empty + 0.06, surface * inside * 0.85)
    inner = _draw_meniscus(bottle, grid, inner, inside)
    shaded = _shade_edges(bottle, grid, inner)
    shaded = _draw_rim(bottle, grid, shaded) + _highlights(bottle, grid)[..., None]
    region = canvas[grid.region]
    region[...] = mix(region, np.clip(shaded, 0, 1), grid.cover)
    return grid


def _refracted_background(canvas: Array, bottle: Bottle, grid: Grid, direction: float) -> Array:
    """Sample the refracted background; ``direction`` is 1 for empty glass, -1.4 (mirrored and magnified) for liquid."""
    bent = grid.u * (1 - 0.35 * np.abs(grid.u) ** 5) if direction > 0 else grid.u
    x = bottle.centre + direction * bent * np.abs(grid.x - bottle.centre) / np.maximum(np.abs(grid.u), 1e-3)
    columns = np.clip(x, 0, canvas.shape[1] - 1).astype(np.intp)
    behind: Array = canvas[grid.y.astype(np.intp), columns]
    return behind


def _with_liquid_absorption(canvas: Array, bottle: Bottle, grid: Grid) -> Array:
    liquid = bottle.liquid
    depth = (0.25 + 0.75 * grid.facing)[..., None]
    transmitted = _refracted_background(canvas, bottle, grid, -1.4) * liquid.clear**depth * bottle.glass
    glow = 1 + 0.12 * bottle.light * grid.u - 0.1 * grid.share
    mixed: Array = transmitted + (liquid.body * glow[..., None] - transmitted) * (liquid.cloud * depth)
    return mixed


def _level_masks(bottle: Bottle, grid: Grid) -> tuple[Array, Array]:
    """Coverage of the liquid body, and of its surface as seen from above."""
    row, half_height, profile = _surface_ellipse(bottle, grid)
    below = soft_step(grid.y - (row + half_height * profile))
    return below, soft_step(grid.y - (row - half_height * profile)) * (1 - below)


def _surface_ellipse(bottle: Bottle, grid: Grid) -> tuple[float, float, Array]:
    row = bottle.top + bottle.level * bottle.height
    radius = float(bottle.radii[min(max(int(row - bottle.top), 0), bottle.height - 1)]) * WALL
    half_height = max(1.0, radius * openness(bottle, row))
    profile = np.sqrt(np.clip(1 - ((grid.x - bottle.centre) / radius) ** 2, 0, 1))
    return row, half_height, profile


def _draw_meniscus(bottle: Bottle, grid: Grid, inner: Array, inside: Array) -> Array:
    """Draw the meniscus: a dark and a bright line along the front, a faint one along the back."""
    row, half_height, profile = _surface_ellipse(bottle, grid)
    front, back = row + half_height * profile, row - half_height * profile
    dark = np.exp(-(((grid.y - front - 0.6) / 1.1) ** 2)) * inside
    bright = np.exp(-(((grid.y - front + 1.4) / 1.0) ** 2)) * inside
    faint = np.exp(-(((grid.y - back) / 0.9) ** 2)) * inside
    lined: Array = inner * (1 - 0.34 * dark - 0.16 * faint)[..., None] + 0.2 * bright[..., None]
    return lined


def _shade_edges(bottle: Bottle, grid: Grid, inner: Array) -> Array:
    """Darken the edges and the base, where glass is seen edge-on, and add a thin bright line inside."""
    side = np.abs(grid.u)
    rim = np.clip((side - 0.74) / 0.26, 0, 1) ** 2
    line = np.exp(-(((side - 0.9) / 0.03) ** 2))
    base = np.exp(-(((grid.share - 1.0) / 0.022) ** 2)) * 0.22
    side_light = 1 + 0.08 * bottle.light * grid.u
    shade = side_light * (1 - 0.46 * rim) * (1 - base)
    shaded: Array = inner * shade[..., None] + (0.09 * line)[..., None]
    return shaded


def _draw_rim(bottle: Bottle, grid: Grid, inner: Array) -> Array:
    """Draw the open mouth and the glass ring around it."""
    radius = float(bottle.radii[0])
    half_height = max(1.2, radius * openness(bottle, bottle.top))
    ring = np.hypot((grid.x - bottle.centre) / radius, (grid.y - bottle.top) / half_height)
    mouth = np.clip((1 - ring) * 3, 0, 1)
    lip = np.exp(-(((ring - 0.96) / 0.12) ** 2)) * (np.abs(grid.y - bottle.top) < half_height + 2)
    band = np.exp(-(((grid.y - bottle.top - half_height - 5) / 1.2) ** 2)) * 0.14
    ringed: Array = inner * (1 - 0.16 * mouth - band)[..., None] + (0.2 * lip)[..., None]
    return ringed


def _highlights(bottle: Bottle, grid: Grid) -> Array:
    vertical_fade = np.clip((grid.share - 0.02) * 14, 0, 1) * np.clip((0.95 - grid.share) * 12, 0, 1)
    bright = np.exp(-(((grid.u - 0.62 * bottle.light) / 0.07) ** 2)) * 0.5
    broad = np.exp(-(((grid.u - 0.5 * bottle.light) / 0.16) ** 2)) * 0.1
    opposite = np.exp(-(((grid.u + 0.8 * bottle.light) / 0.045) ** 2)) * 0.26
    shoulder = np.clip(grid.slope, 0, 0.8) * grid.facing**2 * 0.16
    shine: Array = (bright + broad + opposite) * vertical_fade * (1 - 0.5 * np.abs(grid.slope)) + shoulder
    return shine
