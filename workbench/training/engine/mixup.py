"""Mixes the examples of a batch with one another. Imports no TensorFlow."""

from __future__ import annotations

import numpy as np

from workbench.training.spec import TrainingSpec

Batch = tuple[np.ndarray, np.ndarray]


def mixed(examples: np.ndarray, shares: np.ndarray, spec: TrainingSpec, random: np.random.Generator) -> Batch:
    """Mix each example with another of its batch as the spec says; where both ways are on, a coin decides for each batch.

    Sources: mixup after Zhang et al., "mixup: Beyond Empirical Risk Minimization" (2018); CutMix after Yun et al., "CutMix"
    (2019), for pictures only: features of two pictures cannot be cut to fit.

    Args:
        examples: ``(n, ...)``, of any type of number, which the result has too.
        shares: ``(n, classes) float32``, the share of each class.
        spec: ``mixup`` and ``cutmix`` are the alphas of the Beta distributions; 0 is off.
        random: Decides everything.
    """
    ways = [_blended] * (spec.mixup > 0) + [_patched] * (spec.cutmix > 0 and examples.dtype == np.uint8)
    if not ways:
        return examples, shares
    way = ways[int(random.integers(len(ways)))]
    alpha = spec.mixup if way is _blended else spec.cutmix
    partners = random.permutation(len(examples))
    blend, kept = way(examples, examples[partners], float(random.beta(alpha, alpha)), random)
    return blend, (kept * shares + (1 - kept) * shares[partners]).astype(np.float32)


def _blended(
    ours: np.ndarray, theirs: np.ndarray, kept: float, _: np.random.Generator
) -> tuple[np.ndarray, float]:
    blend = np.float32(kept) * ours + np.float32(1 - kept) * theirs
    if ours.dtype.kind == "u":
        blend = np.rint(blend)
    return blend.astype(ours.dtype), kept


def _patched(
    ours: np.ndarray, theirs: np.ndarray, kept: float, random: np.random.Generator
) -> tuple[np.ndarray, float]:
    height, width = ours.shape[1:3]
    side = np.sqrt(1 - kept)
    top, bottom = _span(height, side, random)
    left, right = _span(width, side, random)
    blend = ours.copy()
    blend[:, top:bottom, left:right] = theirs[:, top:bottom, left:right]
    return blend, 1 - (bottom - top) * (right - left) / (height * width)


def _span(length: int, side: float, random: np.random.Generator) -> tuple[int, int]:
    """A stretch around a point anywhere, cut off at the ends."""
    centre = int(random.integers(length))
    half = round(length * side / 2)
    return max(centre - half, 0), min(centre + half, length)
