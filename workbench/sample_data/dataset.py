"""Renders the sample data set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from PIL import Image, ImageFilter

from workbench.imaging.decode import encode_image
from workbench.sample_data.backgrounds import draw_scene
from workbench.sample_data.glass import draw_bottle, openness
from workbench.sample_data.label_and_cap import draw_cap, draw_label
from workbench.sample_data.raster import Array, Mask, colour, to_image
from workbench.sample_data.shapes import GLASSES, LIQUID_ODDS, LIQUIDS, OUTLINES, Bottle
from workbench.sample_data.spills import draw_dew, draw_jet, draw_puddle, draw_spill

LABELS = ("Full", "Half", "Overflowing")
SHARES = (0.6, 0.3, 0.1)
MARK = "synthetic"
_DESCRIPTION = 0x010E


@dataclass(frozen=True)
class SamplePicture:
    """One file of the sample set; ``data`` is a JPEG whose Exif ImageDescription marks it as synthetic."""

    filename: str
    label: str
    data: bytes


def sample_pictures(count: int = 200, seed: int = 0) -> Iterator[SamplePicture]:
    """Render an imbalanced set: 60 % Full, 30 % Half, 10 % Overflowing.

    Args:
        count: Number of pictures.
        seed: Random seed; the same seed gives the same bytes.

    Yields:
        The pictures, in random order.
    """
    rng = np.random.default_rng(seed)
    labels = _labels_of_set(count)
    count_by_label = dict.fromkeys(LABELS, 0)
    for index in rng.permutation(count):
        label = labels[index]
        count_by_label[label] += 1
        picture = render_sample(label, seed * 1_000_003 + int(index))
        name = f"{MARK}-{label.lower()}-{count_by_label[label]:04d}.jpg"
        yield SamplePicture(name, label, _encode_jpeg(picture, int(rng.integers(78, 93))))


def render_sample(label: str, seed: int) -> Image.Image:
    """Render one bottle.

    Args:
        label: One of :data:`LABELS`.
        seed: Random seed; the same label and seed give the same picture.

    Returns:
        An upright RGB picture of about 360 x 480 pixels.

    Raises:
        ValueError: The label is none of :data:`LABELS`.
    """
    if label not in LABELS:
        raise ValueError(f"{label!r} is none of {', '.join(LABELS)}")
    rng = np.random.default_rng([seed, crc32(label.encode())])
    width, height = int(rng.integers(330, 385)), int(rng.integers(455, 515))
    tilt = float(rng.normal(0, 1.6)) if rng.random() < 0.7 else 0.0
    margin = 1 + 1.5 * abs(np.sin(np.radians(tilt)))
    canvas = _draw_picture(rng, label, int(height * margin), int(width * margin))
    return _simulate_camera(rng, canvas, tilt, (width, height))


def _labels_of_set(count: int) -> list[str]:
    half, overflowing = round(count * SHARES[1]), round(count * SHARES[2])
    return ["Full"] * (count - half - overflowing) + ["Half"] * half + ["Overflowing"] * overflowing


def _encode_jpeg(picture: Image.Image, quality: int) -> bytes:
    exif = Image.Exif()
    exif[_DESCRIPTION] = MARK
    return encode_image(picture, "JPEG", quality=quality, exif=exif, comment=MARK)


def _draw_picture(rng: np.random.Generator, label: str, height: int, width: int) -> Array:
    scene = draw_scene(rng, height, width)
    canvas = scene.canvas
    bottle = _random_bottle(rng, label, scene.edge, (height, width), scene.light)
    if label == "Overflowing" and rng.random() < 0.85:
        draw_puddle(canvas, bottle, rng)
    _draw_shadow(canvas, bottle)
    grid = draw_bottle(canvas, bottle)
    if rng.random() < 0.42:
        draw_label(canvas, bottle, grid, _label_band(rng, bottle), int(rng.integers(2**31)))
    if label == "Overflowing":
        draw_spill(canvas, bottle, rng)
    elif rng.random() < 0.45:
        draw_cap(canvas, bottle, int(rng.integers(2**31)))
    elif rng.random() < 0.07:
        draw_jet(canvas, bottle, rng)
    if rng.random() < 0.18:
        draw_dew(canvas, bottle, rng)
    return canvas


def _random_bottle(
    rng: np.random.Generator, label: str, edge: int, size: tuple[int, int], light: float
) -> Bottle:
    height, width = size
    outline = OUTLINES[int(rng.integers(len(OUTLINES)))]
    bottle_height = int(height * rng.uniform(0.7, 0.8))
    stretch = rng.uniform(0.92, 1.18)
    base = int(np.clip(edge + rng.uniform(0.06, 0.11) * height, bottle_height + 0.09 * height, 0.95 * height))
    return Bottle(
        radii=outline.radii(bottle_height, stretch),
        centre=width * rng.uniform(0.45, 0.55),
        top=base - bottle_height,
        level=_random_level(rng, label, outline.shoulder),
        shoulder=outline.shoulder,
        glass=colour(GLASSES[int(rng.integers(len(GLASSES)))]),
        liquid=LIQUIDS[int(rng.choice(len(LIQUIDS), p=LIQUID_ODDS))],
        view=rng.uniform(0.1, 0.26),
        light=light,
    )


def _random_level(rng: np.random.Generator, label: str, shoulder: float) -> float:
    if label == "Overflowing":
        return 0.005
    if label == "Half":
        return rng.uniform(0.5, 0.64)
    return rng.uniform(0.6 * shoulder, shoulder + 0.06)


def _label_band(rng: np.random.Generator, bottle: Bottle) -> tuple[float, float]:
    """A random position of the label on the straight part of the bottle that does not hide the liquid level."""
    for _ in range(30):
        label_height = rng.uniform(0.14, 0.26)
        top = rng.uniform(0.38, 0.92 - label_height)
        if not top - 0.04 < bottle.level < top + label_height + 0.06:
            return top, top + label_height
    return 0.76, 0.9


def _draw_shadow(canvas: Array, bottle: Bottle) -> None:
    """Draw the shadow on the table, away from the light, in place."""
    radius = float(bottle.radii[-1])
    flattening = max(0.12, openness(bottle, bottle.base))
    height, width = canvas.shape[:2]
    soft_mask, contact_mask = Mask(height, width, 0.5), Mask(height, width, 0.5)
    soft_mask.ellipse(
        bottle.centre - bottle.light * radius * 0.9, bottle.base + 2, radius * 1.9, radius * flattening * 1.3
    )
    contact_mask.ellipse(bottle.centre, bottle.base + 2, radius * 1.08, radius * flattening * 1.15)
    shade = 0.28 * soft_mask.coverage(9) + 0.42 * contact_mask.coverage(4)
    canvas *= (1 - shade)[..., None]


def _simulate_camera(
    rng: np.random.Generator, canvas: Array, tilt: float, size: tuple[int, int]
) -> Image.Image:
    """Simulate a hand-held phone camera: rotation, exposure, blur and noise."""
    gain = rng.uniform(0.9, 1.16) * rng.normal(1, 0.018, 3).astype(np.float32)
    contrast = rng.uniform(0.9, 1.12)
    tone = canvas * (gain * contrast).astype(np.float32)
    grain = rng.standard_normal((*canvas.shape[:2], 1), dtype=np.float32)
    grain *= rng.uniform(0.002, 0.022)
    grain += 0.5 - 0.5 * contrast
    tone += grain
    picture = _rotate_and_crop(to_image(tone), tilt, size)
    if rng.random() < 0.3:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.5)))
    return picture


def _rotate_and_crop(picture: Image.Image, degrees: float, size: tuple[int, int]) -> Image.Image:
    """Rotate around the centre, and crop the centre to ``size``."""
    if not degrees:
        return picture.crop((0, 0, *size))
    angle = np.radians(degrees)
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    half_width, half_height = size[0] / 2, size[1] / 2
    x0 = picture.width / 2 - cos * half_width + sin * half_height
    y0 = picture.height / 2 - sin * half_width - cos * half_height
    return picture.transform(
        size, Image.Transform.AFFINE, (cos, -sin, x0, sin, cos, y0), Image.Resampling.BILINEAR
    )
