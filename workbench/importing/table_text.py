"""Decodes tables as text streams: reports progress, detects the encoding, bounds the length of lines."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from io import BufferedReader, RawIOBase, TextIOWrapper
from typing import Protocol, TextIO

CHUNK = 64 * 1024
"""Bytes per read."""
LONGEST_LINE = 1_000_000
"""Most characters of a line, or of a CSV row of several lines; longer ones are skipped."""
WINDOWS = "windows-letters"
OnProgress = Callable[[int], None]


class Readable(Protocol):
    """A binary stream that can be read."""

    def read(self, size: int, /) -> bytes:
        """The next at most ``size`` bytes; empty at the end."""


class Metered(RawIOBase):
    """A raw stream that calls a progress callback for each chunk.

    Args:
        stream: The bytes.
        watch: Called with the size of each chunk in bytes; an exception from it ends the reading.
    """

    def __init__(self, stream: Readable, watch: OnProgress) -> None:
        self._stream = stream
        self._on_progress = watch

    def readable(self) -> bool:
        """Always True."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read into a buffer; returns the number of bytes, 0 at the end."""
        data = self._stream.read(min(len(buffer), CHUNK))
        self._on_progress(len(data))
        buffer[: len(data)] = data
        return len(data)


def decode_text(stream: Readable, watch: OnProgress) -> TextIO:
    """Decode a stream: by its byte order mark, as UTF-16 if many bytes are 0, else as UTF-8.

    Bytes that are not valid UTF-8 are decoded as cp1252, which Windows programs write.
    """
    data = BufferedReader(Metered(stream, watch), CHUNK)
    head = data.peek(CHUNK)[:200]
    return TextIOWrapper(data, *_detect_encoding(head), newline="")


def _detect_encoding(head: bytes) -> tuple[str, str]:
    """The encoding, and the error handler for undecodable bytes."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", "replace"
    if head.count(0) * 3 > len(head) > 1:
        return ("utf-16-le" if head[1] == 0 else "utf-16-be"), "replace"
    return "utf-8-sig", WINDOWS


def _decode_cp1252(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(WINDOWS, _decode_cp1252)


def numbered_lines(text: TextIO) -> Iterator[tuple[int, str | None]]:
    """Lines with their numbers from 1; None for a line that is longer than ``LONGEST_LINE``."""
    number = 0
    while line := text.readline(LONGEST_LINE):
        number += 1
        is_complete = len(line) < LONGEST_LINE or line.endswith(("\n", "\r"))
        yield number, line if is_complete else None
        while not is_complete:
            rest = text.readline(LONGEST_LINE)
            is_complete = len(rest) < LONGEST_LINE or rest.endswith(("\n", "\r"))
