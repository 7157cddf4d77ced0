"""Reduces a PNG to the chunks that determine its pixels, so that damaged or huge ancillary chunks cannot affect decoding.

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
"""Prefix of text chunks in which ImageMagick and older tools store Exif."""
MOST_CHUNKS = 100_000
MOST_TEXT = 2**20
"""Most decompressed bytes of such a text."""


class BrokenPng(ValueError):
    """A critical chunk is damaged or missing."""


@dataclass(frozen=True)
class Png:
    """A PNG reduced to its essential chunks.

    Attributes:
        data: The rewritten file, with only IHDR, PLTE, tRNS, IDAT, IEND and Exif.
        frames: Number of animation frames; 1 if it is not animated.
        bits: Bit depth, from IHDR.
        significant: Number of significant bits, from sBIT; ``bits`` if not declared.
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
        """Whether a decoder must understand the chunk to show the picture (section 5.4)."""
        return not self.name[0] & 0x20


def strip_ancillary_chunks(data: bytes) -> Png:
    """Reduce a file that begins with :data:`SIGNATURE` to its essential chunks.

    Raises:
        BrokenPng: A critical chunk is unknown, cut off or does not match its checksum.
    """
    valid_chunks: dict[bytes, memoryview] = {}
    pixels, exif, frames = bytearray(), b"", 0
    for chunk in _read_chunks(data):
        if chunk.critical and not chunk.sound and not _is_dispensable(chunk, valid_chunks):
            raise BrokenPng
        if chunk.name == b"IDAT":
            frames += (
                not pixels and b"fcTL" not in valid_chunks
            )  # the first picture is not one of the animation
            pixels += chunk.whole
        elif chunk.sound:
            valid_chunks.setdefault(chunk.name, chunk.data)
            frames += chunk.name == b"fcTL"
            exif = exif or (bytes(chunk.whole) if _is_exif(chunk) else b"")
    header_chunks = [
        SIGNATURE,
        _encode_chunk(b"IHDR", valid_chunks[b"IHDR"]),
        *_palette_chunks(valid_chunks),
        exif,
    ]
    png_data = b"".join([*header_chunks, pixels, _encode_chunk(b"IEND", b"")])
    bits = valid_chunks[b"IHDR"][8]
    return Png(
        png_data, frames if b"acTL" in valid_chunks else 1, bits, _significant_bits(bits, valid_chunks)
    )


def _read_chunks(data: bytes) -> Iterator[_Chunk]:
    view, offset, name = memoryview(data), len(SIGNATURE), b""
    for number in range(MOST_CHUNKS):
        if name == b"IEND" or offset + 8 > len(data):
            return
        length, name = struct.unpack_from(">I4s", data, offset)
        if not name.isalpha() or (number == 0 and (name, length) != (b"IHDR", 13)):
            break
        end = offset + 12 + length
        checksum = view[end - 4 : end]
        is_valid = len(checksum) == 4 and zlib.crc32(view[offset + 4 : end - 4]) == int.from_bytes(checksum)
        yield _Chunk(name, view[offset + 8 : end - 4], view[offset:end], is_valid and _is_known(name))
        offset = end
    raise BrokenPng


def _encode_chunk(name: bytes, data: bytes | memoryview) -> bytes:
    body = name + bytes(data)
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def _is_known(name: bytes) -> bool:
    return bool(name[0] & 0x20) or name in {b"IHDR", b"PLTE", b"IDAT", b"IEND"}


def _is_dispensable(chunk: _Chunk, valid_chunks: dict[bytes, memoryview]) -> bool:
    """Whether a critical chunk does not affect the pixels: IEND, or a PLTE that is only a suggested palette."""
    if chunk.name == b"PLTE" and b"IHDR" in valid_chunks:
        return valid_chunks[b"IHDR"][9] != PALETTE
    return chunk.name == b"IEND"


def _palette_chunks(valid_chunks: dict[bytes, memoryview]) -> list[bytes]:
    """PLTE and tRNS, if their size is valid for the colour type (sections 11.2.2 and 11.3.1.1)."""
    bits, colour_type = valid_chunks[b"IHDR"][8:10]
    chunks, num_colours = [], 0
    if colour_type == PALETTE:
        palette = valid_chunks.get(b"PLTE", b"")
        if len(palette) % 3 or not 3 <= len(palette) <= 3 * 256:
            raise BrokenPng
        chunks, num_colours = [_encode_chunk(b"PLTE", palette)], len(palette) // 3
    opacity = valid_chunks.get(b"tRNS", b"")
    if len(opacity) in {0: range(2, 3), 2: range(6, 7), PALETTE: range(1, num_colours + 1)}.get(
        colour_type, ()
    ):
        if (
            colour_type == 2 and bits == 16
        ):  # Pillow keeps the upper byte of such a pixel, and compares it with this
            opacity = struct.pack(">3H", *(value >> 8 for value in struct.unpack(">3H", opacity)))
        chunks.append(_encode_chunk(b"tRNS", opacity))
    return chunks


def _is_exif(chunk: _Chunk) -> bool:
    if chunk.name not in {b"tEXt", b"zTXt"}:
        return chunk.name == b"eXIf"
    text = bytes(chunk.data[: MOST_TEXT + 1])
    if not text.startswith(RAW_EXIF) or len(text) > MOST_TEXT:
        return False
    return chunk.name == b"tEXt" or _decompresses(text[len(RAW_EXIF) :])


def _decompresses(compressed: bytes) -> bool:
    """Whether the compressed part of a zTXt chunk is complete and at most ``MOST_TEXT`` bytes when decompressed."""
    decompressor = zlib.decompressobj()
    try:
        decompressor.decompress(compressed[1:], MOST_TEXT)
    except zlib.error:
        return False
    return decompressor.eof and compressed[0] == 0


def _significant_bits(bits: int, valid_chunks: dict[bytes, memoryview]) -> int:
    declared_bits = max(valid_chunks.get(b"sBIT", b""), default=0)
    return declared_bits if 0 < declared_bits <= bits else bits
