"""Modes and sample ranges of other people's files, as they are to be seen."""

import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from tests.workbench.imaging.test_decode import BLUE, LIMIT, RED, WHITE, halves, near, pixel, saved
from tests.workbench.imaging.test_png_chunks import behind_header, chunk
from workbench.imaging import to_rgb
from workbench.imaging.decode import decode

RAMP = np.tile(np.linspace(0, 1, 64), (48, 1))


def tiff(values: np.ndarray, **tags: object) -> bytes:
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    for name, value in tags.items():
        number = {"MinSampleValue": 280, "MaxSampleValue": 281, "SMin": 340, "SMax": 341, "Photometric": 262}[
            name
        ]
        directory.tagtype[number] = 12 if isinstance(value, float) else 3
        directory[number] = value
    return saved(Image.fromarray(values), "TIFF", tiffinfo=directory)


def grey(data: bytes) -> np.ndarray:
    return np.asarray(decode(data, LIMIT).image)[..., 0].astype(int)


def shows_ramp(data: bytes, top: float = 1.0) -> bool:
    return bool(np.abs(grey(data) - 255 * top * RAMP).max() <= 1)


@pytest.mark.parametrize("white", [1, 255, 4095, 65535])
def test_float_pictures_of_the_usual_ranges_run_from_black_to_white(white: int) -> None:
    assert shows_ramp(saved(Image.fromarray((RAMP * white).astype(np.float32)), "TIFF"))


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_a_dark_float_picture_stays_dark(part: float) -> None:
    assert shows_ramp(tiff((RAMP * part).astype(np.float32)), part)
    assert shows_ramp(tiff((RAMP * part * 255).astype(np.float32)), part)


def test_floats_that_are_no_numbers_or_pass_a_little_beyond_the_range() -> None:
    values = RAMP.astype(np.float32)
    values[0, :6] = [np.nan, np.inf, -np.inf, -0.03, 1.04, 0.5]
    shown = grey(tiff(values))
    assert shown[0, :6].tolist() == [0, 255, 0, 0, 255, 128]
    assert np.abs(shown[1:] - 255 * RAMP[1:]).max() <= 1
    assert (grey(tiff(np.full((9, 9), np.nan, np.float32))) == 0).all()
    assert grey(tiff(np.full((9, 9), -np.inf, np.float32))).tolist() == np.zeros((9, 9)).tolist()


def test_floats_around_zero_have_it_in_the_middle() -> None:
    assert shows_ramp(tiff((2 * RAMP - 1).astype(np.float32)))


def test_a_declared_range_of_floats_counts_where_the_values_keep_to_it() -> None:
    values = (0.5 * RAMP).astype(np.float32)
    assert shows_ramp(tiff(values, SMin=0.0, SMax=1.0), 0.5)
    assert shows_ramp(tiff(values, SMin=0.0, SMax=0.5), 0.5)  # the largest value that happens to be there
    assert shows_ramp(tiff((200 * RAMP).astype(np.float32), SMin=0.0, SMax=4095.0), 200 / 4095)
    assert shows_ramp(tiff((200 * RAMP).astype(np.float32), SMin=0.0, SMax=1.0), 200 / 255)  # they do not


def sixteen(top: float) -> np.ndarray:
    return np.rint(RAMP * top).astype(np.uint16)


@pytest.mark.parametrize("kind", ["TIFF", "PNG"])
@pytest.mark.parametrize(
    ("top", "white"), [(4095, 4095), (2000, 4095), (4096, 65535), (65535, 65535), (30000, 65535)]
)
def test_12_bits_in_16_are_told_by_their_values(kind: str, top: int, white: int) -> None:
    assert shows_ramp(saved(Image.fromarray(sixteen(top)), kind), top / white)


@pytest.mark.parametrize(("most", "top", "white"), [(1023, 1023, 1023), (4095, 100, 4095), (2789, 2789, 4095), (16383, 9000, 16383)])  # fmt: skip
def test_fewer_bits_in_16_are_told_by_what_the_file_declares(most: int, top: int, white: int) -> None:
    assert shows_ramp(tiff(sixteen(top), MaxSampleValue=most), top / white)


def test_a_declaration_that_its_own_values_contradict_does_not_count() -> None:
    assert shows_ramp(tiff(sixteen(60_000), MaxSampleValue=4095), 60_000 / 65535)
    png = saved(Image.fromarray(sixteen(60_000)), "PNG")
    assert shows_ramp(behind_header(png, chunk(b"sBIT", b"\x0c")), 60_000 / 65535)


