"""The picture contract: from any picture file to ``(256, 256, 3) uint8``.

One function does it everywhere: at import, in the augmentation preview, in training, in prediction and in exports.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile
from pillow_heif import register_heif_opener

from workbench.core.errors import RejectedPicture
from workbench.imaging import frame_count
from workbench.imaging.opencv_decode import (
    WIDEST,
    flattened_by_opencv,
    has_wide_colours,
    is_plain_ycbcr,
    is_still_webp,
    white_of,
)
from workbench.imaging.png_chunks import SIGNATURE, essential
from workbench.imaging.to_rgb import GROUND, flattened

SIDE = 256
ORIENTATION = 0x0112
UPRIGHT = 1
SIDEWAYS = {5, 6, 7, 8}
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a picture of each orientation upright (CIPA DC-008, "Exif", 4.6.5.1.6)."""
FORMATS = ("JPEG", "PNG", "WEBP", "HEIF", "AVIF", "BMP", "GIF", "TIFF")
BRAND = re.compile(rb".{4}ftyp(hei[cxms]|hev[cxms]|mif1|msf1|avif|avis)", re.DOTALL)
"""How a HEIF or AVIF begins."""
DAMAGED = "The picture is damaged or cut off and cannot be read to its end."
NO_ROOM = "The server has not enough memory to read this picture."
TILE_WIDTH, TILE_HEIGHT = 322, 323
CODED_SIZE = re.compile(rb"ispe\0{4}(.{4})(.{4})", re.DOTALL)
"""The size of a coded picture within HEIF and AVIF, before it is cropped or turned (ISO/IEC 23008-12, 6.5.3)."""

# The limit is an argument of decode(), checked before any pixel is decoded; Pillow's own one would be in its way.
Image.MAX_IMAGE_PIXELS = None
# The photos of phones; the small pictures that such a file carries beside the large one are not wanted.
register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)


@dataclass(frozen=True)
class Decoded:
    """A decoded picture: upright RGB, at reduced scale for large JPEGs, and the facts of its file.

    ``frames`` counts the pictures of an animation or a file of several pages, of which ``image`` is the first.
    """

    image: Image.Image
    width: int
    height: int
    format: str
    frames: int = 1
    transparent: bool = False


@dataclass(frozen=True)
class Opened:
    """A picture file whose header was read and whose pixels were not.

    Attributes:
        data: The bytes of the file; of a PNG, what its picture depends on.
        image: As opened by Pillow, at reduced scale for large JPEGs.
        width: Pixels from left to right, as they are stored.
        height: Pixels from top to bottom, as they are stored.
        coded: Pixels that its decoder makes room for, where these are more than width times height.
        frames: As for :class:`Decoded`.
        bits: Bits of a sample, where the file is a PNG.
        significant: Bits of a sample that count, where the file says so otherwise than TIFF does.
        side: The side in pixels to which the picture will be scaled down.
    """

    data: bytes
    image: Image.Image
    width: int
    height: int
    coded: int
    frames: int
    bits: int | None
    significant: int | None
    side: int


def decode(data: bytes, max_pixels: int, side: int = SIDE) -> Decoded:
    """Decode a file to an upright RGB picture on a white ground.

    Large JPEGs are decoded at a reduced scale (Pillow's ``draft``) that is still at least ``side`` both ways; other very large
    pictures are reduced as they are flattened.

    Args:
        data: The bytes of the file.
        max_pixels: Most pixels (width times height) that are decoded.
        side: The side in pixels to which the picture will be scaled down.

    Raises:
        RejectedPicture: The bytes are not a whole picture of a known format, or it has too many pixels.
    """
    return pixels(opened(data, max_pixels, side))


def opened(data: bytes, max_pixels: int, side: int = SIDE) -> Opened:
    """Read the header of a file, with the arguments and errors of :func:`decode`."""
    if not data:
        raise RejectedPicture("The file is empty (0 bytes).")
    with _reading(data):
        return _opened(data, max_pixels, side)


def pixels(file: Opened) -> Decoded:
    """Decode a file whose header was read, with the errors of :func:`decode`."""
    with _reading(file.data):
        turned = _orientation(file.image)
        shown, transparent = _flattened(file)
        width, height = file.width, file.height
        if turned in TURNS:
            shown = shown.transpose(TURNS[turned])
            width, height = (height, width) if turned in SIDEWAYS else (width, height)
        return Decoded(shown, width, height, file.image.format or "", file.frames, transparent)


