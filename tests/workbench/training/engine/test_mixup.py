import numpy as np
import pytest

from workbench.training.engine.mixup import mix_batch
from workbench.training.spec import TrainingSpec

SHARES = np.eye(3, dtype=np.float32)[np.arange(6) % 3]


def pictures() -> np.ndarray:
    """Each of one grey of its own."""
    return np.full((6, 8, 8, 3), 0, np.uint8) + (40 * np.arange(6, dtype=np.uint8))[:, None, None, None]


def test_nothing_is_mixed_unless_asked_for() -> None:
    shown, shares = mix_batch(pictures(), SHARES, TrainingSpec(), np.random.default_rng(0))
    assert np.array_equal(shown, pictures())
    assert np.array_equal(shares, SHARES)


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32])
def test_mixup_blends_examples_and_classes_alike(dtype: type) -> None:
    examples = (200 * SHARES).astype(dtype)
    blended = 0
    for seed in range(5):
        shown, shares = mix_batch(examples, SHARES, TrainingSpec(mixup=0.4), np.random.default_rng(seed))
        assert shown.dtype == dtype
        assert shares.sum(axis=1) == pytest.approx(np.ones(6), abs=1e-6)
        assert shown.astype(float) / 200 == pytest.approx(shares, abs=0.004)
        blended += int(((shares > 0.01) & (shares < 0.99)).any())
    assert blended


def test_cutmix_gives_each_class_the_share_of_its_pixels() -> None:
    patched = 0
    for seed in range(10):
        shown, shares = mix_batch(pictures(), SHARES, TrainingSpec(cutmix=1.0), np.random.default_rng(seed))
        for place in range(6):
            measured = np.zeros(3)
            values, counts = np.unique(shown[place, :, :, 0], return_counts=True)
            for value, count in zip(values, counts, strict=True):
                measured[int(value) // 40 % 3] += count / 64
            assert shares[place] == pytest.approx(measured, abs=1e-6)
            patched += len(values) > 1
    assert patched


def test_features_are_never_cut() -> None:
    features = np.random.default_rng(0).random((6, 8, 8, 3)).astype(np.float16)
    shown, shares = mix_batch(features, SHARES, TrainingSpec(cutmix=1.0), np.random.default_rng(0))
    assert np.array_equal(shown, features)
    assert np.array_equal(shares, SHARES)


def test_the_same_numbers_mix_alike() -> None:
    chosen = TrainingSpec(mixup=0.4, cutmix=1.0)
    first, second = (mix_batch(pictures(), SHARES, chosen, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])
