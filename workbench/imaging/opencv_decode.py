"""Decoding with OpenCV, for formats where it needs less memory or keeps more bits than Pillow."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from workbench.imaging.bit_depth import (
    BITS,
    MOST,
    PHOTOMETRIC,
    Samples,
    black_and_white_levels,
    first_value,
    to_bytes,
)
from workbench.imaging.to_rgb import composite_on_white, join_strips, reduction_factor, rows_per_strip

COMPRESSION, ORIENTATION = 259, 274
Y_CB_CR, UNCOMPRESSED, UPRIGHT, WIDEST = 6, 1, 1, 65_535


def is_still_webp(image: Image.Image, frames: int) -> bool:
    """Whether it is a still WebP, which OpenCV decodes in less than half the memory."""
    return image.format == "WEBP" and frames == 1


def is_plain_ycbcr(image: Image.Image) -> bool:
    """Whether it is an uncompressed YCbCr TIFF, which Pillow cannot read."""
    if not isinstance(image, TiffImageFile) or not _is_upright(image):
        return False
    tags = image.tag_v2
    return (
        first_value(tags, PHOTOMETRIC) == Y_CB_CR
        and first_value(tags, COMPRESSION) == UNCOMPRESSED
        and image.mode == "RGB"
    )


def has_wide_colours(image: Image.Image, bits: int | None) -> bool:
    """Whether it is a colour picture with 16 bits per sample, of which Pillow keeps only the upper 8.

    Args:
        image: As opened by Pillow.
        bits: Bit depth, for PNG only.
    """
    if isinstance(image, TiffImageFile):
        bits = int(first_value(image.tag_v2, BITS) or 8) if _is_upright(image) else 8
    return bits == 16 and image.mode in {"RGB", "RGBA"}


def white_of(image: Image.Image, significant: int | None) -> float:
    """The sample value of white in a 16-bit colour picture, by the rules of :mod:`workbench.imaging.bit_depth`.

    Args:
        image: As opened by Pillow; its pixels get decoded.
        significant: Number of significant bits, for PNG only.
    """
    image.load()
    tags = getattr(image, "tag_v2", {})
    most = next((value for tag in MOST if (value := first_value(tags, tag)) is not None), None)
    if significant and significant < 16:
        most = 2.0**significant - 1
    highest = max(image.getchannel(band).getextrema()[1] for band in "RGB")  # type: ignore[type-var]
    largest = 256.0 * highest + 255 * (highest > 0)  # type: ignore[operator]
    return black_and_white_levels(Samples("unsigned", 16, most=most), 0, largest)[1]


def decode_with_opencv(data: bytes, side: int, white: float = 255) -> tuple[Image.Image, bool]:
    """Decode to RGB on white, like :func:`workbench.imaging.to_rgb.convert_to_rgb`.

    Args:
        data: The bytes of the file.
        side: Side length in pixels to which the picture will be scaled down.
        white: The sample value of white.

    Raises:
        ValueError: The file is damaged.
    """
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.ndim != 3:
        raise ValueError("not a whole picture")
    height, width = pixels.shape[:2]
    factor = reduction_factor((width, height), side)
    return join_strips((width, height), factor, _rgb_strips(pixels, factor, white))


def _rgb_strips(pixels: np.ndarray, factor: int, white: float) -> Iterator[tuple[Image.Image, bool]]:
    """Convert a BGR or BGRA array ``(H, W, 3 or 4)`` to RGB on white, strip by strip."""
    rows = rows_per_strip(pixels.shape[1], factor)
    for top in range(0, pixels.shape[0], rows):
        strip = pixels[top : top + rows]
        if strip.dtype != np.uint8:
            colours, opacity = to_bytes(strip[..., :3], 0, white), to_bytes(strip[..., 3:], 0, WIDEST)
            strip = np.concatenate([colours, opacity], axis=2)
        if strip.shape[2] == 3:
            yield Image.fromarray(cv2.cvtColor(strip, cv2.COLOR_BGR2RGB)), False
        else:
            yield composite_on_white(Image.fromarray(cv2.cvtColor(strip, cv2.COLOR_BGRA2RGBA)))


def _is_upright(image: TiffImageFile) -> bool:
    return first_value(image.tag_v2, ORIENTATION) in {None, UPRIGHT}
