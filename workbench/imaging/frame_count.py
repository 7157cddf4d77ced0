"""Counts the frames of animations and the pages of multi-page files."""

from __future__ import annotations

from PIL import Image

MOST = 1000
"""Frames that are counted at most; a malicious file may have millions."""


def count(image: Image.Image, data: bytes) -> int:
    """Count the frames or pages of a file, at most ``MOST``; damage after the first one is ignored.

    Args:
        image: As opened by Pillow, not decoded.
        data: The bytes of the file.
    """
    if image.format in {"JPEG", "MPO"}:  # extra images that phones append to photos are not counted
        return 1
    try:
        if image.format == "GIF":
            return _count_gif_frames(data)
        if image.format == "TIFF":
            return _count_tiff_pages(image)
        return max(1, min(MOST, int(getattr(image, "n_frames", 1))))
    except Exception:  # readers raise arbitrary exceptions on malformed input
        return 1


def _count_tiff_pages(image: Image.Image) -> int:
    num_pages = 1
    try:
        while num_pages < MOST:
            image.seek(num_pages)
            num_pages += 1
    except Exception:  # no more pages, or a damaged page
        return num_pages
    finally:
        image.seek(0)
    return num_pages


def _count_gif_frames(data: bytes) -> int:
    """Count the image blocks of a GIF without decoding frames, unlike Pillow.

    Source: CompuServe, "Graphics Interchange Format, version 89a", 1990, appendices A and B.
    """
    num_frames, offset = 0, 13 + _colour_table_bytes(data[10])
    while num_frames < MOST and offset + 10 < len(data) and data[offset] in b"\x2c\x21":
        if data[offset] == 0x2C:
            num_frames += 1
            offset += 11 + _colour_table_bytes(data[offset + 9])
        else:
            offset += 2
        while offset < len(data) and data[offset]:
            offset += 1 + data[offset]
        offset += 1
    return max(1, num_frames)


def _colour_table_bytes(flags: int) -> int:
    """Size of a colour table in bytes, from its packed flags byte."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0
