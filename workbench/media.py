"""The pictures made from an original: the canonical one that models see, a thumbnail, and a larger one to look at."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

from storage.blobs import Blobs
from storage.errors import DiskFull
from workbench.pictures import SIDE, Decoded, canonical, decode, encoded, inside

ORIGINALS = "originals"
THUMBNAILS = "thumbnails"
STAGES = "stages"
STAGE_SIDE = 1024


class Media:
    """Makes each derived picture once and finds it again.

    Args:
        blobs: Where files live.
        max_pixels: Most pixels of an original.
    """

    def __init__(self, blobs: Blobs, max_pixels: int) -> None:
        self._blobs = blobs
        self._max_pixels = max_pixels

    def keep(self, sha256: str, data: bytes, file: Path | None = None) -> None:
        """Store an original, perhaps one that lies in a file already; what is made from it is made when first asked for."""
        self._blobs.put(ORIGINALS, sha256, data, file)

    def there(self, sha256: str) -> bool:
        """Whether the original of a picture is kept."""
        return self._blobs.has(ORIGINALS, sha256)

    def canonical(self, sha256: str, fit: str) -> np.ndarray:
        """The picture that models see, ``(256, 256, 3) uint8``; made from the original where it is missing or damaged."""
        kind = _canonical(fit)
        if self._blobs.has(kind, sha256):
            data = self._blobs.read(kind, sha256)
            if len(data) == SIDE * SIDE * 3:
                return np.frombuffer(data, np.uint8).reshape(SIDE, SIDE, 3)
            self._blobs.drop(kind, sha256)
        image = self._decoded(sha256).image
        small = inside(image)
        # A canonical letterbox needs no second scaling: it is the thumbnail on a ground.
        square = canonical(small if fit == "letterbox" else image, fit)
        self._remember(kind, sha256, square.tobytes())
        self._remember(THUMBNAILS, sha256, _thumbnail(small))
        return square

    def thumbnail(self, sha256: str) -> bytes:
        """A JPEG within 256 x 256."""
        if self._blobs.has(THUMBNAILS, sha256):
            return self._blobs.read(THUMBNAILS, sha256)
        return self._remember(THUMBNAILS, sha256, _thumbnail(inside(self._decoded(sha256).image)))

    def stage(self, sha256: str) -> bytes:
        """A JPEG within 1024 x 1024."""
        if self._blobs.has(STAGES, sha256):
            return self._blobs.read(STAGES, sha256)
        large = decode(self._blobs.read(ORIGINALS, sha256), self._max_pixels, STAGE_SIDE).image
        large.thumbnail((STAGE_SIDE, STAGE_SIDE))
        return self._remember(STAGES, sha256, encoded(large, "JPEG", quality=88))

    def _remember(self, kind: str, sha256: str, data: bytes) -> bytes:
        # On a full disk a picture can still be looked at: it is made again the next time.
        with suppress(DiskFull):
            self._blobs.put(kind, sha256, data)
        return data

    def _decoded(self, sha256: str) -> Decoded:
        return decode(self._blobs.read(ORIGINALS, sha256), self._max_pixels)


def _thumbnail(small: Image.Image) -> bytes:
    return encoded(small, "JPEG", quality=85)


def _canonical(fit: str) -> str:
    return f"canonical-{fit}"
