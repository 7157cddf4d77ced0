"""Random out-of-focus backgrounds for the bottles: walls, tables, shelves, windows and gardens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from workbench.sample_data.raster import Array, colour, mix, rgb, smooth_noise, soft_step, to_canvas, to_image

WALLS = ("e9e6df", "d9dfe2", "cfd8d3", "e4d9c9", "c7d0da", "ddd3d0", "b9c4c9", "f1efea", "a8b4bb")
TABLES = ("b98d62", "8c6545", "d3b48c", "a37a55", "c9c6c0", "e3e0da", "8e959a", "6f5a49", "dcd2c2")
OBJECTS = ("7d8c99", "a56f5a", "c2a46d", "6f8a76", "b5b0a8", "8a7a96", "4f6072", "d0c3ae", "93735f")


@dataclass(frozen=True)
class Scene:
    """A canvas ``(H, W, 3) float32`` in 0..1, the row of the table's far edge, and the side of the light (-1 left, 1 right)."""

    canvas: Array
    edge: int
    light: float


def draw_scene(rng: np.random.Generator, height: int, width: int) -> Scene:
    """Draw a random background; the bottle stands below the row ``edge``."""
    edge = int(height * rng.uniform(0.72, 0.84))
    light = float(rng.choice((-1, 1)))
    backgrounds: tuple[Callable[..., Array], ...] = (
        _studio,
        _plain,
        _plain,
        _shelves,
        _tiles,
        _window,
        _garden,
        _desk,
    )
    draw_background = backgrounds[int(rng.integers(len(backgrounds)))]
    canvas = draw_background(rng, height, width)
    if draw_background is not _studio:
        canvas = _with_table(rng, canvas, edge)
    return Scene(_shaded(rng, canvas, light), edge, light)


def _random_colour(rng: np.random.Generator, palette: tuple[str, ...]) -> Array:
    base = colour(palette[int(rng.integers(len(palette)))])
    return np.clip(base * rng.uniform(0.9, 1.08) + rng.normal(0, 0.015, 3), 0, 1).astype(np.float32)


def _vertical_gradient(top: Array, bottom: Array, height: int, width: int) -> Array:
    weight = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    return np.repeat((top + (bottom - top) * weight).astype(np.float32), width, axis=1)


def _wall(rng: np.random.Generator, height: int, width: int) -> Array:
    tone = _random_colour(rng, WALLS)
    return _vertical_gradient(tone * rng.uniform(0.9, 1.08), tone * rng.uniform(0.8, 1.0), height, width)


def _studio(rng: np.random.Generator, height: int, width: int) -> Array:
    """A seamless paper background with a glow behind the bottle."""
    base = _random_colour(rng, WALLS)
    canvas = _vertical_gradient(base * 0.95, base * rng.uniform(0.75, 1.02), height, width)
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    glow = np.exp(-((y + 0.1) ** 2 + x**2) * 1.6).astype(np.float32)
    return mix(canvas, np.minimum(base * 1.2, 1), glow * rng.uniform(0.3, 0.8))


def _plain(rng: np.random.Generator, height: int, width: int) -> Array:
    grain = smooth_noise(rng, (height, width), (9, 7))[..., None]
    return _wall(rng, height, width) * (1 + 0.025 * grain)


def _paint_blurred(
    rng: np.random.Generator, wall: Array, paint: Callable[[ImageDraw.ImageDraw, int, int], None], blur: float
) -> Array:
    """Paint on the wall at half resolution, blur, and scale back to full resolution."""
    height, width = wall.shape[:2]
    small = to_image(wall[::2, ::2])
    paint(ImageDraw.Draw(small), small.height, small.width)
    small = small.filter(ImageFilter.GaussianBlur(blur * rng.uniform(0.7, 1.3)))
    return to_canvas(small.resize((width, height), Image.Resampling.BILINEAR))


def _row_of_objects(
    rng: np.random.Generator, draw: ImageDraw.ImageDraw, floor: float, width: int, max_height: float
) -> None:
    x = -rng.uniform(0, 20)
    while x < width:
        object_width, object_height = rng.uniform(10, 32), max_height * rng.uniform(0.35, 0.95)
        if rng.random() < 0.75:
            tone = _random_colour(rng, OBJECTS) * 0.55 + 0.38
            draw.rounded_rectangle(
                [x, floor - object_height, x + object_width, floor], radius=rng.uniform(0, 6), fill=rgb(tone)
            )
        x += object_width + rng.uniform(0, 8)


