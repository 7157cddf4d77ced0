"""From grey samples of any width to 8 bits, by what a file declares and by steps that all of its values fit below.

Nothing is stretched: of two pictures of one kind the darker one stays the darker one.
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
"""Tags of TIFF (Adobe, "TIFF Revision 6.0", 1992, sections 8 and 19): SMinSampleValue before MinSampleValue, and so on."""
MIN_IS_WHITE = 0
WHITES = (255, 4095, 65_535, 2**24 - 1, 2**32 - 1)
"""Values that stand for white: of 8 bits, of the 12 of many cameras and scanners, of 16, and so on."""
OVERSHOOT = 0.05
"""By what share of white resampling may have passed beyond black and white."""


@dataclass(frozen=True)
class Samples:
    """What a file says of its grey samples: their kind and width, and where it does their least and largest value."""

    kind: Kind
    bits: int
    least: float | None = None
    most: float | None = None
    inverted: bool = False


def declared(image: Image.Image, significant: int | None = None) -> Samples:
    """What the file of a grey picture of more than 8 bits says.

    Args:
        image: As opened by Pillow, of a mode that begins with ``I`` or ``F``.
        significant: Bits of a sample that count, where the file says so otherwise than TIFF does.
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


def bounds(samples: Samples, low: float, high: float) -> tuple[float, float]:
    """The values that are black and white.

    What is declared counts where the values keep to it, as a whole number of bits: many programs write the largest value that
    happens to be there. Else white is the first step that no value passes, and black is 0, or white's opposite where values
    are well below 0.

    Args:
        samples: What the file says.
        low: The least finite value that there is.
        high: The largest one.
    """
    white = _declared_white(samples, low, high) or _white(samples, max(high, -low))
    below = min(low, 0.0) if samples.least is None else min(low, samples.least)
    return (-white if below < -OVERSHOOT * white else 0.0), white


def extrema(parts: Iterable[np.ndarray]) -> tuple[float, float]:
    """The least and the largest finite value of some arrays; 0 and 0 where there is none."""
    low, high = np.inf, -np.inf
    for values in parts:
        sound = values[np.isfinite(values)] if values.dtype.kind == "f" else values
        if sound.size:
            low, high = min(low, float(sound.min())), max(high, float(sound.max()))
    return (low, high) if low <= high else (0.0, 0.0)


def values_of(image: Image.Image, samples: Samples) -> np.ndarray:
    """The samples of a picture, ``(H, W)``, as numbers of their kind."""
    values = np.asarray(image)
    return values.view(np.uint32) if samples.kind == "unsigned" and values.dtype == np.int32 else values


def to_bytes(values: np.ndarray, black: float, white: float) -> np.ndarray:
    """Grey levels ``(H, W) uint8`` of some samples; what is not a number is black."""
    shares = (values.astype(np.float64) - black) / (white - black)
    shares = np.nan_to_num(np.clip(shares, 0, 1), nan=0.0)
    return np.asarray(np.rint(shares * 255), dtype=np.uint8)


def _declared_white(samples: Samples, low: float, high: float) -> float | None:
    if samples.most is None or not np.isfinite(samples.most) or samples.most <= 0:
        return None
    if samples.kind == "float" and samples.most <= 1:
        white = 1.0
    else:
        white = float(2 ** max(8, int(samples.most).bit_length()) - 1)
    return white if max(high, -low) <= white * (1 + OVERSHOOT) else None


def _white(samples: Samples, largest: float) -> float:
    if samples.kind == "float":
        steps = (1, *WHITES)
        return float(next((step for step in steps if largest <= step * (1 + OVERSHOOT)), WHITES[-1]))
    widest = 2.0 ** (samples.bits - (samples.kind == "signed")) - 1
    if samples.kind == "unsigned" and samples.bits == 16 and largest <= WHITES[0]:
        return widest  # 8 bits would not have been written as 16: it is dark
    return min(widest, float(next((step for step in WHITES if largest <= step), widest)))


def first_value(tags: Any, tag: int) -> float | None:
    """The first value of a tag of TIFF as a number, None where it is missing or says nothing."""
    value = tags.get(tag)
    if isinstance(value, tuple):
        value = value[0] if value else None
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