def canonical(image: Image.Image, fit: str = "letterbox") -> np.ndarray:
    """Fit an upright RGB picture to the square that models see.

    Args:
        image: An RGB picture as given by :func:`decode`.
        fit: ``letterbox`` keeps the whole picture on a white ground, ``squash`` stretches it, ``crop`` cuts the centre.

    Returns:
        ``(256, 256, 3) uint8``.
    """
    size = (SIDE, SIDE)
    if fit == "letterbox":
        small = inside(image)
        fitted = Image.new("RGB", size, GROUND)
        fitted.paste(small, ((SIDE - small.width) // 2, (SIDE - small.height) // 2))
    elif fit == "squash":
        fitted = image.resize(size, Image.Resampling.BILINEAR)
    elif fit == "crop":
        fitted = ImageOps.fit(image, size, Image.Resampling.BILINEAR)
    else:
        raise ValueError(f"unknown fit {fit!r}")
    return np.asarray(fitted)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The bytes of a picture file of a kind such as ``JPEG``, with Pillow's options for it."""
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def inside(image: Image.Image) -> Image.Image:
    """Scale a picture to lie within ``SIDE`` x ``SIDE``, keeping its aspect."""
    scale = SIDE / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image if size == image.size else image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)


def shrunk(image: Image.Image) -> np.ndarray:
    """An RGB picture in grey with a longer side of 256 pixels, ``(H, W) uint8``: one scale to measure all pictures by."""
    scale = SIDE / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    grey = image.convert("L")
    if scale <= 0.5:
        grey = grey.reduce(int(1 / scale))
    return np.asarray(cv2.resize(np.asarray(grey), size, interpolation=cv2.INTER_LINEAR))


def _flattened(file: Opened) -> tuple[Image.Image, bool]:
    if is_still_webp(file.image, file.frames) or is_plain_ycbcr(file.image):
        return flattened_by_opencv(file.data, file.side)
    if has_wide_colours(file.image, file.bits):
        white = white_of(file.image, file.significant)
        if white < WIDEST:
            return flattened_by_opencv(file.data, file.side, white)
    return flattened(file.image, file.side, file.significant)


@contextmanager
def _reading(data: bytes) -> Iterator[None]:
    """Give whatever a decoder raises as the reason why the file is not taken in."""
    try:
        yield
    except UnidentifiedImageError:
        # Readers of these formats look at the whole file before they say whose it is.
        known = f"This is not a picture in a known format ({', '.join(FORMATS)})."
        raise RejectedPicture(DAMAGED if BRAND.match(data) else known) from None
    except RejectedPicture:
        raise
    except MemoryError as error:
        raise RejectedPicture(NO_ROOM) from error
    except Exception as error:  # decoders raise whatever hostile bytes lead them to
        raise RejectedPicture(DAMAGED) from error


def _opened(data: bytes, max_pixels: int, side: int) -> Opened:
    png = essential(data) if data.startswith(SIGNATURE) else None
    data = png.data if png else data
    image: Image.Image = Image.open(BytesIO(data), formats=FORMATS)
    width, height = image.size
    coded = _check_size([(width, height), *_coded_sizes(image, data)], max_pixels)
    held = min(frame_count.MOST, png.frames) if png else frame_count.count(image, data)
    image.draft("RGB", (side, side))
    bits, significant = (png.bits, png.significant) if png else (None, None)
    return Opened(data, image, width, height, coded, held, bits, significant, side)


def _coded_sizes(image: Image.Image, data: bytes) -> list[tuple[int, int]]:
    """What a decoder would make room for; the size that such a file shows may be a small part of it."""
    if isinstance(image, TiffImageFile):
        width, height = image.tag_v2.get(TILE_WIDTH), image.tag_v2.get(TILE_HEIGHT)
        return [(width, height)] if isinstance(width, int) and isinstance(height, int) else []
    if image.format not in {"HEIF", "AVIF"}:
        return []
    return [(int.from_bytes(width), int.from_bytes(height)) for width, height in CODED_SIZE.findall(data)]


def _check_size(sizes: list[tuple[int, int]], max_pixels: int) -> int:
    """The most pixels of any of the sizes.

    Raises:
        RejectedPicture: They are too many.
    """
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    if width * height > max_pixels:
        raise RejectedPicture(
            f"The picture is {width:,} x {height:,} pixels; at most {max_pixels:,} pixels are taken in."
        )
    return width * height


def _orientation(image: Image.Image) -> int:
    """How the pixels are still to be turned: what has been done to the size already is done to the pixels, too."""
    if image.format == "TIFF":  # Pillow turns these itself
        return UPRIGHT
    try:
        return int(image.getexif().get(ORIENTATION, UPRIGHT))
    except Exception:  # a damaged header says nothing of how to turn the picture, which may be whole
        return UPRIGHT
