"""The text of a table as a stream: its bytes are counted, its encoding is told from its beginning, its lines are bounded."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from io import BufferedReader, RawIOBase, TextIOWrapper
from typing import Protocol, TextIO

CHUNK = 64 * 1024
"""Bytes that are read at once."""
LONGEST_LINE = 1_000_000
"""Characters of a line, or of a row of a CSV, that may have several lines; longer ones are passed over."""
WINDOWS = "windows-letters"
OnProgress = Callable[[int], None]


class Readable(Protocol):
    """Gives bytes, as many as are asked for at most."""

    def read(self, size: int, /) -> bytes:
        """The next bytes; none at the end."""


class Metered(RawIOBase):
    """A stream of bytes that tells of each chunk before it is handed on.

    Args:
        stream: The bytes.
        watch: Given how many bytes come next; what it raises ends the reading.
    """

    def __init__(self, stream: Readable, watch: OnProgress) -> None:
        self._stream = stream
        self._watch = watch

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill a buffer, as far as there is more."""
        data = self._stream.read(min(len(buffer), CHUNK))
        self._watch(len(data))
        buffer[: len(data)] = data
        return len(data)


def text_of(stream: Readable, watch: OnProgress) -> TextIO:
    """Bytes as text: by the byte order mark, else UTF-16 where every other byte is 0, else UTF-8.

    Bytes that are no UTF-8 are read as Windows' own letters (cp1252), as programs there write them.
    """
    data = BufferedReader(Metered(stream, watch), CHUNK)
    head = data.peek(CHUNK)[:200]
    return TextIOWrapper(data, *_encoding(head), newline="")


def _encoding(head: bytes) -> tuple[str, str]:
    """The name of the encoding, and what is done about bytes that it does not know."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", "replace"
    if head.count(0) * 3 > len(head) > 1:
        return ("utf-16-le" if head[1] == 0 else "utf-16-be"), "replace"
    return "utf-8-sig", WINDOWS


def _windows_letters(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(WINDOWS, _windows_letters)


def lines_of(text: TextIO) -> Iterator[tuple[int, str | None]]:
    """The lines of a text with their numbers from 1; None for one that is longer than ``LONGEST_LINE``."""
    number = 0
    while line := text.readline(LONGEST_LINE):
        number += 1
        whole = len(line) < LONGEST_LINE or line.endswith(("\n", "\r"))
        yield number, line if whole else None
        while not whole:
            rest = text.readline(LONGEST_LINE)
            whole = len(rest) < LONGEST_LINE or rest.endswith(("\n", "\r"))
