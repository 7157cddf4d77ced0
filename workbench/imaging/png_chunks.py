"""The chunks of a PNG that its picture depends on; what else a file carries can neither break nor slow its reading.

Source: W3C, "Portable Network Graphics (PNG) Specification (Third Edition)", sections 5, 11 and 14.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PALETTE = 3
RAW_EXIF = b"Raw profile type exif\0"
"""How the text chunk begins in which ImageMagick and older tools keep Exif."""
MOST_CHUNKS = 100_000
MOST_TEXT = 2**20
"""Bytes of such a text that are unpacked at most."""


class BrokenPng(ValueError):
    """A chunk is broken without which there is no picture."""


@dataclass(frozen=True)
class Png:
    """A PNG without what its picture does not depend on.

    Attributes:
        data: The file anew, with IHDR, PLTE, tRNS, IDAT, IEND and Exif alone.
        frames: Pictures of the animation, 1 where it is none.
        bits: Bits of a sample, by IHDR.
        significant: How many of them the samples were made from, by sBIT; ``bits`` where the file does not say.
    """

    data: bytes
    frames: int
    bits: int
    significant: int


@dataclass(frozen=True)
class _Chunk:
    name: bytes
    data: memoryview
    whole: memoryview
    sound: bool

    @property
    def critical(self) -> bool:
        """Whether a reader that does not know it cannot show the picture (section 5.4)."""
        return not self.name[0] & 0x20


def essential(data: bytes) -> Png:
    """Read the chunks of a file that begins with :data:`SIGNATURE`.

    Raises:
        BrokenPng: A critical chunk is unknown, cut off or does not match its checksum.
    """
    sound: dict[bytes, memoryview] = {}
    pixels, exif, frames = bytearray(), b"", 0
    for chunk in _chunks(data):
        if chunk.critical and not chunk.sound and not _idle(chunk, sound):
            raise BrokenPng
        if chunk.name == b"IDAT":
            frames += not pixels and b"fcTL" not in sound  # the first picture is not one of the animation
            pixels += chunk.whole
        elif chunk.sound:
            sound.setdefault(chunk.name, chunk.data)
            frames += chunk.name == b"fcTL"
            exif = exif or (bytes(chunk.whole) if _is_exif(chunk) else b"")
    head = [SIGNATURE, _chunk(b"IHDR", sound[b"IHDR"]), *_palette(sound), exif]
    whole = b"".join([*head, pixels, _chunk(b"IEND", b"")])
    bits = sound[b"IHDR"][8]
    return Png(whole, frames if b"acTL" in sound else 1, bits, _significant(bits, sound))


def _chunks(data: bytes) -> Iterator[_Chunk]:
    view, place, name = memoryview(data), len(SIGNATURE), b""
    for number in range(MOST_CHUNKS):
        if name == b"IEND" or place + 8 > len(data):
            return
        length, name = struct.unpack_from(">I4s", data, place)
        if not name.isalpha() or (number == 0 and (name, length) != (b"IHDR", 13)):
            break
        end = place + 12 + length
        check = view[end - 4 : end]
        sound = len(check) == 4 and zlib.crc32(view[place + 4 : end - 4]) == int.from_bytes(check)
        yield _Chunk(name, view[place + 8 : end - 4], view[place:end], sound and _known(name))
        place = end
    raise BrokenPng


def _chunk(name: bytes, data: bytes | memoryview) -> bytes:
    body = name + bytes(data)
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def _known(name: bytes) -> bool:
    return bool(name[0] & 0x20) or name in {b"IHDR", b"PLTE", b"IDAT", b"IEND"}


def _idle(chunk: _Chunk, sound: dict[bytes, memoryview]) -> bool:
    """Whether a critical chunk holds nothing of this picture: the end, or colours that are only a suggestion."""
    if chunk.name == b"PLTE" and b"IHDR" in sound:
        return sound[b"IHDR"][9] != PALETTE
    return chunk.name == b"IEND"


def _palette(sound: dict[bytes, memoryview]) -> list[bytes]:
    """PLTE and tRNS where they have a size that fits the kind of picture (sections 11.2.2 and 11.3.1.1)."""
    bits, kind = sound[b"IHDR"][8:10]
    kept, colours = [], 0
    if kind == PALETTE:
        palette = sound.get(b"PLTE", b"")
        if len(palette) % 3 or not 3 <= len(palette) <= 3 * 256:
            raise BrokenPng
        kept, colours = [_chunk(b"PLTE", palette)], len(palette) // 3
    opacity = sound.get(b"tRNS", b"")
    if len(opacity) in {0: range(2, 3), 2: range(6, 7), PALETTE: range(1, colours + 1)}.get(kind, ()):
        if kind == 2 and bits == 16:  # Pillow keeps the upper byte of such a pixel, and compares it with this
            opacity = struct.pack(">3H", *(value >> 8 for value in struct.unpack(">3H", opacity)))
        kept.append(_chunk(b"tRNS", opacity))
    return kept


def _is_exif(chunk: _Chunk) -> bool:
    if chunk.name not in {b"tEXt", b"zTXt"}:
        return chunk.name == b"eXIf"
    text = bytes(chunk.data[: MOST_TEXT + 1])
    if not text.startswith(RAW_EXIF) or len(text) > MOST_TEXT:
        return False
    return chunk.name == b"tEXt" or _unpacks(text[len(RAW_EXIF) :])


def _unpacks(packed: bytes) -> bool:
    """Whether the packed part of a zTXt chunk is whole and of a bounded size."""
    unpacker = zlib.decompressobj()
    try:
        unpacker.decompress(packed[1:], MOST_TEXT)
    except zlib.error:
        return False
    return unpacker.eof and packed[0] == 0


def _significant(bits: int, sound: dict[bytes, memoryview]) -> int:
    said = max(sound.get(b"sBIT", b""), default=0)
    return said if 0 < said <= bits else bits
