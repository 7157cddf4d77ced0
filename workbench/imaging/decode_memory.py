"""Estimates the peak memory of decoding a picture from its header."""

from __future__ import annotations

from PIL import Image

from workbench.imaging.decode import UndecodedImage
from workbench.imaging.opencv_decode import has_wide_colours, is_still_webp
from workbench.imaging.to_rgb import reduction_factor

FIXED = 16 * 2**20
"""Fixed overhead in bytes for strips, tables and small pictures."""
SAMPLES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2}
"""Bytes per pixel in Pillow, by mode; 4 in all other modes."""
SHOWN = 5
"""Bytes per pixel of an RGB picture in Pillow together with its grey version."""
OWN = {"WEBP": 14, "AVIF": 12, "HEIF": 10}
"""Internal bytes per pixel of the decoders, by format; measured with pictures of 16 megapixels."""
STILL_WEBP, WIDE = 8, 12
COEFFICIENT = 2
"""Bytes per sample that libjpeg buffers for JPEGs with several scans."""
BITS_PER_SAMPLE, ORIENTATION = 258, 274


def peak_bytes(file: UndecodedImage) -> int:
    """A conservative estimate of the peak memory in bytes."""
    image = file.image
    still_webp = is_still_webp(image, file.frames)
    source_bytes = 0 if still_webp else image.width * image.height * SAMPLES.get(image.mode, 4)
    reduced_by = reduction_factor(image.size, file.side) ** 2
    no_conversion = (
        image.mode == "RGB" and not still_webp and reduced_by == 1 and not image.has_transparency_data
    )
    rgb_bytes = image.width * image.height * (1 if no_conversion else SHOWN) // reduced_by
    rotation_bytes = 0 if image.format == "TIFF" else 4 * image.width * image.height // reduced_by
    wide_bytes = WIDE * image.width * image.height if has_wide_colours(image, file.bits) else 0
    return (
        FIXED
        + 2 * len(file.data)
        + source_bytes
        + rgb_bytes
        + rotation_bytes
        + wide_bytes
        + _decoder_bytes(file)
    )


def _decoder_bytes(file: UndecodedImage) -> int:
    image, pixels = file.image, max(file.coded, file.width * file.height)
    if image.format in {"JPEG", "MPO"}:
        return COEFFICIENT * pixels * len(image.getbands()) if _has_several_scans(image, file.data) else 0
    if image.format == "TIFF":
        return pixels * (_strip_bytes_per_pixel(image) + (4 if ORIENTATION in image.tag_v2 else 0))  # type: ignore[attr-defined]
    if is_still_webp(image, file.frames):
        return STILL_WEBP * pixels
    return pixels * OWN.get(image.format or "", 1)


def _strip_bytes_per_pixel(image: Image.Image) -> int:
    """Bytes per pixel in a TIFF strip, which may cover the whole picture."""
    bits = image.tag_v2.get(BITS_PER_SAMPLE, (8,))  # type: ignore[attr-defined]
    return -(-sum(int(bit) for bit in bits) // 8)


def _has_several_scans(image: Image.Image, data: bytes) -> bool:
    """Whether a JPEG has several scans: progressive, or one scan per component.

    Source: ITU-T T.81, annex B.
    """
    if image.info.get("progressive"):
        return True
    offset = 2
    while offset + 5 < len(data) and data[offset] == 0xFF and data[offset + 1] != 0xDA:
        offset += 2 + int.from_bytes(data[offset + 2 : offset + 4])
    return offset + 4 < len(data) and data[offset + 4] < len(image.getbands())
