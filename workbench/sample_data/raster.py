"""Small raster tools on canvases of ``(H, W, 3) float32`` in 0..1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Array = np.ndarray
Colour = tuple[float, float, float]


def colour(hexadecimal: str) -> Array:
    """Turn ``"8fb7d6"`` into ``(3,) float32`` in 0..1."""
    return np.array([int(hexadecimal[i : i + 2], 16) for i in (0, 2, 4)], np.float32) / 255


def rgb(tone: Array) -> tuple[int, int, int]:
    """Turn a colour ``(3,)`` in 0..1, cut off where it is beyond, into levels of 255."""
    red, green, blue = (np.clip(tone, 0, 1) * 255).astype(int).tolist()
    return red, green, blue


def to_image(canvas: Array) -> Image.Image:
    """Turn a canvas into an RGB picture."""
    scaled = canvas * np.float32(255)
    scaled += 0.5
    return Image.fromarray(np.clip(scaled, 0, 255, out=scaled).astype(np.uint8))


def to_canvas(image: Image.Image) -> Array:
    """Turn an RGB picture into a canvas."""
    return np.asarray(image, dtype=np.float32) / 255


def soft_step(distance: Array, width: float = 1.0) -> Array:
    """Coverage of a pixel by the half plane of positive distance: an edge ``width`` pixels wide."""
    return np.clip(distance / width + 0.5, 0, 1)


def smooth_noise(rng: np.random.Generator, size: tuple[int, int], cells: tuple[int, int]) -> Array:
    """Noise of about -1..1, ``(height, width) float32``, from a coarse random grid.

    Args:
        rng: Source of chance.
        size: Height and width in pixels.
        cells: Rows and columns of the coarse grid.
    """
    coarse = Image.fromarray(rng.uniform(-1, 1, cells).astype(np.float32))
    return np.asarray(coarse.resize((size[1], size[0]), Image.Resampling.BICUBIC))


def mix(canvas: Array, over: Array | Colour, coverage: Array) -> Array:
    """Lay ``over`` on ``canvas`` where ``coverage``, ``(H, W)``, is 1."""
    laid: Array = np.asarray(over, np.float32) - canvas
    laid *= coverage[..., None]
    laid += canvas
    return laid


class Mask:
    """A grey mask with smooth edges: drawn large and reduced, or drawn small where it will be blurred anyway."""

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
        """Fill a ribbon along points, its half width given at each."""
        for px, py, pr in zip(x.tolist(), y.tolist(), half_width.tolist(), strict=True):
            self.ellipse(px, py, pr, pr)

    def coverage(self, blur: float = 0.0) -> Array:
        """The mask as ``(H, W) float32`` in 0..1, softened by ``blur`` pixels."""
        image = self._image.reduce(2) if self._scale == 2.0 else self._image
        if blur:
            image = image.filter(ImageFilter.GaussianBlur(blur * min(1.0, self._scale)))
        if image.size != self._size:
            image = image.resize(self._size, Image.Resampling.BILINEAR)
        return np.asarray(image, dtype=np.float32) / 255
