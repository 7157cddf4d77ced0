"""Decodes pictures within a memory budget that is shared by the whole process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from workbench.imaging.decode import SIDE, DecodedImage, decode_pixels, read_header
from workbench.imaging.decode_memory import peak_bytes
from workbench.imaging.memory_budget import MemoryBudget


class BoundedDecoder:
    """Decodes pictures with bounded total memory.

    Args:
        max_pixels: Most pixels of a picture.
        memory: Memory budget in bytes for all concurrent decodes. A picture that needs more is decoded alone.
    """

    def __init__(self, max_pixels: int, memory: int) -> None:
        self._max_pixels = max_pixels
        self._budget = MemoryBudget(memory)

    @contextmanager
    def decoded(
        self, data: bytes, side: int = SIDE, timeout: float | None = None, max_pixels: int | None = None
    ) -> Iterator[DecodedImage]:
        """Decode like :func:`workbench.imaging.decode.decode`; the picture is valid only within the ``with`` block.

        Args:
            data: The bytes of the file.
            side: Side length in pixels to which the picture will be scaled down.
            timeout: Timeout in seconds for the memory budget; None for no timeout.
            max_pixels: Most pixels of this picture, if less than the general limit.

        Raises:
            RejectedPicture: The file is damaged, has an unknown format, or has too many pixels.
            Overloaded: The timeout has passed.
        """
        file = read_header(data, min(self._max_pixels, max_pixels or self._max_pixels), side)
        with self._budget.reserve(peak_bytes(file), timeout):
            picture = decode_pixels(file)
            del file
            try:
                yield picture
            finally:
                # Frees the memory before the next decode starts, even if there are other references.
                picture.image.close()
