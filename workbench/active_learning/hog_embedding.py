"""The built-in embedding, which needs no weights: gradient and colour histograms.

Histograms of oriented gradients after Dalal and Triggs, "Histograms of Oriented Gradients for Human Detection" (2005):
square root of the grey values, nine unsigned orientations, blocks of 2 x 2 cells, L2 norm clipped at 0.2.
"""

from __future__ import annotations

import cv2
import numpy as np

DIMENSIONS = 720
_SIDE, _CELLS, _ORIENTATIONS, _GRID = 80, 5, 9, 4
_HUES, _SATURATIONS = 12, 4


def hog_embeddings(pictures: np.ndarray) -> np.ndarray:
    """Unit embeddings ``(N, 720) float32`` of canonical pictures ``(N, 256, 256, 3) uint8``."""
    return np.stack([_embed(picture) for picture in pictures]).astype(np.float32)


def _embed(picture: np.ndarray) -> np.ndarray:
    return _normalise(np.concatenate([_hog(picture), _colour_grid(picture), _hue_histogram(picture)]))


def _hog(picture: np.ndarray) -> np.ndarray:
    grey = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    square_root = np.sqrt(grey.astype(np.float32))
    gradient_x, gradient_y = (cv2.Sobel(square_root, cv2.CV_32F, dx, 1 - dx, ksize=1) for dx in (1, 0))
    magnitude, angle = cv2.cartToPolar(gradient_x, gradient_y, angleInDegrees=True)
    bin_position = (angle % 180) * _ORIENTATIONS / 180
    bin_distance = (
        bin_position[..., None] - np.arange(_ORIENTATIONS) - 0.5 + _ORIENTATIONS / 2
    ) % _ORIENTATIONS - _ORIENTATIONS / 2
    votes = np.maximum(1 - np.abs(bin_distance), 0) * magnitude[..., None]
    cells = cv2.resize(votes, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA)
    blocks = np.concatenate([cells[:-1, :-1], cells[1:, :-1], cells[:-1, 1:], cells[1:, 1:]], axis=2)
    return _normalise(_normalise_blocks(np.minimum(_normalise_blocks(blocks), 0.2)).ravel())


def _normalise_blocks(blocks: np.ndarray) -> np.ndarray:
    return np.asarray(blocks / (np.linalg.norm(blocks, axis=2, keepdims=True) + 1e-2))


def _colour_grid(picture: np.ndarray) -> np.ndarray:
    """Mean and standard deviation of the Lab colours in each cell of a grid."""
    colours = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.float32)
    size = (_GRID, _GRID)
    mean = cv2.resize(colours, size, interpolation=cv2.INTER_AREA)
    deviation = np.sqrt(np.maximum(cv2.resize(colours**2, size, interpolation=cv2.INTER_AREA) - mean**2, 0))
    return _normalise(np.concatenate([mean.ravel(), deviation.ravel()]))


def _hue_histogram(picture: np.ndarray) -> np.ndarray:
    """Square root of the relative hue-saturation histogram, a unit vector."""
    hsv = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)
    counts = cv2.calcHist([hsv], [0, 1], None, [_HUES, _SATURATIONS], [0, 180, 0, 256])
    return np.asarray(np.sqrt(counts.ravel() / counts.sum()))


def _normalise(vector: np.ndarray) -> np.ndarray:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9))
