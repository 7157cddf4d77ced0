"""What decoding a picture takes of the memory at its peak, before it is decoded."""

from __future__ import annotations

from PIL import Image

from workbench.imaging.decode import Opened
from workbench.imaging.opencv_decode import has_wide_colours, is_still_webp
from workbench.imaging.to_rgb import reduction

FIXED = 16 * 2**20
"""Bytes for strips, tables and small pictures."""
SAMPLES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2}
"""Bytes that Pillow keeps of a pixel; 4 in all other modes."""
SHOWN = 5
"""Bytes of a pixel in RGB as Pillow keeps it, and in grey beside it."""
OWN = {"WEBP": 14, "AVIF": 12, "HEIF": 10}
"""Bytes of a pixel that a decoder holds itself while it hands the picture over; measured with pictures of 16 megapixels."""
STILL_WEBP, WIDE = 8, 12
COEFFICIENT = 2
"""Bytes that libjpeg keeps of each sample of a picture that comes in several scans."""
BITS_PER_SAMPLE, ORIENTATION = 258, 274


def peak_bytes(file: Opened) -> int:
    """An estimate, rather too high than too low, in bytes."""
    image = file.image
    still_webp = is_still_webp(image, file.frames)
    stored = 0 if still_webp else image.width * image.height * SAMPLES.get(image.mode, 4)
    smaller = reduction(image.size, file.side) ** 2
    as_it_is = image.mode == "RGB" and not still_webp and smaller == 1 and not image.has_transparency_data
    shown = image.width * image.height * (1 if as_it_is else SHOWN) // smaller
    turned = 0 if image.format == "TIFF" else 4 * image.width * image.height // smaller
    wide = WIDE * image.width * image.height if has_wide_colours(image, file.bits) else 0
    return FIXED + 2 * len(file.data) + stored + shown + turned + wide + _own(file)


def _own(file: Opened) -> int:
    image, pixels = file.image, max(file.coded, file.width * file.height)
    if image.format in {"JPEG", "MPO"}:
        return COEFFICIENT * pixels * len(image.getbands()) if _in_scans(image, file.data) else 0
    if image.format == "TIFF":
        return pixels * (_strip_bytes(image) + (4 if ORIENTATION in image.tag_v2 else 0))  # type: ignore[attr-defined]
    if is_still_webp(image, file.frames):
        return STILL_WEBP * pixels
    return pixels * OWN.get(image.format or "", 1)


def _strip_bytes(image: Image.Image) -> int:
    """Bytes of a pixel in a strip of a TIFF, which may be the whole picture."""
    bits = image.tag_v2.get(BITS_PER_SAMPLE, (8,))  # type: ignore[attr-defined]
    return -(-sum(int(bit) for bit in bits) // 8)


def _in_scans(image: Image.Image, data: bytes) -> bool:
    """Whether a JPEG is only complete after several scans: progressive, or one for each component.

    Source: ITU-T T.81, annex B.
    """
    if image.info.get("progressive"):
        return True
    place = 2
    while place + 5 < len(data) and data[place] == 0xFF and data[place + 1] != 0xDA:
        place += 2 + int.from_bytes(data[place + 2 : place + 4])
    return place + 4 < len(data) and data[place + 4] < len(image.getbands())
