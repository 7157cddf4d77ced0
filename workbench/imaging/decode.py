"""Decodes any supported image file to the model input, ``(256, 256, 3) uint8``.

The same code is used at import, in the augmentation preview, in training, in prediction and in exports.
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
    decode_with_opencv,
    has_wide_colours,
    is_plain_ycbcr,
    is_still_webp,
    white_of,
)
from workbench.imaging.png_chunks import SIGNATURE, strip_ancillary_chunks
from workbench.imaging.to_rgb import GROUND, convert_to_rgb

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
"""Transpose operation for each Exif orientation (CIPA DC-008, "Exif", 4.6.5.1.6)."""
FORMATS = ("JPEG", "PNG", "WEBP", "HEIF", "AVIF", "BMP", "GIF", "TIFF")
BRAND = re.compile(rb".{4}ftyp(hei[cxms]|hev[cxms]|mif1|msf1|avif|avis)", re.DOTALL)
"""Signature of HEIF and AVIF files."""
EMPTY = "The file is empty (0 bytes)."
UNKNOWN_FORMAT = f"This is not a picture in a known format ({', '.join(FORMATS)})."
DAMAGED = "The picture is damaged or cut off and cannot be read to its end."
NO_ROOM = "The server has not enough memory to read this picture."
TILE_WIDTH, TILE_HEIGHT = 322, 323
CODED_SIZE = re.compile(rb"ispe\0{4}(.{4})(.{4})", re.DOTALL)
"""Size of a coded image in HEIF and AVIF, before cropping and rotation (ISO/IEC 23008-12, 6.5.3)."""

# decode() checks its own limit before decoding any pixel, so Pillow's limit is disabled.
Image.MAX_IMAGE_PIXELS = None
# HEIF photos of phones, without their thumbnails and auxiliary images.
register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)


@dataclass(frozen=True)
class DecodedImage:
    """A decoded picture.

    Attributes:
        image: Upright RGB, possibly at reduced scale for large pictures.
        width: Full width in pixels, after rotation.
        height: Full height in pixels, after rotation.
        format: Pillow's name of the file format.
        frames: Number of frames or pages in the file, of which ``image`` is the first.
        transparent: Whether the picture has transparent pixels, which are white in ``image``.
    """

    image: Image.Image
    width: int
    height: int
    format: str
    frames: int = 1
    transparent: bool = False


@dataclass(frozen=True)
class UndecodedImage:
    """A picture file whose header was read and whose pixels are not decoded yet.

    Attributes:
        data: The bytes of the file; for PNG, without ancillary chunks.
        image: As opened by Pillow, at reduced scale for large JPEGs.
        width: Stored width in pixels, before rotation.
        height: Stored height in pixels, before rotation.
        coded: Number of pixels that the decoder allocates, at least width times height.
        frames: As for :class:`DecodedImage`.
        bits: Bit depth, for PNG only.
        significant: Number of significant bits, for PNG only.
        side: Side length in pixels to which the picture will be scaled down.
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


def decode(data: bytes, max_pixels: int, side: int = SIDE) -> DecodedImage:
    """Decode a file to an upright RGB picture on a white background.

    Large JPEGs are decoded at a reduced scale (Pillow's ``draft``) of at least ``side`` pixels per side; other very large
    pictures are reduced while they are converted to RGB.

    Args:
        data: The bytes of the file.
        max_pixels: Most pixels (width times height).
        side: Side length in pixels to which the picture will be scaled down.

    Raises:
        RejectedPicture: The file is damaged, has an unknown format, or has too many pixels.
    """
    return decode_pixels(read_header(data, max_pixels, side))


def read_header(data: bytes, max_pixels: int, side: int = SIDE) -> UndecodedImage:
    """Read the header of a file; arguments and errors as for :func:`decode`."""
    if not data:
        raise RejectedPicture(EMPTY)
    with _decoder_errors_as_rejections(data):
        return _read_header(data, max_pixels, side)


def decode_pixels(file: UndecodedImage) -> DecodedImage:
    """Decode the pixels of a file whose header was read; errors as for :func:`decode`."""
    with _decoder_errors_as_rejections(file.data):
        orientation = _orientation(file.image)
        rgb, transparent = _to_rgb(file)
        width, height = file.width, file.height
        if orientation in TURNS:
            rgb = rgb.transpose(TURNS[orientation])
            width, height = (height, width) if orientation in SIDEWAYS else (width, height)
        return DecodedImage(rgb, width, height, file.image.format or "", file.frames, transparent)


