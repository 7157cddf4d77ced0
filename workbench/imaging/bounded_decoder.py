"""All decoding of a process, within one budget of memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from workbench.imaging.decode import SIDE, Decoded, opened, pixels
from workbench.imaging.decode_memory import peak_bytes
from workbench.imaging.memory_budget import MemoryBudget


class BoundedDecoder:
    """Decodes pictures, a bounded number of bytes at a time.

    Args:
        max_pixels: Most pixels of a picture.
        memory: Bytes that the pictures under way may take together. One that takes more is decoded alone.
    """

    def __init__(self, max_pixels: int, memory: int) -> None:
        self._max_pixels = max_pixels
        self._budget = MemoryBudget(memory)

    @contextmanager
    def decoded(
        self, data: bytes, side: int = SIDE, patience: float | None = None, max_pixels: int | None = None
    ) -> Iterator[Decoded]:
        """A decoded picture, as :func:`workbench.imaging.decode.decode` gives it; to be used within the block alone.

        Args:
            data: The bytes of the file.
            side: The side in pixels to which the picture will be scaled down.
            patience: Most seconds to wait for other pictures; None waits as long as it takes.
            max_pixels: Most pixels of this picture, where they are fewer.

        Raises:
            RejectedPicture: The bytes are not a whole picture of a known format, or it has too many pixels.
            Overloaded: Other pictures took longer.
        """
        file = opened(data, min(self._max_pixels, max_pixels or self._max_pixels), side)
        with self._budget.taking(peak_bytes(file), patience):
            picture = pixels(file)
            del file
            try:
                yield picture
            finally:
                # Given back before the next one begins, whoever still holds the object.
                picture.image.close()
