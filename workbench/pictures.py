"""The picture contract: from any picture file to ``(256, 256, 3) uint8``.

One function does it everywhere: at import, in the augmentation preview, in training, in prediction and in exports.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal, get_args

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from pillow_heif import register_heif_opener

from workbench.errors import RejectedPicture

SIDE = 256
GROUND = (255, 255, 255)
ORIENTATION = 0x0112
UPRIGHT = 1
SIDEWAYS = {5, 6, 7, 8}
FORMATS = ("JPEG", "PNG", "WEBP", "HEIF", "AVIF", "BMP", "GIF", "TIFF")

# The limit is an argument of decode(), checked before any pixel is decoded; Pillow's own one would be in its way.
Image.MAX_IMAGE_PIXELS = None
# The photos of phones; the small pictures that such a file carries beside the large one are not wanted.
register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)

Fit = Literal["letterbox", "squash", "crop"]
FITS: tuple[str, ...] = get_args(Fit)


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


def decode(data: bytes, max_pixels: int, side: int = SIDE) -> Decoded:
    """Decode a file to an upright RGB picture on a white ground.

    Large JPEGs are decoded at a reduced scale (Pillow's ``draft``) that is still at least ``side`` both ways.

    Args:
        data: The bytes of the file.
        max_pixels: Most pixels (width times height) that are decoded.
        side: The side in pixels to which the picture will be scaled down.

    Raises:
        RejectedPicture: The bytes are not a whole picture of a known format, or it has too many pixels.
    """
    if not data:
        raise RejectedPicture("The file is empty (0 bytes).")
    try:
        return _decode(data, max_pixels, side)
    except UnidentifiedImageError:
        raise RejectedPicture(f"This is not a picture in a known format ({', '.join(FORMATS)}).") from None
    except RejectedPicture:
        raise
    except Exception as error:  # decoders raise whatever hostile bytes lead them to
        raise RejectedPicture("The picture is damaged or cut off and cannot be read to its end.") from error


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
    grey = cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2GRAY)
    scale = SIDE / max(grey.shape)
    size = (max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, size, interpolation=way))


def _decode(data: bytes, max_pixels: int, side: int) -> Decoded:
    image: Image.Image = Image.open(BytesIO(data), formats=FORMATS)
    width, height = image.size
    if width * height > max_pixels:
        raise RejectedPicture(
            f"The picture is {width:,} x {height:,} pixels; at most {max_pixels:,} pixels are taken in."
        )
    kind, frames = image.format or "", _frames(image)
    image.draft("RGB", (side, side))
    turned = _orientation(image)
    if turned in SIDEWAYS:
        width, height = height, width
    if turned != UPRIGHT:
        ImageOps.exif_transpose(image, in_place=True)
    shown = _on_white(image)
    return Decoded(shown, width, height, kind, frames, _see_through(image))


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION, UPRIGHT))
    except Exception:  # a damaged header says nothing of how to turn the picture, which may be whole
        return UPRIGHT


def _frames(image: Image.Image) -> int:
    if image.format in {"JPEG", "MPO"}:  # what a phone puts behind a photo is for its own use
        return 1
    try:
        frames = int(getattr(image, "n_frames", 1))
        image.seek(0)
    except Exception:  # later frames may be damaged; the first one is what counts
        return 1
    return frames


def _see_through(image: Image.Image) -> bool:
    """Whether any pixel lets the ground show."""
    if not image.has_transparency_data:
        return False
    lowest, _ = image.convert("RGBA").getchannel("A").getextrema()
    return lowest < 255  # type: ignore[operator]


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        image.load()
        return image
    if image.mode.startswith(("I", "F")):
        return _scaled_gray(image)
    if image.has_transparency_data:
        layered = image.convert("RGBA")
        ground = Image.new("RGB", image.size, GROUND)
        ground.paste(layered, mask=layered.getchannel("A"))
        return ground
    return image.convert("RGB")


def _scaled_gray(image: Image.Image) -> Image.Image:
    """Bring 16-bit and float grey to 8 bits; Pillow's own conversion would clip it to white."""
    values = np.asarray(image, dtype=np.float64)
    sixteen = image.mode.startswith("I;16") or values.max(initial=0) > 255
    top = 65535.0 if sixteen else 255.0
    return Image.fromarray((np.clip(values / top, 0, 1) * 255).astype(np.uint8)).convert("RGB")
