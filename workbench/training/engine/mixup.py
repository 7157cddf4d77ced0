"""Mixup and CutMix of the examples in a batch. Imports no TensorFlow."""

from __future__ import annotations

import numpy as np

from workbench.training.spec import TrainingSpec

Batch = tuple[np.ndarray, np.ndarray]


def mix_batch(
    examples: np.ndarray, shares: np.ndarray, spec: TrainingSpec, random: np.random.Generator
) -> Batch:
    """Mix each example with another one of its batch; if both methods are on, each batch uses one of them at random.

    Sources: mixup after Zhang et al., "mixup: Beyond Empirical Risk Minimization" (2018); CutMix after Yun et al., "CutMix"
    (2019), for pictures only: cached features have no pixel regions to exchange.

    Args:
        examples: ``(n, ...)`` of any numeric dtype, which the result keeps.
        shares: Soft labels ``(n, classes) float32``.
        spec: ``mixup`` and ``cutmix`` are the alphas of the Beta distributions; 0 is off.
        random: Generator for all random choices.

    Returns:
        The mixed examples and their soft labels, of the same shapes.
    """
    methods = [_mixup] * (spec.mixup > 0) + [_cutmix] * (spec.cutmix > 0 and examples.dtype == np.uint8)
    if not methods:
        return examples, shares
    method = methods[int(random.integers(len(methods)))]
    alpha = spec.mixup if method is _mixup else spec.cutmix
    partners = random.permutation(len(examples))
    mixed_examples, own_share = method(examples, examples[partners], float(random.beta(alpha, alpha)), random)
    return mixed_examples, (own_share * shares + (1 - own_share) * shares[partners]).astype(np.float32)


def _mixup(
    examples: np.ndarray, partners: np.ndarray, own_share: float, _: np.random.Generator
) -> tuple[np.ndarray, float]:
    mixed_examples = np.float32(own_share) * examples + np.float32(1 - own_share) * partners
    if examples.dtype.kind == "u":
        mixed_examples = np.rint(mixed_examples)
    return mixed_examples.astype(examples.dtype), own_share


def _cutmix(
    examples: np.ndarray, partners: np.ndarray, own_share: float, random: np.random.Generator
) -> tuple[np.ndarray, float]:
    height, width = examples.shape[1:3]
    side_fraction = np.sqrt(1 - own_share)
    top, bottom = _random_interval(height, side_fraction, random)
    left_edge, right_edge = _random_interval(width, side_fraction, random)
    mixed_examples = examples.copy()
    mixed_examples[:, top:bottom, left_edge:right_edge] = partners[:, top:bottom, left_edge:right_edge]
    return mixed_examples, 1 - (bottom - top) * (right_edge - left_edge) / (height * width)


def _random_interval(length: int, side: float, random: np.random.Generator) -> tuple[int, int]:
    """An interval of ``length * side`` around a random centre, clipped to ``[0, length]``."""
    centre = int(random.integers(length))
    half = round(length * side / 2)
    return max(centre - half, 0), min(centre + half, length)