def canonical(image: Image.Image, fit: str = "letterbox") -> np.ndarray:
    """Fit an upright RGB picture to the square model input.

    Args:
        image: An RGB picture from :func:`decode`.
        fit: ``letterbox`` pads with white, ``squash`` ignores the aspect ratio, ``crop`` cuts the centre.

    Returns:
        ``(256, 256, 3) uint8``.
    """
    size = (SIDE, SIDE)
    if fit == "letterbox":
        small = scale_to_side(image)
        fitted = Image.new("RGB", size, GROUND)
        fitted.paste(small, ((SIDE - small.width) // 2, (SIDE - small.height) // 2))
    elif fit == "squash":
        fitted = image.resize(size, Image.Resampling.BILINEAR)
    elif fit == "crop":
        fitted = ImageOps.fit(image, size, Image.Resampling.BILINEAR)
    else:
        raise ValueError(f"unknown fit {fit!r}")
    return np.asarray(fitted)


def encode_image(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Encode a picture in a format such as ``JPEG``, with Pillow's options for it."""
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def scale_to_side(image: Image.Image) -> Image.Image:
    """Scale a picture to fit within ``SIDE`` x ``SIDE``, keeping its aspect ratio."""
    scale = SIDE / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image if size == image.size else image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)


def to_small_grey(image: Image.Image) -> np.ndarray:
    """Convert to grey and scale the longer side to 256 pixels, ``(H, W) uint8``, for hashes and quality measures."""
    scale = SIDE / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    grey = image.convert("L")
    if scale <= 0.5:
        grey = grey.reduce(int(1 / scale))
    return np.asarray(cv2.resize(np.asarray(grey), size, interpolation=cv2.INTER_LINEAR))


def _to_rgb(file: UndecodedImage) -> tuple[Image.Image, bool]:
    if is_still_webp(file.image, file.frames) or is_plain_ycbcr(file.image):
        return decode_with_opencv(file.data, file.side)
    if has_wide_colours(file.image, file.bits):
        white = white_of(file.image, file.significant)
        if white < WIDEST:
            return decode_with_opencv(file.data, file.side, white)
    return convert_to_rgb(file.image, file.side, file.significant)


@contextmanager
def _decoder_errors_as_rejections(data: bytes) -> Iterator[None]:
    """Convert all exceptions of decoders to :class:`RejectedPicture`."""
    try:
        yield
    except UnidentifiedImageError:
        # A damaged HEIF or AVIF is not identified by Pillow, so its signature is checked here.
        raise RejectedPicture(DAMAGED if BRAND.match(data) else UNKNOWN_FORMAT) from None
    except RejectedPicture:
        raise
    except MemoryError as error:
        raise RejectedPicture(NO_ROOM) from error
    except Exception as error:  # decoders raise arbitrary exceptions on malformed input
        raise RejectedPicture(DAMAGED) from error


def _read_header(data: bytes, max_pixels: int, side: int) -> UndecodedImage:
    png = strip_ancillary_chunks(data) if data.startswith(SIGNATURE) else None
    data = png.data if png else data
    image: Image.Image = Image.open(BytesIO(data), formats=FORMATS)
    width, height = image.size
    coded = _check_size([(width, height), *_coded_sizes(image, data)], max_pixels)
    frames = min(frame_count.MOST, png.frames) if png else frame_count.count(image, data)
    image.draft("RGB", (side, side))
    bits, significant = (png.bits, png.significant) if png else (None, None)
    return UndecodedImage(data, image, width, height, coded, frames, bits, significant, side)


def _coded_sizes(image: Image.Image, data: bytes) -> list[tuple[int, int]]:
    """Sizes that a decoder would allocate, which may be larger than the size of the picture."""
    if isinstance(image, TiffImageFile):
        width, height = image.tag_v2.get(TILE_WIDTH), image.tag_v2.get(TILE_HEIGHT)
        return [(width, height)] if isinstance(width, int) and isinstance(height, int) else []
    if image.format not in {"HEIF", "AVIF"}:
        return []
    return [(int.from_bytes(width), int.from_bytes(height)) for width, height in CODED_SIZE.findall(data)]


def _check_size(sizes: list[tuple[int, int]], max_pixels: int) -> int:
    """The number of pixels of the largest size.

    Raises:
        RejectedPicture: There are too many pixels.
    """
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    if width * height > max_pixels:
        raise RejectedPicture(
            f"The picture is {width:,} x {height:,} pixels; at most {max_pixels:,} pixels are taken in."
        )
    return width * height


def _orientation(image: Image.Image) -> int:
    """The Exif orientation that is still to be applied; 1 for none."""
    if image.format == "TIFF":  # Pillow applies it itself
        return UPRIGHT
    try:
        return int(image.getexif().get(ORIENTATION, UPRIGHT))
    except Exception:  # a damaged Exif header; the picture itself may be intact
        return UPRIGHT
