"""From a picture of any mode to 8-bit RGB on white, strip by strip: whole copies of large pictures are never made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from PIL import Image, ImageChops, ImageCms

from workbench.imaging import bit_depth

GROUND = (255, 255, 255)
STRIP = 2**18
"""Pixels of a strip."""
LARGE = 16_000_000
"""Pixels above which a picture is reduced as it is flattened."""
SPARE = 2
"""How many times as large as asked for a reduced picture stays at least, so that scaling it further shows no difference."""
PADDED = ("BMP", "TIFF")
"""Formats whose writers fill up a fourth sample with zeros; what reads them shows such pictures opaque."""

Flatten = Callable[[Image.Image], tuple[Image.Image, bool]]


def flattened(image: Image.Image, side: int, significant: int | None = None) -> tuple[Image.Image, bool]:
    """A picture in RGB on white, and whether any of the white shows through.

    Args:
        image: As opened by Pillow.
        side: Above ``LARGE`` pixels the picture is reduced by a whole number, and stays at least ``SPARE`` times this wide
            and high.
        significant: As for :func:`workbench.imaging.bit_depth.declared`.
    """
    image.load()
    factor = reduction(image.size, side)
    if image.mode == "RGB" and factor == 1 and not image.has_transparency_data:
        return image, False
    return assembled(image.size, factor, map(_flatten(image, significant), _strips(image, factor)))


def assembled(
    size: tuple[int, int], factor: int, parts: Iterable[tuple[Image.Image, bool]]
) -> tuple[Image.Image, bool]:
    """One picture of flattened strips, each reduced, and whether white shows through any of them."""
    width, height = size
    shown, see_through, top = Image.new("RGB", (-(-width // factor), -(-height // factor))), False, 0
    for part, seen in parts:
        see_through |= seen
        shown.paste(part.reduce(factor) if factor > 1 else part, (0, top))
        top += part.height // factor
    return shown, see_through


def reduction(size: tuple[int, int], side: int) -> int:
    """By how much a picture of this size is reduced, both ways."""
    return max(1, min(size) // (SPARE * side)) if size[0] * size[1] > LARGE else 1


def rows_of(width: int, factor: int) -> int:
    """The rows of a strip, a multiple of ``factor``."""
    return max(1, STRIP // (width * factor)) * factor


def _strips(image: Image.Image, factor: int = 1) -> Iterator[Image.Image]:
    """The strips of a loaded picture from top to bottom, a multiple of ``factor`` rows each."""
    rows = rows_of(image.width, factor)
    for top in range(0, image.height, rows):
        yield image.crop((0, top, image.width, min(image.height, top + rows)))


def _flatten(image: Image.Image, significant: int | None) -> Flatten:
    if image.mode.startswith(("I", "F")):
        return _grey(image, significant)
    if image.mode == "LAB":
        return _lab()
    if image.has_transparency_data and not _is_padding(image):
        return on_white
    return lambda strip: (_plain(strip), False)


def _is_padding(image: Image.Image) -> bool:
    """Whether there is an alpha channel of zeros alone that hides a picture."""
    if image.format not in PADDED or not image.mode.endswith("A") or image.getbbox(alpha_only=True):
        return False
    return image.format == "BMP" or image.getbbox(alpha_only=False) is not None


def _plain(strip: Image.Image) -> Image.Image:
    return strip if strip.mode == "RGB" else strip.convert("RGB")


def on_white(strip: Image.Image) -> tuple[Image.Image, bool]:
    """A picture with transparency in RGB on white, and whether any of the white shows through."""
    layered = strip if strip.mode == "RGBA" else strip.convert("RGBA")
    opacity = layered.getchannel("A")
    shown = layered.convert("RGB")
    if opacity.getextrema() == (255, 255):
        return shown, False
    shown.paste(GROUND, mask=ImageChops.invert(opacity))
    return shown, True


def _lab() -> Flatten:
    """CIE L*a*b*, which Pillow's own conversion does not know."""
    spaces = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    transform = ImageCms.buildTransform(*spaces, "LAB", "RGB")

    def flatten(strip: Image.Image) -> tuple[Image.Image, bool]:
        shown = ImageCms.applyTransform(strip, transform)
        if shown is None:
            raise ValueError("no conversion from L*a*b*")
        return shown, False

    return flatten


def _grey(image: Image.Image, significant: int | None) -> Flatten:
    """More than 8 bits of grey; Pillow's own conversion would clip it to white."""
    samples = bit_depth.declared(image, significant)
    parts = (bit_depth.values_of(strip, samples) for strip in _strips(image))
    black, white = bit_depth.bounds(samples, *bit_depth.extrema(parts))
    see_through = image.info.get("transparency")

    def flatten(strip: Image.Image) -> tuple[Image.Image, bool]:
        values = bit_depth.values_of(strip, samples)
        levels = bit_depth.to_bytes(values, black, white)
        levels = 255 - levels if samples.inverted else levels
        hidden = values == see_through if isinstance(see_through, int) else np.zeros(values.shape, bool)
        levels[hidden] = 255
        return Image.fromarray(levels).convert("RGB"), bool(hidden.any())

    return flatten
