import struct
from io import BytesIO

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from tests.pictures import picture
from tests.sentences import raises_sentence
from workbench.core.errors import RejectedPicture
from workbench.core.settings import FITS
from workbench.imaging.decode import DAMAGED, EMPTY, UNKNOWN_FORMAT, DecodedImage, canonical, decode
from workbench.imaging.frame_count import MOST

LIMIT = 100_000_000
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def halves(size: tuple[int, int], left: tuple[int, int, int], right: tuple[int, int, int]) -> Image.Image:
    image = Image.new("RGB", size, left)
    image.paste(right, (size[0] // 2, 0, *size))
    return image


def pixel(decoded: DecodedImage, x: int, y: int) -> tuple[int, ...]:
    colour = decoded.image.getpixel((x, y))
    assert isinstance(colour, tuple)
    return colour


def near(colour: tuple[int, ...], wanted: tuple[int, ...], by: int = 12) -> bool:
    return max(abs(a - b) for a, b in zip(colour, wanted, strict=True)) <= by


def test_a_phone_s_sideways_picture_is_turned_upright() -> None:
    stored = halves((64, 32), RED, BLUE)
    exif = Image.Exif()
    exif[0x0112] = 6
    decoded = decode(saved(stored, "JPEG", exif=exif, quality=95), LIMIT)
    assert (decoded.width, decoded.height, decoded.image.size) == (32, 64, (32, 64))
    assert near(pixel(decoded, 16, 8), RED)
    assert near(pixel(decoded, 16, 56), BLUE)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_shows_the_same_picture(orientation: int) -> None:
    undo = {2: [0], 3: [3], 4: [1], 5: [5], 6: [2], 7: [6], 8: [4]}  # Image.Transpose members
    upright = halves((40, 24), RED, BLUE)
    upright.paste(GREEN, (0, 0, 8, 8))
    stored = upright
    for step in undo.get(orientation, []):
        stored = stored.transpose(Image.Transpose(step))
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = decode(saved(stored, "PNG", exif=exif), LIMIT)
    assert (decoded.width, decoded.height) == (40, 24)
    assert np.array_equal(np.asarray(decoded.image), np.asarray(upright))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_a_picture_with_broken_facts_in_its_header_is_still_a_picture() -> None:
    for exif in (
        b"Exif\0\0garbage",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x09",
    ):
        assert decode(saved(halves((32, 32), RED, BLUE), "JPEG", exif=exif), LIMIT).image.size == (32, 32)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_transparency_is_laid_on_white(kind: str) -> None:
    image = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    image.paste((255, 0, 0, 255), (0, 0, 10, 20))
    image.paste((0, 0, 0, 128), (10, 10, 20, 20))
    options = {"lossless": True} if kind == "WEBP" else {}
    decoded = decode(saved(image, kind, **options), LIMIT)
    assert [pixel(decoded, *at) for at in ((5, 5), (15, 5))] == [RED, WHITE]
    assert near(pixel(decoded, 15, 15), (127, 127, 127), by=1)


def test_a_palette_with_a_transparent_colour_is_laid_on_white() -> None:
    image = halves((20, 20), RED, BLUE).quantize(2)
    see_through = image.getpixel((15, 5))
    for kind in ("PNG", "GIF"):
        decoded = decode(saved(image, kind, transparency=see_through), LIMIT)
        assert [pixel(decoded, *at) for at in ((5, 5), (15, 5))] == [RED, WHITE]


@pytest.mark.parametrize("top", [40_000, 200])
def test_16_bit_grey_keeps_its_shades(top: int) -> None:
    values = np.array([[0, top // 2], [top, 65535 if top > 255 else top]], dtype=np.uint16)
    grey = np.asarray(decode(saved(Image.fromarray(values), "PNG"), LIMIT).image)[..., 0]
    assert np.abs(grey.astype(float) - values / 257).max() <= 1


@pytest.mark.parametrize(
    ("mode", "kind", "wanted"),
    [("1", "PNG", 255), ("L", "JPEG", 200), ("LA", "PNG", 200), ("I", "TIFF", 200), ("F", "TIFF", 200)],
)
def test_grey_of_any_kind_becomes_rgb(mode: str, kind: str, wanted: int) -> None:
    decoded = decode(saved(Image.new("L", (20, 20), 200).convert(mode), kind), LIMIT)
    assert decoded.image.mode == "RGB"
    assert near(pixel(decoded, 10, 10), (wanted,) * 3, by=2)


def test_a_printer_s_cmyk_jpeg_keeps_its_colours() -> None:
    decoded = decode(saved(halves((32, 32), RED, WHITE).convert("CMYK"), "JPEG", quality=95), LIMIT)
    assert near(pixel(decoded, 4, 16), RED, by=20)
    assert near(pixel(decoded, 28, 16), WHITE)


def test_the_first_frame_of_an_animation_counts() -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in (RED, BLUE)]
    for kind in ("GIF", "PNG", "MPO"):
        decoded = decode(saved(frames[0], kind, save_all=True, append_images=frames[1:]), LIMIT)
        assert near(pixel(decoded, 10, 10), RED), kind


def test_a_phone_s_heic_and_an_avif_are_turned_upright_once() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind in ("HEIF", "AVIF"):
        data = saved(halves((64, 32), RED, BLUE), kind, exif=exif.tobytes(), quality=95)
        assert b"irot" in data
        decoded = decode(data, LIMIT)
        assert (decoded.format, decoded.width, decoded.height, decoded.image.size) == (kind, 32, 64, (32, 64))
        assert near(pixel(decoded, 16, 8), RED, 30)
        assert near(pixel(decoded, 16, 56), BLUE, 30)


def test_what_exif_says_in_a_heic_that_is_not_turned_counts_for_nothing() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved(halves((64, 32), RED, BLUE), "HEIF", exif=exif, quality=95)
    assert b"irot" not in data
    assert decode(data, LIMIT).image.size == (64, 32)


@pytest.mark.parametrize("options", [{"tile_size": 256}, {}])
def test_a_heic_in_tiles_or_in_one_piece_keeps_its_picture(options: dict[str, int]) -> None:
    decoded = decode(saved(halves((640, 400), RED, BLUE), "HEIF", quality=90, **options), LIMIT)
    assert (decoded.width, decoded.height, decoded.image.mode) == (640, 400, "RGB")
    assert near(pixel(decoded, 40, 200), RED, 30)
    assert near(pixel(decoded, 600, 200), BLUE, 30)


def test_a_heic_of_ten_bits_keeps_its_shades() -> None:
    levels = np.full((64, 64, 3), 40_000, dtype=np.uint16)
    buffer = BytesIO()
    pillow_heif.encode("RGB;16", (64, 64), levels.tobytes(), buffer, quality=-1, chroma=444)
    decoded = decode(buffer.getvalue(), LIMIT)
    assert near(pixel(decoded, 32, 32), (156, 156, 156), 3)


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_a_transparent_photo_of_a_new_kind_is_laid_on_white(kind: str) -> None:
    image = Image.new("RGBA", (64, 64), (255, 0, 0, 255))
    image.paste((0, 0, 0, 0), (32, 0, 64, 64))
    decoded = decode(saved(image, kind, quality=95), LIMIT)
    assert decoded.transparent
    assert near(pixel(decoded, 8, 32), RED, 30)
    assert near(pixel(decoded, 56, 32), WHITE, 30)


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_a_crop_of_a_huge_coded_picture_is_refused_before_it_is_decoded(kind: str) -> None:
    data = saved(halves((64, 64), RED, BLUE), kind)
    meta = struct.pack(">I4sIII", 20, b"ispe", 0, 20_000, 20_000)
    with pytest.raises(RejectedPicture, match=r"\b20,000 x 20,000\b.*\b100,000,000\b"):
        decode(data + meta, LIMIT)


@pytest.mark.parametrize("size", [(64, 64), (30_000, 30_000), (2**31 - 1, 5)])
def test_a_phone_s_photo_that_lies_about_its_size_is_refused(size: tuple[int, int]) -> None:
    data = saved(halves((640, 480), RED, BLUE), "HEIF")
    place = data.index(b"ispe") + 8
    with pytest.raises(RejectedPicture):
        decode(data[:place] + struct.pack(">II", *size) + data[place + 8 :], LIMIT)


@pytest.mark.parametrize(("kind", "frames"), [("GIF", 3), ("TIFF", 3), ("WEBP", 3), ("AVIF", 3), ("MPO", 1)])
def test_frames_are_counted_but_not_those_that_a_phone_hides_behind_a_photo(kind: str, frames: int) -> None:
    others = [halves((32, 32), GREEN, RED), halves((32, 32), BLUE, RED)]
    decoded = decode(saved(halves((32, 32), RED, BLUE), kind, save_all=True, append_images=others), LIMIT)
    assert decoded.frames == frames
    assert near(pixel(decoded, 8, 8), RED, 60)


def test_millions_of_frames_are_not_counted_to_their_end() -> None:
    whole = saved(Image.new("P", (1, 1)), "GIF")
    begin, frame = whole[: whole.index(b",")], whole[whole.index(b",") : -1]
    assert decode(begin + frame * 500 + b";", LIMIT).frames == 500
    assert decode(begin + frame * 1_000_000 + b";", LIMIT).frames == MOST
    assert decode(begin + frame * 7 + frame[:5], LIMIT).frames == 7


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_a_second_page_that_is_nowhere_or_the_first_one_again_is_not_counted() -> None:
    pages = [halves((32, 32), RED, BLUE), halves((32, 32), GREEN, RED)]
    data = saved(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    [first] = struct.unpack_from("<I", data, 4)
    [tags] = struct.unpack_from("<H", data, first)
    place = first + 2 + 12 * tags
    for following in (len(data) + 1000, first):
        assert decode(data[:place] + struct.pack("<I", following) + data[place + 4 :], LIMIT).frames == 1


def test_letterbox_keeps_the_whole_picture_on_white() -> None:
    square = canonical(halves((400, 200), RED, BLUE), "letterbox")
    assert (square.shape, square.dtype) == ((256, 256, 3), np.uint8)
    assert (square[:64] == 255).all()
    assert (square[192:] == 255).all()
    assert (square[64:192, :120] == RED).all()
    assert (square[64:192, 136:] == BLUE).all()


def test_letterbox_of_a_tall_picture_has_its_ground_at_the_sides() -> None:
    square = canonical(Image.new("RGB", (100, 300), RED), "letterbox")
    red = (square == RED).all(axis=2).all(axis=0)
    assert np.flatnonzero(red).tolist() == list(range(85, 170))
    assert (square[:, ~red] == 255).all()


def test_squash_fills_the_square() -> None:
    square = canonical(halves((400, 100), RED, BLUE), "squash")
    assert (square[:, :126] == RED).all()
    assert (square[:, 130:] == BLUE).all()


def test_crop_cuts_the_centre() -> None:
    image = Image.new("RGB", (600, 200), GREEN)
    image.paste(RED, (200, 0, 400, 200))
    square = canonical(image, "crop")
    assert (square[:, 2:254] == RED).all()


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (256, 256), (7, 255)])
def test_every_shape_fits(fit: str, size: tuple[int, int]) -> None:
    square = canonical(Image.new("RGB", size, RED), fit)
    assert square.shape == (256, 256, 3)
    assert (square[127, 127] == RED).all()


def test_a_picture_of_the_size_of_the_square_is_not_touched() -> None:
    decoded = decode(picture(1, (256, 256), "PNG"), LIMIT)
    for fit in FITS:
        assert np.array_equal(canonical(decoded.image, fit), np.asarray(decoded.image))


def test_an_unknown_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="stretch"):
        canonical(Image.new("RGB", (4, 4)), "stretch")


def test_a_large_jpeg_is_decoded_small_but_not_too_small() -> None:
    data = picture(1, (3000, 1200))
    decoded = decode(data, LIMIT)
    assert (decoded.width, decoded.height) == (3000, 1200)
    assert decoded.image.size == (750, 300)
    assert decode(data, LIMIT, side=1024).image.size == (3000, 1200)
    whole = Image.open(BytesIO(data)).convert("RGB")
    difference = canonical(decoded.image).astype(int) - canonical(whole)
    assert np.abs(difference).mean() < 1


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF", "AVIF", "BMP", "GIF", "TIFF"])
def test_a_picture_cut_off_at_any_place_is_refused(kind: str) -> None:
    data = picture(1, (64, 64), kind)
    for part in (0.1, 0.5, 0.9):
        with pytest.raises(RejectedPicture) as error:
            decode(data[: int(len(data) * part)], LIMIT)
        assert str(error.value) in {DAMAGED, UNKNOWN_FORMAT}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", EMPTY),
        (b"\0", UNKNOWN_FORMAT),
        (b"hello, I am a text", UNKNOWN_FORMAT),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", UNKNOWN_FORMAT),
        (b"%PDF-1.7\n", UNKNOWN_FORMAT),
    ],
)
def test_what_is_no_picture_is_refused(data: bytes, reason: str) -> None:
    with raises_sentence(RejectedPicture, reason):
        decode(data, LIMIT)


def test_the_limit_of_pixels_is_checked() -> None:
    data = picture(1, (40, 30))
    assert decode(data, 1200).width == 40
    with pytest.raises(RejectedPicture, match=r"\b40 x 30\b.*\b1,199\b"):
        decode(data, 1199)