def test_the_significant_bits_of_a_png_count_where_its_values_keep_to_them() -> None:
    png = saved(Image.fromarray(sixteen(9000)), "PNG")
    assert shows_ramp(png, 9000 / 65535)
    assert shows_ramp(behind_header(png, chunk(b"sBIT", b"\x0e")), 9000 / 16383)


def wide_png(top: float, alpha: int | None = None, **extra: bytes) -> bytes:
    """A PNG of 16 bits in colour, a ramp in red alone, which Pillow cannot write."""
    samples = np.zeros((48, 64, 3 if alpha is None else 4), ">u2")
    samples[..., 0] = sixteen(top)
    if alpha is not None:
        samples[..., 3] = alpha
    rows = b"".join(b"\0" + row.tobytes() for row in samples)
    header = struct.pack(">IIBBBBB", 64, 48, 16, 2 if alpha is None else 6, 0, 0, 0)
    parts = chunk(b"IHDR", header) + b"".join(chunk(name.encode(), data) for name, data in extra.items())
    return b"\x89PNG\r\n\x1a\n" + parts + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def wide_tiff(top: float) -> bytes:
    samples = np.zeros((48, 64, 3), np.uint16)
    samples[..., 2] = sixteen(top)
    return bytes(cv2.imencode(".tif", samples)[1])


@pytest.mark.parametrize(("top", "white"), [(4095, 4095), (2000, 4095), (30000, 65535), (65535, 65535)])
def test_12_bits_in_16_in_colour_are_told_by_their_values(top: int, white: int) -> None:
    for data in (wide_png(top), wide_tiff(top), wide_png(top, 65535)):
        decoded = decode(data, LIMIT)
        red, green, blue = (np.asarray(decoded.image)[..., band].astype(int) for band in range(3))
        assert np.abs(red - 255 * RAMP * top / white).max() <= 1
        assert (green.max(), blue.max(), decoded.transparent) == (0, 0, False)


def test_the_significant_bits_of_a_png_in_colour_count() -> None:
    decoded = decode(wide_png(9000, sBIT=b"\x0e\x0e\x0e"), LIMIT)
    assert np.abs(np.asarray(decoded.image)[..., 0] - 255 * RAMP * 9000 / 16383).max() <= 1
    assert decode(wide_png(4095, 0), LIMIT).transparent


def signed(values: np.ndarray, kind: str = "<i2") -> bytes:
    """A TIFF of signed 16-bit grey, which Pillow cannot write."""
    height, width = values.shape
    strip = values.astype(kind).tobytes()
    tags = [
        (256, width),
        (257, height),
        (258, 16),
        (259, 1),
        (262, 1),
        (273, 8),
        (277, 1),
        (278, height),
        (279, len(strip)),
        (339, 2),
    ]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return (
        b"II*\0"
        + struct.pack("<I", 8 + len(strip))
        + strip
        + struct.pack("<H", len(tags))
        + entries
        + bytes(4)
    )


def test_signed_samples_are_seen() -> None:
    assert shows_ramp(signed(np.rint(RAMP * 32767)))
    assert shows_ramp(signed(np.rint(RAMP * 4095)))
    assert shows_ramp(signed(np.rint(RAMP * 65534 - 32767)))
    assert shows_ramp(signed(np.rint(RAMP * 2 * 4095 - 4095)))


def test_white_is_zero_where_a_file_says_so() -> None:
    for values in (sixteen(65535), RAMP.astype(np.float32)):
        assert np.abs(grey(tiff(values, Photometric=0)) - 255 * (1 - RAMP)).max() <= 1
    eight = np.rint(RAMP * 255).astype(np.uint8)
    assert np.array_equal(grey(tiff(eight, Photometric=1)), eight)


def test_big_endian_16_bits_and_a_transparent_grey() -> None:
    png = saved(Image.fromarray(sixteen(65535)), "PNG")
    decoded = decode(behind_header(png, chunk(b"tRNS", b"\0\0")), LIMIT)
    assert decoded.transparent
    assert [pixel(decoded, x, 5)[0] for x in (0, 1, 63)] == [255, 4, 255]
    image = Image.frombytes("I;16B", (64, 48), sixteen(65535).astype(">u2").tobytes())
    assert shows_ramp(saved(image, "TIFF"))


