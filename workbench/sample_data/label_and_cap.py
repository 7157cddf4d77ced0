"""Draws printed labels and screw caps on bottles."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from workbench.sample_data.glass import Grid, openness
from workbench.sample_data.raster import Array, colour, mix, rgb, soft_step, to_canvas
from workbench.sample_data.shapes import Bottle

NAMES = ("tarn", "beck", "mere", "rill", "brook", "spring", "lagoon", "fjord", "dew", "glen", "creek", "loch")
PAPERS = ("f6f4ee", "2f6f8f", "1f7a6b", "e8eef0", "b5483d", "f0c75e", "28435c", "dfeee6", "7a9fbf", "fbfbf8")
INKS = ("24404f", "b5483d", "1f7a6b", "3a3a3a", "2f5f9f")
CAPS = ("2f74b5", "f4f4f2", "1f8a78", "c8443a", "3b3f45", "e9a13b", "77b6dc", "e06a9a", "b9bec2")


def draw_label(canvas: Array, bottle: Bottle, grid: Grid, band: tuple[float, float], seed: int) -> None:
    """Draw a printed label around the bottle, in place.

    Args:
        canvas: ``(H, W, 3) float32``.
        bottle: The bottle, already drawn.
        grid: The pixel grid of the bottle.
        band: Upper and lower edge as fractions of the bottle's height.
        seed: Random seed of colours, name and layout.
    """
    row = bottle.top + band[0] * bottle.height
    label_height = (band[1] - band[0]) * bottle.height
    radius = float(bottle.radii[int(np.mean(band) * bottle.height)])
    paper = _print_label(np.random.default_rng(seed), int(radius * np.pi), int(label_height))
    label_y = grid.y - row - radius * openness(bottle, row + label_height / 2) * grid.facing
    coverage = soft_step(label_y) * soft_step(label_height - label_y) * grid.cover
    texture_x = np.clip((np.arcsin(grid.u) / np.pi + 0.5) * paper.shape[1], 0, paper.shape[1] - 1).astype(
        np.intp
    )
    texture_y = np.clip(label_y, 0, paper.shape[0] - 1).astype(np.intp)
    light = (0.6 + 0.4 * grid.facing**0.8) * (1 + 0.1 * bottle.light * grid.u)
    gloss = np.exp(-(((grid.u - 0.6 * bottle.light) / 0.1) ** 2)) * 0.14
    region = canvas[grid.region]
    region[...] = mix(region, paper[texture_y, texture_x] * light[..., None] + gloss[..., None], coverage)


def _print_label(rng: np.random.Generator, width: int, height: int) -> Array:
    """Render the flat texture of a label; the middle half of its width faces the viewer."""
    paper = colour(PAPERS[int(rng.integers(len(PAPERS)))])
    dark_paper = paper.mean() < 0.6
    ink = colour("f7f7f2") if dark_paper else colour(INKS[int(rng.integers(len(INKS)))])
    image = Image.new("RGB", (width, height), rgb(paper))
    draw = ImageDraw.Draw(image)
    _ornament(rng, draw, (width, height), rgb(0.6 * ink + 0.4 * paper))
    middle = width * rng.uniform(0.42, 0.58)
    size = int(min(height * 0.42, width * 0.13))
    name = NAMES[int(rng.integers(len(NAMES)))]
    draw.text((middle, height * 0.4), name, rgb(ink), ImageFont.load_default(max(8, size)), anchor="mm")
    for n in range(3):
        half = width * 0.09 * rng.uniform(0.5, 1.2)
        y = height * (0.68 + 0.08 * n)
        draw.line([middle - half, y, middle + half, y], fill=rgb(0.75 * ink + 0.25 * paper), width=1)
    return to_canvas(image)


def _ornament(
    rng: np.random.Generator, draw: ImageDraw.ImageDraw, size: tuple[int, int], ink: tuple[int, int, int]
) -> None:
    width, height = size
    kind = int(rng.integers(4))
    if kind == 0:
        for y in (0.06, 0.9):
            draw.rectangle([0, height * y, width, height * (y + 0.05)], fill=ink)
    elif kind == 1:
        x = np.linspace(0, width, 60)
        wave = height * (0.84 + 0.05 * np.sin(x / width * 40))
        draw.polygon([*zip(x.tolist(), wave.tolist(), strict=True), (width, height), (0, height)], fill=ink)
    elif kind == 2:
        for x0 in np.linspace(0.05, 0.95, 6) * width:
            peak = height * rng.uniform(0.55, 0.7)
            draw.polygon([(x0 - 22, height), (x0, peak), (x0 + 22, height)], fill=ink)


def draw_cap(canvas: Array, bottle: Bottle, seed: int) -> None:
    """Draw a ridged screw cap on the bottle, in place."""
    tone = colour(CAPS[seed % len(CAPS)])
    radius = float(bottle.radii[: max(2, bottle.height // 25)].max()) * 1.08 + 1
    cap_height = max(10.0, bottle.height * 0.05)
    ellipse_height = max(1.5, radius * openness(bottle, bottle.top))
    top = bottle.top - cap_height * 0.35
    rows = slice(max(0, int(top - ellipse_height - 2)), int(top + cap_height + ellipse_height + 3))
    columns = slice(int(bottle.centre - radius - 2), int(bottle.centre + radius + 3))
    y, x = (axis.astype(np.float32) for axis in np.ogrid[rows, columns])
    u = np.clip((x - bottle.centre) / radius, -1, 1)
    facing = np.sqrt(1 - u * u)
    sides = soft_step(radius - np.abs(x - bottle.centre))
    coverage = (
        soft_step(y - top + ellipse_height * facing)
        * soft_step(top + cap_height + ellipse_height * facing - y)
        * sides
    )
    lid = soft_step(top + ellipse_height * facing - y)
    ridges = 1 + 0.1 * np.sin(np.arcsin(u) * 34) * (1 - lid)
    light = (0.5 + 0.45 * facing) * (1 + 0.15 * bottle.light * u) * ridges + 0.3 * lid
    gloss = np.exp(-(((u - 0.5 * bottle.light) / 0.12) ** 2)) * 0.15 * (1 - lid)
    region = canvas[rows, columns]
    region[...] = mix(region, np.clip(tone * light[..., None] + gloss[..., None], 0, 1), coverage)
