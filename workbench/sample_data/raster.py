"""Raster helpers for canvases, ``(H, W, 3) float32`` in 0..1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Array = np.ndarray
Colour = tuple[float, float, float]


def colour(hexadecimal: str) -> Array:
    """Convert a hexadecimal colour such as ``"8fb7d6"`` to ``(3,) float32`` in 0..1."""
    return np.array([int(hexadecimal[i : i + 2], 16) for i in (0, 2, 4)], np.float32) / 255


def rgb(tone: Array) -> tuple[int, int, int]:
    """Convert a colour ``(3,)`` in 0..1, with clipping, to 8-bit levels."""
    red, green, blue = (np.clip(tone, 0, 1) * 255).astype(int).tolist()
    return red, green, blue


def to_image(canvas: Array) -> Image.Image:
    """Convert a canvas to an 8-bit RGB image."""
    scaled = canvas * np.float32(255)
    scaled += 0.5
    return Image.fromarray(np.clip(scaled, 0, 255, out=scaled).astype(np.uint8))


def to_canvas(image: Image.Image) -> Array:
    """Convert an RGB image to a canvas."""
    return np.asarray(image, dtype=np.float32) / 255


def soft_step(distance: Array, width: float = 1.0) -> Array:
    """Anti-aliased coverage of pixels with positive signed distance; the edge is ``width`` pixels wide."""
    return np.clip(distance / width + 0.5, 0, 1)


def smooth_noise(rng: np.random.Generator, size: tuple[int, int], cells: tuple[int, int]) -> Array:
    """Noise of about -1..1, ``(height, width) float32``, from a coarse random grid.

    Args:
        rng: Random generator.
        size: Height and width in pixels.
        cells: Rows and columns of the coarse grid.
    """
    coarse = Image.fromarray(rng.uniform(-1, 1, cells).astype(np.float32))
    return np.asarray(coarse.resize((size[1], size[0]), Image.Resampling.BICUBIC))


def mix(canvas: Array, over: Array | Colour, coverage: Array) -> Array:
    """Blend ``over`` onto ``canvas`` with the opacity ``coverage``, ``(H, W)`` in 0..1; returns a new array."""
    blended: Array = np.asarray(over, np.float32) - canvas
    blended *= coverage[..., None]
    blended += canvas
    return blended


class Mask:
    """A grey mask with anti-aliased edges; drawn at twice the size and reduced, or at a smaller scale if it will be blurred."""

    def __init__(self, height: int, width: int, scale: float = 2.0) -> None:
        self._size = (width, height)
        self._scale = scale
        self._image = Image.new("L", (round(width * scale), round(height * scale)))
        self._draw = ImageDraw.Draw(self._image)

    def ellipse(self, x: float, y: float, rx: float, ry: float) -> None:
        """Fill an ellipse around ``(x, y)``."""
        scale = self._scale
        self._draw.ellipse([scale * (x - rx), scale * (y - ry), scale * (x + rx), scale * (y + ry)], fill=255)

    def polygon(self, points: Sequence[tuple[float, float]]) -> None:
        """Fill a polygon."""
        self._draw.polygon([(self._scale * x, self._scale * y) for x, y in points], fill=255)

    def ribbon(self, x: Array, y: Array, half_width: Array) -> None:
        """Fill a ribbon along points with the given half width at each point."""
        for point_x, point_y, radius in zip(x.tolist(), y.tolist(), half_width.tolist(), strict=True):
            self.ellipse(point_x, point_y, radius, radius)

    def coverage(self, blur: float = 0.0) -> Array:
        """The mask as ``(H, W) float32`` in 0..1, blurred by ``blur`` pixels (sigma)."""
        image = self._image.reduce(2) if self._scale == 2.0 else self._image
        if blur:
            image = image.filter(ImageFilter.GaussianBlur(blur * min(1.0, self._scale)))
        if image.size != self._size:
            image = image.resize(self._size, Image.Resampling.BILINEAR)
        return np.asarray(image, dtype=np.float32) / 255
