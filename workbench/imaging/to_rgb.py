"""Converts pictures of any mode to 8-bit RGB on white, strip by strip to avoid full copies of large pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from PIL import Image, ImageChops, ImageCms

from workbench.imaging import bit_depth

GROUND = (255, 255, 255)
STRIP = 2**18
"""Pixels of a strip."""
LARGE = 16_000_000
"""Pixels above which a picture is reduced during conversion."""
SPARE = 2
"""Least size of a reduced picture relative to the target side, so that further scaling loses no visible quality."""
PADDED = ("BMP", "TIFF")
"""Formats with files whose fourth sample is zero padding instead of alpha; viewers show these opaque."""

StripConverter = Callable[[Image.Image], tuple[Image.Image, bool]]


def convert_to_rgb(image: Image.Image, side: int, significant: int | None = None) -> tuple[Image.Image, bool]:
    """Convert a picture to RGB on white.

    Args:
        image: As opened by Pillow.
        side: Target side length in pixels. A picture of more than ``LARGE`` pixels is reduced by an integer factor to at
            least ``SPARE`` times this width and height.
        significant: As for :func:`workbench.imaging.bit_depth.declared_samples`.

    Returns:
        The picture, and whether it has transparent pixels.
    """
    image.load()
    factor = reduction_factor(image.size, side)
    if image.mode == "RGB" and factor == 1 and not image.has_transparency_data:
        return image, False
    return join_strips(image.size, factor, map(_strip_converter(image, significant), _strips(image, factor)))


def join_strips(
    size: tuple[int, int], factor: int, strips: Iterable[tuple[Image.Image, bool]]
) -> tuple[Image.Image, bool]:
    """Reduce and join converted strips; returns the picture, and whether any strip has transparent pixels."""
    width, height = size
    rgb, has_transparency, top = Image.new("RGB", (-(-width // factor), -(-height // factor))), False, 0
    for strip, strip_has_transparency in strips:
        has_transparency |= strip_has_transparency
        rgb.paste(strip.reduce(factor) if factor > 1 else strip, (0, top))
        top += strip.height // factor
    return rgb, has_transparency


def reduction_factor(size: tuple[int, int], side: int) -> int:
    """The integer factor by which a picture of this size is reduced in both directions."""
    return max(1, min(size) // (SPARE * side)) if size[0] * size[1] > LARGE else 1


def rows_per_strip(width: int, factor: int) -> int:
    """The number of rows of a strip, a multiple of ``factor``."""
    return max(1, STRIP // (width * factor)) * factor


def _strips(image: Image.Image, factor: int = 1) -> Iterator[Image.Image]:
    """Iterate over the strips of a loaded picture from top to bottom; each has a multiple of ``factor`` rows."""
    rows = rows_per_strip(image.width, factor)
    for top in range(0, image.height, rows):
        yield image.crop((0, top, image.width, min(image.height, top + rows)))


def _strip_converter(image: Image.Image, significant: int | None) -> StripConverter:
    if image.mode.startswith(("I", "F")):
        return _deep_grey_converter(image, significant)
    if image.mode == "LAB":
        return _lab_converter()
    if image.has_transparency_data and not _is_padding(image):
        return composite_on_white
    return lambda strip: (_without_alpha(strip), False)


def _is_padding(image: Image.Image) -> bool:
    """Whether the alpha channel is all zero in a format where that means padding."""
    if image.format not in PADDED or not image.mode.endswith("A") or image.getbbox(alpha_only=True):
        return False
    return image.format == "BMP" or image.getbbox(alpha_only=False) is not None


def _without_alpha(strip: Image.Image) -> Image.Image:
    return strip if strip.mode == "RGB" else strip.convert("RGB")


def composite_on_white(strip: Image.Image) -> tuple[Image.Image, bool]:
    """Composite a picture on white; returns RGB, and whether it has transparent pixels."""
    rgba = strip if strip.mode == "RGBA" else strip.convert("RGBA")
    alpha = rgba.getchannel("A")
    rgb = rgba.convert("RGB")
    if alpha.getextrema() == (255, 255):
        return rgb, False
    rgb.paste(GROUND, mask=ImageChops.invert(alpha))
    return rgb, True


def _lab_converter() -> StripConverter:
    """A converter for CIE L*a*b*, which ``Image.convert`` does not support."""
    profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    transform = ImageCms.buildTransform(*profiles, "LAB", "RGB")

    def flatten(strip: Image.Image) -> tuple[Image.Image, bool]:
        rgb = ImageCms.applyTransform(strip, transform)
        if rgb is None:
            raise ValueError("no conversion from L*a*b*")
        return rgb, False

    return flatten


def _deep_grey_converter(image: Image.Image, significant: int | None) -> StripConverter:
    """A converter for grey with more than 8 bits, which ``Image.convert`` would clip to white."""
    samples = bit_depth.declared_samples(image, significant)
    strip_values = (bit_depth.sample_values(strip, samples) for strip in _strips(image))
    black, white = bit_depth.black_and_white_levels(samples, *bit_depth.finite_extrema(strip_values))
    transparent_value = image.info.get("transparency")

    def flatten(strip: Image.Image) -> tuple[Image.Image, bool]:
        values = bit_depth.sample_values(strip, samples)
        levels = bit_depth.to_bytes(values, black, white)
        levels = 255 - levels if samples.inverted else levels
        is_transparent = (
            values == transparent_value
            if isinstance(transparent_value, int)
            else np.zeros(values.shape, bool)
        )
        levels[is_transparent] = 255
        return Image.fromarray(levels).convert("RGB"), bool(is_transparent.any())

    return flatten
