from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from storage.records import FLAGS
from workbench.imaging.decode import decode, to_small_grey
from workbench.imaging.quality import Quality, assess
from workbench.sample_data.dataset import sample_pictures


def quality(image: Image.Image, kind: str = "PNG") -> Quality:
    buffer = BytesIO()
    image.save(buffer, kind)
    decoded = decode(buffer.getvalue(), 10**8)
    return assess(decoded, to_small_grey(decoded.image))


def flags(image: Image.Image) -> set[str]:
    bits = quality(image).flags
    return {name for bit, name in enumerate(FLAGS) if bits >> bit & 1}


def scene(size: tuple[int, int] = (400, 300)) -> Image.Image:
    """Sharp coloured shapes on a mid-grey ground."""
    image = Image.new("RGB", size, (120, 130, 140))
    draw = ImageDraw.Draw(image)
    for step in range(12):
        left, top = 20 + step * size[0] // 14, 10 + step * size[1] // 20
        draw.rectangle(
            (left, top, left + size[0] // 20, top + size[1] // 3), (250 - 20 * step, 20 * step, 40)
        )
    return image


def test_an_ordinary_picture_has_no_flag() -> None:
    assert flags(scene()) == set()


@pytest.mark.parametrize(
    ("image", "flag"),
    [
        (scene((96, 80)), "too small"),
        (scene().resize((256, 192)).filter(ImageFilter.GaussianBlur(3)), "blurred"),
        (scene().point(lambda level: level // 6), "dark"),
        (scene().point(lambda level: 228 + level // 10), "bright"),
        (Image.new("RGB", (300, 300), (90, 160, 90)), "uniform"),
        (scene((900, 200)), "odd aspect"),
        (scene().convert("L"), "grayscale"),
    ],
)
def test_each_flag_is_found(image: Image.Image, flag: str) -> None:
    assert flag in flags(image)


def test_a_picture_that_lets_the_ground_show_is_transparent_and_one_with_a_full_channel_is_not() -> None:
    opaque = scene().convert("RGBA")
    holed = opaque.copy()
    holed.putpixel((3, 3), (0, 0, 0, 0))
    assert "transparent" not in flags(opaque)
    assert "transparent" in flags(holed)


def test_nothing_to_see_is_uniform_and_not_blurred() -> None:
    assert flags(Image.new("RGB", (300, 300), (90, 160, 90))) == {"uniform"}


def test_sharpness_falls_with_blur_whatever_the_contrast() -> None:
    plain, faint = scene(), scene().point(lambda level: 60 + level // 2)
    soft = [quality(picture.filter(ImageFilter.GaussianBlur(4))).sharpness for picture in (plain, faint)]
    assert max(soft) < min(quality(plain).sharpness, quality(faint).sharpness)


def test_measures_are_in_grey_levels() -> None:
    measures = quality(Image.fromarray(np.tile(np.uint8([0, 200]), (256, 128))))
    assert (measures.brightness, measures.contrast) == (100.0, 100.0)


@pytest.mark.slow
def test_few_of_the_sample_bottles_are_flagged_as_dark_or_bright() -> None:
    pictures = [Image.open(BytesIO(sample_picture.data)) for sample_picture in sample_pictures(20)]
    assert sum(1 for picture in pictures if flags(picture) & {"dark", "bright", "uniform"}) <= 2
