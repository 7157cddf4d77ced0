"""How many pictures a file holds: frames of an animation, pages of a document."""

from __future__ import annotations

from PIL import Image

MOST = 1000
"""Frames that are counted at most; a hostile file may hold millions."""


def count(image: Image.Image, data: bytes) -> int:
    """How many pictures an opened file holds, at most ``MOST``. Damage behind the first one is not its matter.

    Args:
        image: As opened, nothing of it decoded.
        data: The bytes of its file.
    """
    if image.format in {"JPEG", "MPO"}:  # what a phone puts behind a photo is for its own use
        return 1
    try:
        if image.format == "GIF":
            return _gif(data)
        if image.format == "TIFF":
            return _pages(image)
        return max(1, min(MOST, int(getattr(image, "n_frames", 1))))
    except Exception:  # readers raise whatever hostile bytes lead them to
        return 1


def _pages(image: Image.Image) -> int:
    found = 1
    try:
        while found < MOST:
            image.seek(found)
            found += 1
    except Exception:  # the end of the pages, or a damaged one
        return found
    finally:
        image.seek(0)
    return found


def _gif(data: bytes) -> int:
    """Walk over the blocks of a GIF; Pillow would read each frame.

    Source: CompuServe, "Graphics Interchange Format, version 89a", 1990, appendices A and B.
    """
    found, place = 0, 13 + _colours(data[10])
    while found < MOST and place + 10 < len(data) and data[place] in b"\x2c\x21":
        if data[place] == 0x2C:
            found += 1
            place += 11 + _colours(data[place + 9])
        else:
            place += 2
        while place < len(data) and data[place]:
            place += 1 + data[place]
        place += 1
    return max(1, found)


def _colours(packed: int) -> int:
    """The bytes of a colour table, by the byte that tells of it."""
    return 3 << ((packed & 7) + 1) if packed & 0x80 else 0
