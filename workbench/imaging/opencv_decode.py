"""Pictures that OpenCV reads in less memory, or with more bits, than Pillow does."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from workbench.imaging.bit_depth import BITS, MOST, PHOTOMETRIC, Samples, bounds, first_value, to_bytes
from workbench.imaging.to_rgb import assembled, on_white, reduction, rows_of

COMPRESSION, ORIENTATION = 259, 274
Y_CB_CR, UNCOMPRESSED, UPRIGHT, WIDEST = 6, 1, 1, 65_535


def is_still_webp(image: Image.Image, frames: int) -> bool:
    """Whether it is a WebP that OpenCV decodes in less than half the memory."""
    return image.format == "WEBP" and frames == 1


def is_plain_ycbcr(image: Image.Image) -> bool:
    """Whether it is a TIFF in Y Cb Cr without compression, which Pillow cannot read."""
    if not isinstance(image, TiffImageFile) or not _upright(image):
        return False
    tags = image.tag_v2
    return (
        first_value(tags, PHOTOMETRIC) == Y_CB_CR
        and first_value(tags, COMPRESSION) == UNCOMPRESSED
        and image.mode == "RGB"
    )


def has_wide_colours(image: Image.Image, bits: int | None) -> bool:
    """Whether it has 16 bits a sample in colour, of which Pillow keeps the upper 8.

    Args:
        image: As opened by Pillow.
        bits: Of a sample, where the file is a PNG.
    """
    if isinstance(image, TiffImageFile):
        bits = int(first_value(image.tag_v2, BITS) or 8) if _upright(image) else 8
    return bits == 16 and image.mode in {"RGB", "RGBA"}


def white_of(image: Image.Image, significant: int | None) -> float:
    """The sample that is white in a picture with wide colours, by the rules of :mod:`workbench.imaging.bit_depth`.

    Args:
        image: As opened by Pillow; it is decoded.
        significant: Bits of a sample that count, where the file is a PNG.
    """
    image.load()
    tags = getattr(image, "tag_v2", {})
    most = next((value for tag in MOST if (value := first_value(tags, tag)) is not None), None)
    if significant and significant < 16:
        most = 2.0**significant - 1
    highest = max(image.getchannel(band).getextrema()[1] for band in "RGB")  # type: ignore[type-var]
    return bounds(Samples("unsigned", 16, most=most), 0, 256.0 * highest + 255 * (highest > 0))[1]  # type: ignore[operator]


def flattened_by_opencv(data: bytes, side: int, white: float = 255) -> tuple[Image.Image, bool]:
    """As :func:`workbench.imaging.to_rgb.flattened`.

    Args:
        data: The bytes of the file.
        side: The side in pixels to which the picture will be scaled down.
        white: The sample that is white.

    Raises:
        ValueError: It is damaged.
    """
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.ndim != 3:
        raise ValueError("not a whole picture")
    height, width = pixels.shape[:2]
    factor = reduction((width, height), side)
    return assembled((width, height), factor, _parts(pixels, factor, white))


def _parts(pixels: np.ndarray, factor: int, white: float) -> Iterator[tuple[Image.Image, bool]]:
    """Flatten ``(H, W, 3 or 4)``, blue first, strip by strip."""
    rows = rows_of(pixels.shape[1], factor)
    for top in range(0, pixels.shape[0], rows):
        strip = pixels[top : top + rows]
        if strip.dtype != np.uint8:
            colours, opacity = to_bytes(strip[..., :3], 0, white), to_bytes(strip[..., 3:], 0, WIDEST)
            strip = np.concatenate([colours, opacity], axis=2)
        if strip.shape[2] == 3:
            yield Image.fromarray(cv2.cvtColor(strip, cv2.COLOR_BGR2RGB)), False
        else:
            yield on_white(Image.fromarray(cv2.cvtColor(strip, cv2.COLOR_BGRA2RGBA)))


def _upright(image: TiffImageFile) -> bool:
    return first_value(image.tag_v2, ORIENTATION) in {None, UPRIGHT}
