"""The built-in embedding, which needs no weights: gradients and colours.

Histograms of oriented gradients after Dalal and Triggs, "Histograms of Oriented Gradients for Human Detection" (2005):
square root of the grey values, nine unsigned directions, blocks of 2 x 2 cells, norms clipped at 0.2.
"""

from __future__ import annotations

import cv2
import numpy as np

DIMENSIONS = 720
_SIDE, _CELLS, _DIRECTIONS, _GRID = 80, 5, 9, 4
_HUES, _SATURATIONS = 12, 4


def describe(pictures: np.ndarray) -> np.ndarray:
    """Embeddings ``(N, 720) float32`` of length 1 of canonical pictures ``(N, 256, 256, 3) uint8``."""
    return np.stack([_one(picture) for picture in pictures]).astype(np.float32)


def _one(picture: np.ndarray) -> np.ndarray:
    return _unit(np.concatenate([_gradients(picture), _colours(picture), _histogram(picture)]))


def _gradients(picture: np.ndarray) -> np.ndarray:
    grey = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    root = np.sqrt(grey.astype(np.float32))
    across, down = (cv2.Sobel(root, cv2.CV_32F, dx, 1 - dx, ksize=1) for dx in (1, 0))
    size, angle = cv2.cartToPolar(across, down, angleInDegrees=True)
    place = (angle % 180) * _DIRECTIONS / 180
    away = (place[..., None] - np.arange(_DIRECTIONS) - 0.5 + _DIRECTIONS / 2) % _DIRECTIONS - _DIRECTIONS / 2
    shares = np.maximum(1 - np.abs(away), 0) * size[..., None]
    cells = cv2.resize(shares, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA)
    blocks = np.concatenate([cells[:-1, :-1], cells[1:, :-1], cells[:-1, 1:], cells[1:, 1:]], axis=2)
    return _unit(_normed(np.minimum(_normed(blocks), 0.2)).ravel())


def _normed(blocks: np.ndarray) -> np.ndarray:
    return np.asarray(blocks / (np.linalg.norm(blocks, axis=2, keepdims=True) + 1e-2))


def _colours(picture: np.ndarray) -> np.ndarray:
    """Mean and spread of the colours in each field of a grid."""
    colours = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.float32)
    size = (_GRID, _GRID)
    mean = cv2.resize(colours, size, interpolation=cv2.INTER_AREA)
    spread = np.sqrt(np.maximum(cv2.resize(colours**2, size, interpolation=cv2.INTER_AREA) - mean**2, 0))
    return _unit(np.concatenate([mean.ravel(), spread.ravel()]))


def _histogram(picture: np.ndarray) -> np.ndarray:
    """The square root of the shares of hues and saturations, which has length 1."""
    hues = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)
    counts = cv2.calcHist([hues], [0, 1], None, [_HUES, _SATURATIONS], [0, 180, 0, 256])
    return np.asarray(np.sqrt(counts.ravel() / counts.sum()))


def _unit(vector: np.ndarray) -> np.ndarray:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9))
