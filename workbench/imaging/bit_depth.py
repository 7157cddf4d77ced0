"""Converts grey samples of any bit depth to 8 bits, by the declared range or by the smallest common range that fits.

The contrast is not stretched: relative brightness between pictures of one kind is preserved.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from PIL import Image

Kind = Literal["unsigned", "signed", "float"]
KINDS: dict[int, Kind] = {1: "unsigned", 2: "signed", 3: "float"}
BITS, PHOTOMETRIC, KIND = 258, 262, 339
LEAST, MOST = (340, 280), (341, 281)
"""TIFF tags (Adobe, "TIFF Revision 6.0", 1992, sections 8 and 19): SMinSampleValue before MinSampleValue, likewise for max."""
MIN_IS_WHITE = 0
WHITES = (255, 4095, 65_535, 2**24 - 1, 2**32 - 1)
"""White levels of common bit depths: 8, 12 (many cameras and scanners), 16, 24 and 32 bits."""
OVERSHOOT = 0.05
"""Overshoot beyond black and white that resampling may cause, as a fraction of white."""


@dataclass(frozen=True)
class Samples:
    """Declared format of grey samples: type, bit depth, and optionally minimum and maximum value."""

    kind: Kind
    bits: int
    least: float | None = None
    most: float | None = None
    inverted: bool = False


def declared_samples(image: Image.Image, significant: int | None = None) -> Samples:
    """Read the sample format of a grey picture with more than 8 bits.

    Args:
        image: As opened by Pillow, with a mode that begins with ``I`` or ``F``.
        significant: Number of significant bits, if a format other than TIFF declares it.
    """
    kind: Kind = "float" if image.mode == "F" else "unsigned" if image.mode.startswith("I;16") else "signed"
    bits = 16 if image.mode.startswith("I;16") else 32
    most = 2.0**significant - 1 if significant and significant < bits else None
    tags = getattr(image, "tag_v2", None)
    if tags is None:
        return Samples(kind, bits, most=most)
    bits = int(first_value(tags, BITS) or bits)
    kind = KINDS.get(int(first_value(tags, KIND) or 1), kind)
    least = next((value for tag in LEAST if (value := first_value(tags, tag)) is not None), None)
    most = next((value for tag in MOST if (value := first_value(tags, tag)) is not None), None)
    if kind == "unsigned" and bits < 16:
        most = 2.0**bits - 1
    return Samples(kind, bits, least, most, first_value(tags, PHOTOMETRIC) == MIN_IS_WHITE)


def black_and_white_levels(samples: Samples, low: float, high: float) -> tuple[float, float]:
    """The sample values of black and white.

    A declared maximum is used if all values respect it, rounded up to a whole number of bits, since many programs write
    the actual maximum. Otherwise white is the smallest common white level that fits. Black is 0, or minus white if
    there are significantly negative values.

    Args:
        samples: The declared format.
        low: The smallest finite value.
        high: The largest finite value.

    Returns:
        Black and white.
    """
    white = _declared_white_level(samples, low, high) or _fitting_white_level(samples, max(high, -low))
    minimum = min(low, 0.0) if samples.least is None else min(low, samples.least)
    return (-white if minimum < -OVERSHOOT * white else 0.0), white


def finite_extrema(parts: Iterable[np.ndarray]) -> tuple[float, float]:
    """The smallest and the largest finite value of the arrays; 0 and 0 if there is none."""
    low, high = np.inf, -np.inf
    for values in parts:
        finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    return (low, high) if low <= high else (0.0, 0.0)


def sample_values(image: Image.Image, samples: Samples) -> np.ndarray:
    """The samples of a picture, ``(H, W)``, with their declared signedness."""
    values = np.asarray(image)
    return values.view(np.uint32) if samples.kind == "unsigned" and values.dtype == np.int32 else values


def to_bytes(values: np.ndarray, black: float, white: float) -> np.ndarray:
    """Scale samples to ``(H, W) uint8``; NaN becomes black."""
    normalized = (values.astype(np.float64) - black) / (white - black)
    normalized = np.nan_to_num(np.clip(normalized, 0, 1), nan=0.0)
    return np.asarray(np.rint(normalized * 255), dtype=np.uint8)


def _declared_white_level(samples: Samples, low: float, high: float) -> float | None:
    if samples.most is None or not np.isfinite(samples.most) or samples.most <= 0:
        return None
    if samples.kind == "float" and samples.most <= 1:
        white = 1.0
    else:
        white = float(2 ** max(8, int(samples.most).bit_length()) - 1)
    return white if max(high, -low) <= white * (1 + OVERSHOOT) else None


def _fitting_white_level(samples: Samples, largest: float) -> float:
    if samples.kind == "float":
        levels = (1, *WHITES)
        return float(next((level for level in levels if largest <= level * (1 + OVERSHOOT)), WHITES[-1]))
    type_maximum = 2.0 ** (samples.bits - (samples.kind == "signed")) - 1
    if samples.kind == "unsigned" and samples.bits == 16 and largest <= WHITES[0]:
        return type_maximum  # a dark 16-bit picture, since 8-bit data would not be stored with 16 bits
    return min(type_maximum, float(next((level for level in WHITES if largest <= level), type_maximum)))


def first_value(tags: Any, tag: int) -> float | None:
    """The first value of a TIFF tag as a number; None if it is missing or invalid."""
    value = tags.get(tag)
    if isinstance(value, tuple):
        value = value[0] if value else None
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
