"""Quality flags: what a person would want to look at before a picture teaches anything."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from storage.records import FLAGS
from workbench.imaging.decode import Decoded

SHORT = 128
"""Pixels of the longer side below which a picture has less than half the detail that a model can see."""
BLURRED = 1.1
"""Sharpness below which edges are soft. Of 362 real photos one in 300 lies below it; of the same photos after a Gaussian blur
with a deviation of 1 pixel at 256 x 256, nine in ten; of 1.5 pixels, 99 in 100."""
DARK, BRIGHT = 100.0, 225.0
"""Grey levels, 0 to 255: dark if hardly a pixel is lighter than the first, bright if hardly one is darker than the second."""
UNIFORM = 6.0
"""Standard deviation of the grey levels below which there is hardly anything to see."""
ELONGATED = 3.0
"""Longer over shorter side above which a square shows the picture as a thin strip."""
COLOURLESS = 8
"""Most difference between the colour channels of a pixel that is still grey; JPEG alone makes a few levels."""
FEW = 0.005
"""The share of pixels that is left out at an end of a distribution."""


@dataclass(frozen=True)
class Quality:
    """Flags as bits in the order of :data:`storage.records.FLAGS`, and what they go by.

    ``sharpness`` is the steepest change of a slope over the steepest slope, about 0.5 (blurred) to 4; ``brightness`` the mean
    and ``contrast`` the standard deviation of the grey levels, 0 to 255.
    """

    flags: int
    sharpness: float
    brightness: float
    contrast: float


def assess(decoded: Decoded, grey: np.ndarray) -> Quality:
    """Measure a picture.

    Args:
        decoded: The picture.
        grey: What :func:`workbench.imaging.decode.shrunk` made of it.
    """
    levels = _shares(grey)
    mean, spread = (float(each[0, 0]) for each in cv2.meanStdDev(grey))
    sharp = sharpness(grey)
    found = {
        "too small": max(decoded.width, decoded.height) < SHORT,
        "blurred": sharp < BLURRED and spread >= UNIFORM,
        "dark": _level(levels, 0.95) < DARK,
        "bright": _level(levels, 0.05) > BRIGHT,
        "uniform": spread < UNIFORM,
        "odd aspect": max(decoded.width, decoded.height) > ELONGATED * min(decoded.width, decoded.height),
        "transparent": decoded.transparent,
        "grayscale": _colourless(decoded.image),
    }
    flags = sum(1 << bit for bit, name in enumerate(FLAGS) if found[name])
    return Quality(flags, round(sharp, 3), round(mean, 1), round(spread, 1))


def sharpness(grey: np.ndarray) -> float:
    """How abrupt the sharpest edges are: the largest second difference over the largest first one, without the top 0.5 %.

    A ratio goes by the width of edges (J. H. Elder and S. W. Zucker, "Local scale control for edge detection and blur
    estimation", 1998): faint pictures and plain grounds are not taken for blurred ones, as the variance of the Laplacian does
    (J. L. Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", 2000).

    Args:
        grey: ``(H, W) uint8``, its longer side 256 pixels.
    """
    across, down = cv2.spatialGradient(grey)
    slopes = cv2.max(cv2.convertScaleAbs(across, alpha=0.25), cv2.convertScaleAbs(down, alpha=0.25))
    curves = cv2.convertScaleAbs(cv2.Laplacian(grey, cv2.CV_16S))
    return 2 * _level(_shares(curves), 1 - FEW) / max(1, _level(_shares(slopes), 1 - FEW))


def _shares(levels: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.calcHist([levels], [0], None, [256], [0, 256])).ravel() / levels.size


def _level(shares: np.ndarray, share: float) -> int:
    """The level that this share of the pixels does not exceed."""
    return int(np.searchsorted(np.cumsum(shares), share))


def _colourless(image: Image.Image) -> bool:
    # Every eighth pixel both ways says as much as all of them.
    few = image.resize((-(-image.width // 8), -(-image.height // 8)), Image.Resampling.NEAREST)
    red, green, blue = cv2.split(np.asarray(few))
    difference = cv2.max(cv2.max(red, green), blue) - cv2.min(cv2.min(red, green), blue)
    return bool(np.count_nonzero(difference > COLOURLESS) <= FEW * difference.size)
