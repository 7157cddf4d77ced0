"""What may stand beside the picture in a PNG, whole or broken."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tests.pictures import picture
from tests.sentences import raises_sentence
from tests.workbench.imaging.test_decode import BLUE, GREEN, LIMIT, RED, WHITE, halves, near, pixel, saved
from workbench.core.errors import RejectedPicture
from workbench.imaging.decode import DAMAGED, decode

PLAIN = picture(7, (40, 30), "PNG")
PALETTE = saved(halves((20, 20), RED, BLUE).quantize(2), "PNG")
TWO_MEGABYTES = bytes(2_000_000)


def chunk(name: bytes, data: bytes, sound: bool = True) -> bytes:
    check = zlib.crc32(name + data) ^ (not sound)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)


def behind_header(png: bytes, extra: bytes) -> bytes:
    return png[:33] + extra + png[33:]


def before_end(png: bytes, extra: bytes) -> bytes:
    return png[:-12] + extra + png[-12:]


def rewritten(png: bytes, name: bytes, change: object) -> bytes:
    """The file with every chunk of a name changed by a function from its data to new bytes of the whole chunk."""
    out, place = [png[:8]], 8
    while place < len(png):
        [length] = struct.unpack_from(">I", png, place)
        here, end = png[place + 4 : place + 8], place + 12 + length
        out.append(change(png[place + 8 : end - 4]) if here == name else png[place:end])  # type: ignore[operator]
        place = end
    return b"".join(out)


SIDE_CHUNKS = {
    "compressed text of 2 MB": chunk(b"zTXt", b"Comment\0\0" + zlib.compress(TWO_MEGABYTES)),
    "text of 2 MB": chunk(b"tEXt", b"Comment\0" + b"a" * 2_000_000),
    "international text of 2 MB": chunk(b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(TWO_MEGABYTES)),
    "many texts": b"".join(chunk(b"tEXt", b"Comment%d\0" % n + bytes(1000)) for n in range(2000)),
    "text that does not unpack": chunk(b"zTXt", b"Comment\0\0no zlib"),
    "text of an unknown method": chunk(b"zTXt", b"Comment\0\7abc"),
    "text without an end of its name": chunk(b"zTXt", b"Comment"),
    "a name in no alphabet": chunk(b"iTXt", b"\xff\xfe\0\1"),
    "raw Exif that does not unpack": chunk(b"zTXt", b"Raw profile type exif\0\0no zlib"),
    "raw Exif without anything": chunk(b"zTXt", b"Raw profile type exif\0"),
    "raw Exif of 2 MB": chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(TWO_MEGABYTES)),
    "raw Exif in no hexadecimal": chunk(b"tEXt", b"Raw profile type exif\0\nexif\n  9\nzz"),
    "profile of 2 MB": chunk(b"iCCP", b"icc\0\0" + zlib.compress(TWO_MEGABYTES)),
    "profile that does not unpack": chunk(b"iCCP", b"icc\0\0no zlib"),
    "profile of an unknown method": chunk(b"iCCP", b"icc\0\7abc"),
    "profile of one byte": chunk(b"iCCP", b"i"),
    "garbage for Exif": chunk(b"eXIf", b"garbage"),
    "Exif without anything": chunk(b"eXIf", b""),
    "short gamma": chunk(b"gAMA", b"\0"),
    "short chromaticities": chunk(b"cHRM", b"\0\1\2"),
    "short intent": chunk(b"sRGB", b""),
    "short size of pixels": chunk(b"pHYs", b"\0"),
    "transparency of a wrong size": chunk(b"tRNS", b"\0"),
    "short animation": chunk(b"acTL", b"\0"),
    "animation of 4 billion frames": chunk(b"acTL", b"\xff" * 8),
    "garbage for a frame": chunk(b"fcTL", b"garbage"),
    "a chunk nobody knows": chunk(b"quQu", b"whatever"),
    **{
        f"{name.decode()} with a wrong checksum": chunk(name, b"Software\0\0xyz", sound=False)
        for name in (b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"eXIf", b"tRNS", b"gAMA", b"tIME", b"sBIT", b"acTL", b"fcTL", b"fdAT")
    },
}  # fmt: skip


@pytest.mark.parametrize("extra", SIDE_CHUNKS.values(), ids=SIDE_CHUNKS)
@pytest.mark.parametrize("place", [behind_header, before_end])
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_nothing_beside_the_picture_makes_it_unreadable(extra: bytes, place: object) -> None:
    decoded = decode(place(PLAIN, extra), LIMIT)  # type: ignore[operator]
    assert (decoded.width, decoded.height, decoded.frames, decoded.transparent) == (40, 30, 1, False)
    assert np.array_equal(np.asarray(decoded.image), np.asarray(decode(PLAIN, LIMIT).image))


def test_a_chunk_between_the_pixels_does_not_part_them() -> None:
    def halved(data: bytes) -> bytes:
        return chunk(b"IDAT", data[:50]) + chunk(b"tEXt", b"a\0b", sound=False) + chunk(b"IDAT", data[50:])

    parted = rewritten(PLAIN, b"IDAT", halved)
    assert np.array_equal(np.asarray(decode(parted, LIMIT).image), np.asarray(decode(PLAIN, LIMIT).image))


@pytest.mark.parametrize("cut", [1, 4, 8, 11, 12])
def test_an_end_that_is_cut_off_ends_the_picture_too(cut: int) -> None:
    assert decode(PLAIN[:-cut], LIMIT).width == 40


def test_what_lies_behind_the_end_is_not_read() -> None:
    assert decode(PLAIN + b"\0\xff garbage", LIMIT).width == 40


@pytest.mark.parametrize("name", [b"IHDR", b"IDAT", b"PLTE"])
def test_a_wrong_checksum_of_what_the_picture_is_made_of_is_damage(name: bytes) -> None:
    with raises_sentence(RejectedPicture, DAMAGED):
        decode(rewritten(PALETTE, name, lambda data: chunk(name, data, sound=False)), LIMIT)


@pytest.mark.parametrize(
    "broken",
    [
        rewritten(PALETTE, b"PLTE", lambda _: b""),
        rewritten(PALETTE, b"PLTE", lambda _: chunk(b"PLTE", b"\0\0")),
        rewritten(PALETTE, b"PLTE", lambda _: chunk(b"PLTE", bytes(3 * 257))),
        rewritten(PLAIN, b"IHDR", lambda data: chunk(b"IHDR", data[:12])),
        rewritten(PLAIN, b"IDAT", lambda _: b""),
        rewritten(PLAIN, b"IDAT", lambda data: chunk(b"IDAT", data[:-20])),
        behind_header(PLAIN, chunk(b"QuQu", b"needed")),
        PLAIN[:8] + chunk(b"tEXt", b"a\0b") + PLAIN[8:],
        PLAIN[:8],
        behind_header(PLAIN, chunk(b"tEXt", b"") * 100_001),
    ],
    ids=["no palette", "a third of a colour", "257 colours", "short header", "no pixels", "cut pixels", "unknown", "text first", "nothing",
         "chunks without end"],
)  # fmt: skip
def test_what_lacks_what_a_picture_is_made_of_is_damaged(broken: bytes) -> None:
    with raises_sentence(RejectedPicture, DAMAGED):
        decode(broken, LIMIT)


@pytest.mark.parametrize("extra", [chunk(b"PLTE", bytes(3), sound=False), chunk(b"PLTE", b"\0\0")])
def test_a_palette_that_is_only_a_suggestion_may_be_broken(extra: bytes) -> None:
    assert decode(behind_header(PLAIN, extra), LIMIT).width == 40


def test_transparency_and_orientation_are_kept() -> None:
    png = saved(halves((40, 20), RED, BLUE), "PNG")
    turned = chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0")
    clear = chunk(b"tRNS", struct.pack(">3H", 0, 0, 255))
    for both in (behind_header(png, turned + clear), before_end(behind_header(png, clear), turned)):
        decoded = decode(both, LIMIT)
        assert (decoded.width, decoded.height, decoded.image.size, decoded.transparent) == (
            20,
            40,
            (20, 40),
            True,
        )
        assert (pixel(decoded, 10, 5), pixel(decoded, 10, 35)) == (RED, WHITE)


def test_a_broken_transparency_shows_the_colours() -> None:
    clear = chunk(b"tRNS", b"\0", sound=False)
    decoded = decode(rewritten(PALETTE, b"IDAT", lambda data: clear + chunk(b"IDAT", data)), LIMIT)
    assert (decoded.transparent, pixel(decoded, 5, 5), pixel(decoded, 15, 5)) == (False, RED, BLUE)


def test_the_orientation_in_a_text_of_imagemagick_is_kept() -> None:
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"
    text = b"\nexif\n%8d\n%s\n" % (len(exif), exif.hex().encode())
    for extra in (
        chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text)),
        chunk(b"tEXt", b"Raw profile type exif\0" + text),
    ):
        assert decode(behind_header(PLAIN, extra), LIMIT).image.size == (30, 40)


def test_frames_of_an_animation_are_counted_and_the_picture_before_it_is_one() -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in (RED, BLUE, GREEN)]
    for first, count in ((False, 3), (True, 3)):
        data = saved(frames[0], "PNG", save_all=True, append_images=frames[1:], default_image=first)
        decoded = decode(data, LIMIT)
        assert (decoded.frames, near(pixel(decoded, 9, 9), RED)) == (count, True)


def test_a_colour_of_16_bits_that_is_transparent_is_laid_on_white() -> None:
    header = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)
    row = b"\0" + struct.pack(">6H", 0x1234, 0x5678, 0x9ABC, 0x3456, 0x789A, 0xBCDE)
    clear = chunk(b"tRNS", struct.pack(">3H", 0x1234, 0x5678, 0x9ABC))
    parts = chunk(b"IHDR", header) + clear + chunk(b"IDAT", zlib.compress(row)) + chunk(b"IEND", b"")
    decoded = decode(b"\x89PNG\r\n\x1a\n" + parts, LIMIT)
    assert (pixel(decoded, 0, 0), pixel(decoded, 1, 0)) == (WHITE, (0x34, 0x78, 0xBC))
