"""Quality flags of pictures that should be reviewed before training."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from storage.records import FLAGS
from workbench.imaging.decode import DecodedImage

SHORT = 128
"""Pixels of the longer side below which a picture has less than half the resolution of the model input."""
BLURRED = 1.1
"""Sharpness below which a picture is blurred. Of 362 real photos one in 300 is below it; after a Gaussian blur with a
sigma of 1 pixel at 256 x 256, nine in ten; of 1.5 pixels, 99 in 100."""
DARK, BRIGHT = 100.0, 225.0
"""Grey levels, 0 to 255: dark if the 95th percentile is below the first, bright if the 5th is above the second."""
UNIFORM = 6.0
"""Standard deviation of the grey levels below which a picture is uniform."""
ELONGATED = 3.0
"""Aspect ratio, longer over shorter side, above which the letterboxed picture is a thin strip."""
COLOURLESS = 8
"""Most difference between the channels of a grey pixel; JPEG compression alone causes a few levels."""
FEW = 0.005
"""Fraction of pixels that is ignored as outliers at one end of a distribution."""


@dataclass(frozen=True)
class Quality:
    """Quality measures of a picture.

    Attributes:
        flags: Bit mask in the order of :data:`storage.records.FLAGS`.
        sharpness: Largest second difference over largest first difference, about 0.5 (blurred) to 4.
        brightness: Mean of the grey levels, 0 to 255.
        contrast: Standard deviation of the grey levels.
    """

    flags: int
    sharpness: float
    brightness: float
    contrast: float


def assess(decoded: DecodedImage, grey: np.ndarray) -> Quality:
    """Compute the quality measures of a picture.

    Args:
        decoded: The picture.
        grey: Its grey version from :func:`workbench.imaging.decode.to_small_grey`.
    """
    histogram = _histogram(grey)
    mean, deviation = (float(value[0, 0]) for value in cv2.meanStdDev(grey))
    sharp = sharpness(grey)
    is_set = {
        "too small": max(decoded.width, decoded.height) < SHORT,
        "blurred": sharp < BLURRED and deviation >= UNIFORM,
        "dark": _percentile(histogram, 0.95) < DARK,
        "bright": _percentile(histogram, 0.05) > BRIGHT,
        "uniform": deviation < UNIFORM,
        "odd aspect": max(decoded.width, decoded.height) > ELONGATED * min(decoded.width, decoded.height),
        "transparent": decoded.transparent,
        "grayscale": _is_greyscale(decoded.image),
    }
    flags = sum(1 << bit for bit, name in enumerate(FLAGS) if is_set[name])
    return Quality(flags, round(sharp, 3), round(mean, 1), round(deviation, 1))


def sharpness(grey: np.ndarray) -> float:
    """Sharpness of the sharpest edges: the largest second difference over the largest first difference, without the top 0.5 %.

    The ratio measures the width of edges (J. H. Elder and S. W. Zucker, "Local scale control for edge detection and blur
    estimation", 1998). Unlike the variance of the Laplacian (J. L. Pech-Pacheco et al., "Diatom autofocusing in brightfield
    microscopy", 2000) it does not depend on contrast, nor on the share of plain background.

    Args:
        grey: ``(H, W) uint8``, its longer side 256 pixels.
    """
    across, down = cv2.spatialGradient(grey)
    slopes = cv2.max(cv2.convertScaleAbs(across, alpha=0.25), cv2.convertScaleAbs(down, alpha=0.25))
    curves = cv2.convertScaleAbs(cv2.Laplacian(grey, cv2.CV_16S))
    return 2 * _percentile(_histogram(curves), 1 - FEW) / max(1, _percentile(_histogram(slopes), 1 - FEW))


def _histogram(levels: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.calcHist([levels], [0], None, [256], [0, 256])).ravel() / levels.size


def _percentile(histogram: np.ndarray, share: float) -> int:
    """The level that a fraction ``share`` of the pixels does not exceed."""
    return int(np.searchsorted(np.cumsum(histogram), share))


def _is_greyscale(image: Image.Image) -> bool:
    # Every eighth pixel in both directions is a sufficient sample.
    sample = image.resize((-(-image.width // 8), -(-image.height // 8)), Image.Resampling.NEAREST)
    red, green, blue = cv2.split(np.asarray(sample))
    difference = cv2.max(cv2.max(red, green), blue) - cv2.min(cv2.min(red, green), blue)
    return bool(np.count_nonzero(difference > COLOURLESS) <= FEW * difference.size)
