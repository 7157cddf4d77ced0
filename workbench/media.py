"""The pictures made from an original: the canonical one that models see, a thumbnail, and a larger one to look at."""

from __future__ import annotations

import numpy as np
from PIL import Image

from storage.blobs import Blobs
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

    def store(self, sha256: str, data: bytes, decoded: Decoded, fit: str) -> Image.Image:
        """Store an original with its canonical picture and thumbnail.

        Returns:
            The thumbnail, within 256 x 256.
        """
        small = inside(decoded.image)
        # A canonical letterbox needs no second scaling: it is the thumbnail on a ground.
        square = canonical(small if fit == "letterbox" else decoded.image, fit)
        self._blobs.put(ORIGINALS, sha256, data)
        self._blobs.put(_canonical(fit), sha256, square.tobytes())
        self._blobs.put(THUMBNAILS, sha256, encoded(small, "JPEG", quality=85))
        return small

    def canonical(self, sha256: str, fit: str) -> np.ndarray:
        """The picture that models see, ``(256, 256, 3) uint8``; made from the original where it is missing."""
        kind = _canonical(fit)
        if not self._blobs.has(kind, sha256):
            self._blobs.put(kind, sha256, canonical(self._decoded(sha256).image, fit).tobytes())
        return np.frombuffer(self._blobs.read(kind, sha256), np.uint8).reshape(SIDE, SIDE, 3)

    def thumbnail(self, sha256: str) -> bytes:
        """A JPEG within 256 x 256."""
        if not self._blobs.has(THUMBNAILS, sha256):
            small = inside(self._decoded(sha256).image)
            self._blobs.put(THUMBNAILS, sha256, encoded(small, "JPEG", quality=85))
        return self._blobs.read(THUMBNAILS, sha256)

    def stage(self, sha256: str) -> bytes:
        """A JPEG within 1024 x 1024."""
        if not self._blobs.has(STAGES, sha256):
            large = decode(self._blobs.read(ORIGINALS, sha256), self._max_pixels, STAGE_SIDE).image
            large.thumbnail((STAGE_SIDE, STAGE_SIDE))
            self._blobs.put(STAGES, sha256, encoded(large, "JPEG", quality=88))
        return self._blobs.read(STAGES, sha256)

    def _decoded(self, sha256: str) -> Decoded:
        return decode(self._blobs.read(ORIGINALS, sha256), self._max_pixels)


def _canonical(fit: str) -> str:
    return f"canonical-{fit}"
