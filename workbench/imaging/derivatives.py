"""The pictures made from an original: the canonical one that models see, a thumbnail, and a larger one to look at."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from PIL import Image

from storage.core.blobs import Blobs
from storage.core.errors import DiskFull
from storage.core.incoming_blobs import IncomingBlobs
from workbench.core.single_flight import SingleFlight
from workbench.imaging.bounded_decoder import BoundedDecoder
from workbench.imaging.decode import SIDE, canonical, encoded, inside

ORIGINALS = "originals"
THUMBNAILS = "thumbnails"
STAGES = "stages"
STAGE_SIDE = 1024


class Derivatives:
    """Makes each derived picture once and finds it again; several who ask for the same at once wait for one decode.

    ``patience`` is the most seconds that a call waits for other pictures, after which it raises
    :class:`workbench.core.errors.Overloaded`; None waits as long as it takes.

    Args:
        blobs: Where files live.
        decoder: Decodes the originals.
    """

    def __init__(self, blobs: Blobs, decoder: BoundedDecoder) -> None:
        self._blobs = blobs
        self._decoder = decoder
        self._flights: SingleFlight[bytes] = SingleFlight()

    def incoming(self) -> IncomingBlobs:
        """The originals of an import; what is made from them is made when first asked for."""
        return IncomingBlobs(self._blobs, ORIGINALS)

    def there(self, sha256: str) -> bool:
        """Whether the original of a picture is kept."""
        return self._blobs.has(ORIGINALS, sha256)

    def canonical(self, sha256: str, fit: str, patience: float | None = None) -> np.ndarray:
        """The picture that models see, ``(256, 256, 3) uint8``; made from the original where it is missing or damaged."""
        kind = _canonical(fit)
        if self._blobs.has(kind, sha256):
            data = self._blobs.read(kind, sha256)
            if len(data) == SIDE * SIDE * 3:
                return _square(data)
            self._blobs.drop(kind, sha256)
        made = self._flights.run(
            (kind, sha256), lambda: self._make_canonical(sha256, fit, patience), patience
        )
        return _square(made)

    def thumbnail(self, sha256: str, patience: float | None = None) -> bytes:
        """A JPEG within 256 x 256."""
        if self._blobs.has(THUMBNAILS, sha256):
            return self._blobs.read(THUMBNAILS, sha256)
        return self._flights.run(
            (THUMBNAILS, sha256), lambda: self._make_thumbnail(sha256, patience), patience
        )

    def stage(self, sha256: str, patience: float | None = None) -> bytes:
        """A JPEG within 1024 x 1024."""
        if self._blobs.has(STAGES, sha256):
            return self._blobs.read(STAGES, sha256)
        return self._flights.run((STAGES, sha256), lambda: self._make_stage(sha256, patience), patience)

    def _make_canonical(self, sha256: str, fit: str, patience: float | None) -> bytes:
        with self._decoder.decoded(self._original(sha256), SIDE, patience) as decoded:
            small = inside(decoded.image)
            # A canonical letterbox needs no second scaling: it is the thumbnail on a ground.
            square = canonical(small if fit == "letterbox" else decoded.image, fit)
            self._remember(THUMBNAILS, sha256, _thumbnail(small))
        return self._remember(_canonical(fit), sha256, square.tobytes())

    def _make_thumbnail(self, sha256: str, patience: float | None) -> bytes:
        with self._decoder.decoded(self._original(sha256), SIDE, patience) as decoded:
            return self._remember(THUMBNAILS, sha256, _thumbnail(inside(decoded.image)))

    def _make_stage(self, sha256: str, patience: float | None) -> bytes:
        with self._decoder.decoded(self._original(sha256), STAGE_SIDE, patience) as decoded:
            decoded.image.thumbnail((STAGE_SIDE, STAGE_SIDE))
            return self._remember(STAGES, sha256, encoded(decoded.image, "JPEG", quality=88))

    def _remember(self, kind: str, sha256: str, data: bytes) -> bytes:
        # On a full disk a picture can still be looked at: it is made again the next time.
        with suppress(DiskFull):
            self._blobs.put(kind, sha256, data)
        return data

    def _original(self, sha256: str) -> bytes:
        return self._blobs.read(ORIGINALS, sha256)


def _square(data: bytes) -> np.ndarray:
    return np.frombuffer(data, np.uint8).reshape(SIDE, SIDE, 3)


def _thumbnail(small: Image.Image) -> bytes:
    return encoded(small, "JPEG", quality=85)


def _canonical(fit: str) -> str:
    return f"canonical-{fit}"
