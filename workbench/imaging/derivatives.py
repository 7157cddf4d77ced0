"""Pictures derived from originals: the canonical model input, a thumbnail, and a larger preview (stage)."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from PIL import Image

from storage.core.blobs import Blobs
from storage.core.errors import DiskFull
from storage.core.incoming_blobs import IncomingBlobs
from workbench.core.single_flight import SingleFlight
from workbench.imaging.bounded_decoder import BoundedDecoder
from workbench.imaging.decode import SIDE, canonical, encode_image, scale_to_side

ORIGINALS = "originals"
THUMBNAILS = "thumbnails"
STAGES = "stages"
STAGE_SIDE = 1024


class Derivatives:
    """Creates derived pictures on demand and caches them on disk; concurrent requests for one picture share one decode.

    In all methods ``patience`` is the timeout in seconds for other decodes, after which
    :class:`workbench.core.errors.Overloaded` is raised; None is no timeout.

    Args:
        blobs: Store of originals and derived pictures.
        decoder: Decodes the originals.
    """

    def __init__(self, blobs: Blobs, decoder: BoundedDecoder) -> None:
        self._blobs = blobs
        self._decoder = decoder
        self._running: SingleFlight[bytes] = SingleFlight()

    def incoming(self) -> IncomingBlobs:
        """A store for the originals of an import; derived pictures are created on first use."""
        return IncomingBlobs(self._blobs, ORIGINALS)

    def has_original(self, sha256: str) -> bool:
        """Whether the original of a picture exists."""
        return self._blobs.has(ORIGINALS, sha256)

    def canonical(self, sha256: str, fit: str, timeout: float | None = None) -> np.ndarray:
        """The model input, ``(256, 256, 3) uint8``; created from the original if it is missing or damaged."""
        kind = _canonical_kind(fit)
        if self._blobs.has(kind, sha256):
            data = self._blobs.read(kind, sha256)
            if len(data) == SIDE * SIDE * 3:
                return _to_array(data)
            self._blobs.drop(kind, sha256)
        created = self._running.run(
            (kind, sha256), lambda: self._make_canonical(sha256, fit, timeout), timeout
        )
        return _to_array(created)

    def thumbnail(self, sha256: str, timeout: float | None = None) -> bytes:
        """A JPEG within 256 x 256."""
        if self._blobs.has(THUMBNAILS, sha256):
            return self._blobs.read(THUMBNAILS, sha256)
        return self._running.run((THUMBNAILS, sha256), lambda: self._make_thumbnail(sha256, timeout), timeout)

    def stage(self, sha256: str, timeout: float | None = None) -> bytes:
        """A JPEG within 1024 x 1024."""
        if self._blobs.has(STAGES, sha256):
            return self._blobs.read(STAGES, sha256)
        return self._running.run((STAGES, sha256), lambda: self._make_stage(sha256, timeout), timeout)

    def _make_canonical(self, sha256: str, fit: str, timeout: float | None) -> bytes:
        with self._decoder.decoded(self._original(sha256), SIDE, timeout) as decoded:
            small = scale_to_side(decoded.image)
            # The letterboxed picture is the padded thumbnail, so that it is scaled only once.
            square = canonical(small if fit == "letterbox" else decoded.image, fit)
            self._cache(THUMBNAILS, sha256, _encode_thumbnail(small))
        return self._cache(_canonical_kind(fit), sha256, square.tobytes())

    def _make_thumbnail(self, sha256: str, timeout: float | None) -> bytes:
        with self._decoder.decoded(self._original(sha256), SIDE, timeout) as decoded:
            return self._cache(THUMBNAILS, sha256, _encode_thumbnail(scale_to_side(decoded.image)))

    def _make_stage(self, sha256: str, timeout: float | None) -> bytes:
        with self._decoder.decoded(self._original(sha256), STAGE_SIDE, timeout) as decoded:
            decoded.image.thumbnail((STAGE_SIDE, STAGE_SIDE))
            return self._cache(STAGES, sha256, encode_image(decoded.image, "JPEG", quality=88))

    def _cache(self, kind: str, sha256: str, data: bytes) -> bytes:
        # On a full disk the picture is not cached but still returned.
        with suppress(DiskFull):
            self._blobs.put(kind, sha256, data)
        return data

    def _original(self, sha256: str) -> bytes:
        return self._blobs.read(ORIGINALS, sha256)


def _to_array(data: bytes) -> np.ndarray:
    return np.frombuffer(data, np.uint8).reshape(SIDE, SIDE, 3)


def _encode_thumbnail(small: Image.Image) -> bytes:
    return encode_image(small, "JPEG", quality=85)


def _canonical_kind(fit: str) -> str:
    return f"canonical-{fit}"