def _shelves(rng: np.random.Generator, height: int, width: int) -> Array:
    board = _random_colour(rng, TABLES)

    def paint(draw: ImageDraw.ImageDraw, h: int, w: int) -> None:
        gap = h * rng.uniform(0.24, 0.34)
        for shelf in range(1, 4):
            floor = shelf * gap - rng.uniform(0, 4)
            _row_of_objects(rng, draw, floor, w, gap * 0.8)
            draw.rectangle([0, floor, w, floor + 5], fill=rgb(board))

    return _paint_blurred(rng, _wall(rng, height, width), paint, 3.0)


def _tiles(rng: np.random.Generator, height: int, width: int) -> Array:
    tone, side = _random_colour(rng, WALLS), rng.uniform(22, 42)

    def paint(draw: ImageDraw.ImageDraw, h: int, w: int) -> None:
        for row in range(int(h / side) + 2):
            shift = side * 0.5 * (row % 2)
            for column in range(-1, int(w / side / 1.6) + 2):
                x, y = column * side * 1.6 + shift, row * side
                shade = tone * rng.uniform(0.95, 1.03)
                draw.rectangle([x, y, x + side * 1.6 - 1.5, y + side - 1.5], fill=rgb(shade))

    return _paint_blurred(rng, _vertical_gradient(tone * 0.86, tone * 0.86, height, width), paint, 1.0)


def _window(rng: np.random.Generator, height: int, width: int) -> Array:
    sky, frame = colour("eaf3f8"), colour("f4f2ee") * rng.uniform(0.75, 0.95)

    def paint(draw: ImageDraw.ImageDraw, h: int, w: int) -> None:
        left, right = w * rng.uniform(-0.1, 0.2), w * rng.uniform(0.75, 1.1)
        draw.rectangle([left - 5, -9, right + 5, h], fill=rgb(frame))
        draw.rectangle([left, -9, right, h], fill=rgb(sky))
        hills = [
            (left + (right - left) * t, h * (0.42 + rng.uniform(-0.04, 0.04))) for t in np.linspace(0, 1, 7)
        ]
        draw.polygon([*hills, (right, h), (left, h)], fill=rgb(colour("b9c9b4")))
        bar = left + (right - left) * rng.uniform(0.2, 0.8)
        draw.rectangle([bar - 3, -9, bar + 3, h], fill=rgb(frame))

    return _paint_blurred(rng, _wall(rng, height, width) * 0.9, paint, 3.5)


def _garden(rng: np.random.Generator, height: int, width: int) -> Array:
    """Leaves and sky, strongly blurred."""
    sky, leaves = colour("dbe8ea"), colour("8fa978") * rng.uniform(0.85, 1.1)

    def paint(draw: ImageDraw.ImageDraw, h: int, w: int) -> None:
        for _ in range(34):
            x, y, r = rng.uniform(0, w), rng.uniform(0, h), rng.uniform(6, 22)
            tone = leaves * rng.uniform(0.75, 1.25) + rng.uniform(0, 0.14)
            draw.ellipse([x - r, y - r, x + r, y + r], fill=rgb(tone))

    return _paint_blurred(rng, _vertical_gradient(sky, leaves, height, width), paint, 9.0)


def _desk(rng: np.random.Generator, height: int, width: int) -> Array:
    """A few blurred objects in the background."""

    def paint(draw: ImageDraw.ImageDraw, h: int, w: int) -> None:
        _row_of_objects(rng, draw, h * 0.86, w, h * rng.uniform(0.25, 0.5))

    return _paint_blurred(rng, _wall(rng, height, width), paint, 4.5)


def _with_table(rng: np.random.Generator, canvas: Array, edge: int) -> Array:
    height, width = canvas.shape[:2]
    tone = _random_colour(rng, TABLES)
    grain = smooth_noise(rng, (height, width), (int(rng.choice((60, 110))), int(rng.choice((3, 5, 60)))))
    first_row = max(0, edge - 4)
    brightness = np.linspace(0.9, 1.08, height - first_row, dtype=np.float32)[:, None, None]
    table_top = tone * brightness * (1 + rng.uniform(0.02, 0.09) * grain[first_row:, :, None])
    coverage = soft_step(np.arange(first_row, height, dtype=np.float32)[:, None] - edge, rng.uniform(1.5, 6))
    canvas[first_row:] = mix(canvas[first_row:], table_top, coverage)
    return canvas


def _shaded(rng: np.random.Generator, canvas: Array, light: float) -> Array:
    height, width = canvas.shape[:2]
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    side_light = 1 + light * x * rng.uniform(0.0, 0.16)
    vignette = 1 - rng.uniform(0.0, 0.14) * (x**2 + y**2)
    canvas *= (side_light * vignette)[..., None].astype(np.float32)
    return canvas