@pytest.mark.parametrize("mode", ["CMYK", "LAB", "YCbCr", "P", "1", "LA", "RGBA"])
def test_tiff_of_every_kind_shows_its_colours(mode: str) -> None:
    drawn = halves((32, 32), RED, WHITE)
    if mode == "LAB":
        from PIL import ImageCms

        spaces = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.applyTransform(drawn, ImageCms.buildTransform(*spaces, "RGB", "LAB"))
        assert image is not None
    else:
        image = drawn.convert(mode)
    decoded = decode(saved(image, "TIFF"), LIMIT)
    wanted = {"1": None, "LA": (76, 76, 76)}.get(mode, RED)
    assert wanted is None or near(pixel(decoded, 8, 16), wanted, 6)
    assert near(pixel(decoded, 24, 16), WHITE, 3)
    assert not decoded.transparent


def bmp32(alpha: int, last: int | None = None) -> bytes:
    """A BMP with a BITMAPV4HEADER and masks for all four channels, red and blue halves."""
    rows = np.dstack([np.asarray(halves((20, 20), RED, BLUE))[..., ::-1], np.full((20, 20), alpha, np.uint8)])
    rows[-1, -1, 3] = alpha if last is None else last
    data = rows[::-1].tobytes()
    header = struct.pack("<IiiHHIIiiII", 108, 20, 20, 1, 32, 3, len(data), 2835, 2835, 0, 0)
    header += struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + b"BGRs" + bytes(48)
    return b"BM" + struct.pack("<IHHI", 14 + len(header) + len(data), 0, 0, 14 + len(header)) + header + data


def test_an_alpha_of_zeros_alone_is_padding_in_bmp_and_tiff() -> None:
    clear = halves((20, 20), RED, BLUE)
    clear.putalpha(0)
    for data in (bmp32(0), saved(clear, "TIFF"), bmp32(255)):
        decoded = decode(data, LIMIT)
        assert (decoded.transparent, pixel(decoded, 5, 5), pixel(decoded, 15, 5)) == (False, RED, BLUE)
    black = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    assert decode(saved(black, "TIFF"), LIMIT).transparent


def test_an_alpha_that_means_something_counts() -> None:
    clear = halves((20, 20), RED, BLUE)
    clear.putalpha(0)
    for data in (bmp32(0, last=255), saved(clear, "PNG"), saved(clear, "WEBP", lossless=True, exact=True)):
        decoded = decode(data, LIMIT)
        assert (decoded.transparent, pixel(decoded, 5, 5)) == (True, WHITE)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "PNG", "WEBP", "HEIF", "AVIF"])
def test_width_and_height_are_those_of_the_upright_picture(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif_value = exif.tobytes() if kind == "AVIF" else exif
    decoded = decode(saved(halves((64, 32), RED, BLUE), kind, exif=exif_value, quality=95), LIMIT)
    assert (decoded.width, decoded.height) == decoded.image.size
    if kind != "HEIF":  # what Exif says there counts for nothing
        assert decoded.image.size == ((32, 64) if orientation > 4 else (64, 32))


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg"])
def test_a_turned_tiff_of_any_compression_is_turned_once(compression: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    decoded = decode(saved(halves((64, 32), RED, BLUE), "TIFF", exif=exif, compression=compression), LIMIT)
    assert (decoded.width, decoded.height, decoded.image.size) == (32, 64, (32, 64))
    assert near(pixel(decoded, 16, 8), RED)
    assert near(pixel(decoded, 16, 56), BLUE)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "I;16"])
def test_a_picture_flattened_in_strips_is_the_same_as_in_one_piece(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    image = halves((300, 200), RED, BLUE)
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    values = np.tile(np.linspace(0, 65535, 300), (200, 1)).astype(np.uint16)
    image = Image.fromarray(values) if mode == "I;16" else image.convert(mode)
    whole, _ = to_rgb.convert_to_rgb(image, 256)
    monkeypatch.setattr(to_rgb, "STRIP", 1000)
    assert np.array_equal(np.asarray(to_rgb.convert_to_rgb(image, 256)[0]), np.asarray(whole))
    monkeypatch.setattr(to_rgb, "LARGE", 1000)
    small, _ = to_rgb.convert_to_rgb(image, 25)
    assert np.abs(np.asarray(small).astype(int) - np.asarray(whole.reduce(4))).max() <= 1
