import random
import tracemalloc
from collections.abc import Iterator
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageOps
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.datasets import load_digits

from tests.pictures import picture
from workbench.imaging.decode import to_small_grey
from workbench.imaging.phash import LEAST_CROWD, MOST, NEAR, groups, phash

# Few bits that differ, so that near ones are common; the rest of a hash is drawn from a handful of centres.
CENTRES = st.sampled_from([0, 2**64 - 1, 0xAAAAAAAAAAAAAAAA, 0x0123456789ABCDEF])
FLIPS = st.lists(st.integers(0, 63), max_size=12)
HASHES = st.lists(st.tuples(CENTRES, FLIPS), max_size=30)


def photo(seed: int) -> Image.Image:
    return Image.open(BytesIO(picture(seed, (240, 180), "PNG"))).convert("RGB")


def again(image: Image.Image, quality: int, size: tuple[int, int]) -> Image.Image:
    buffer = BytesIO()
    image.resize(size).save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def apart(left: str, right: str) -> int:
    return (int(left, 16) ^ int(right, 16)).bit_count()


def brute_force(hashes: list[str], near: int) -> list[int]:
    numbers = list(range(len(hashes)))
    for left in range(len(hashes)):
        for right in range(left):
            if apart(hashes[left], hashes[right]) <= near and numbers[left] != numbers[right]:
                old, new = sorted((numbers[left], numbers[right]), reverse=True)
                numbers = [new if number == old else number for number in numbers]
    order = list(dict.fromkeys(numbers))
    return [order.index(number) for number in numbers]


def test_a_copy_that_was_resized_recompressed_or_lit_otherwise_is_near() -> None:
    for seed in range(10):
        image = photo(seed)
        original = phash(to_small_grey(image))
        assert len(original) == 16
        copies = [
            again(image, 40, (320, 240)),
            again(image, 90, (200, 150)),
            ImageEnhance.Brightness(image).enhance(0.8),
        ]
        assert max(apart(original, phash(to_small_grey(copy))) for copy in copies) <= NEAR


def test_other_pictures_are_not_near() -> None:
    hashes = [phash(to_small_grey(photo(seed))) for seed in range(25)]
    assert groups(hashes).tolist() == list(range(25))


def test_one_picture_is_one_hash() -> None:
    assert phash(to_small_grey(photo(1))) == phash(to_small_grey(photo(1)))
    assert (
        groups(
            [phash(to_small_grey(Image.new("RGB", (9, 9), colour))) for colour in ("white", "white", "gray")]
        )[1]
        == 0
    )


def test_copies_make_one_group_beside_others() -> None:
    images = [photo(1), photo(2), again(photo(1), 50, (320, 240)), photo(3), again(photo(2), 50, (320, 240))]
    assert groups([phash(to_small_grey(image)) for image in images]).tolist() == [0, 1, 0, 2, 1]


def test_groups_reach_through_others() -> None:
    chain = [f"{(1 << (8 * step)) - 1:016x}" for step in range(8)]
    assert groups(chain).tolist() == [0] * 8
    assert groups(chain[::2]).tolist() == [0, 1, 2, 3]
    assert groups([]).tolist() == []


@given(drawn=HASHES, near=st.integers(0, 12))
@settings(deadline=None)
def test_groups_are_those_of_comparing_every_pair(drawn: list[tuple[int, list[int]]], near: int) -> None:
    hashes = [f"{centre ^ sum(1 << bit for bit in set(flips)):016x}" for centre, flips in drawn]
    assert groups(hashes, near).tolist() == brute_force(hashes, near)


def drawn(seed: int, centres: int, flips: int, shared: int) -> np.ndarray:
    """Some thousands of hashes round a few centres, the same in the lowest ``shared`` bits."""
    dice = np.random.default_rng(seed)
    values = np.repeat(dice.integers(0, 2**64, centres, dtype=np.uint64), 5000 // centres)
    for _ in range(flips):
        values ^= np.uint64(1) << dice.integers(0, 64, len(values), dtype=np.uint64)
    return np.unique(values & ~np.uint64((1 << shared) - 1))


def compared(values: np.ndarray, near: int) -> np.ndarray:
    """Components by comparing every pair."""
    close = coo_array(np.stack([np.bitwise_count(values ^ value) <= near for value in values]))
    return connected_components(close, directed=False)[1]


@pytest.mark.slow
@given(
    seed=st.integers(0, 1000),
    centres=st.sampled_from([1, 3, 50, 1000, 5000]),
    flips=st.integers(0, 16),
    shared=st.sampled_from([0, 0, 7, 21, 30]),
    near=st.sampled_from([NEAR, NEAR, 3, 11]),
)
@settings(deadline=None, max_examples=40)
def test_thousands_are_grouped_as_by_comparing_every_pair(
    seed: int, centres: int, flips: int, shared: int, near: int
) -> None:
    values = drawn(seed, centres, flips, shared)
    hashes = [f"{value:016x}" for value in values]
    assert groups(hashes, near, most=len(hashes)).tolist() == compared(values, near).tolist()


@pytest.mark.slow
@pytest.mark.parametrize("flips", [4, 8, 12])
def test_many_like_hashes_take_little_memory(flips: int) -> None:
    values = drawn(flips, 2, flips, 0)
    tracemalloc.start()
    groups([f"{value:016x}" for value in values])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # All pairs of 5,000 hashes would be 12.5 million numbers of 8 bytes, twice.
    assert peak < 100_000_000


def walk(steps: int, bits: int, seed: int = 0) -> np.ndarray:
    """Hashes of which each differs from the one before in so many bits: a chain from scene to scene."""
    dice = np.random.default_rng(seed)
    flips = [sum(1 << int(bit) for bit in dice.choice(64, bits, replace=False)) for _ in range(steps)]
    return np.bitwise_xor.accumulate(np.array(flips, dtype=np.uint64))


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_a_chain_is_no_group_but_what_was_taken_one_after_the_other_stays_together(bits: int) -> None:
    numbers = groups([f"{value:016x}" for value in walk(3000, bits)])
    sizes = np.bincount(numbers)
    assert sizes.max() <= MOST
    assert np.mean(numbers[1:] == numbers[:-1]) > 0.95


def test_pictures_alike_by_nature_are_not_one_group() -> None:
    hashes = [phash(to_small_grey(digit)) for digit in digits(1500)]
    assert np.bincount(groups(hashes, most=len(hashes))).max() > 600
    assert np.bincount(groups(hashes)).max() <= len(hashes) // 5


def digits(count: int) -> Iterator[Image.Image]:
    """Digits written by hand, 8 x 8, drawn 28 x 28."""
    for image in load_digits().images[:count]:
        grey = Image.fromarray((image * 15.9).astype(np.uint8)).resize((20, 20), Image.Resampling.BICUBIC)
        yield ImageOps.expand(grey, 4).convert("RGB")


@pytest.mark.slow
@pytest.mark.parametrize("frames", [60, 600])
def test_a_burst_of_one_scene_is_one_group_however_long(frames: int) -> None:
    dice = np.random.default_rng(1)
    scenes = []
    for seed in (1, 2):
        still = np.asarray(photo(seed), dtype=np.float32)
        noisy = (still * (1 + 0.05 * np.sin(n / 20)) + dice.normal(0, 4, still.shape) for n in range(frames))
        scenes += [
            phash(to_small_grey(Image.fromarray(frame.clip(0, 255).astype(np.uint8)))) for frame in noisy
        ]
    assert groups(scenes).tolist() == [0] * frames + [1] * frames


def test_a_short_burst_that_drifts_is_one_group() -> None:
    hashes = [f"{value:016x}" for value in walk(LEAST_CROWD, 6)]
    assert set(groups(hashes).tolist()) == {0}


@given(drawn=HASHES, order=st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=30)
def test_equal_pictures_are_always_together(drawn: list[tuple[int, list[int]]], order: random.Random) -> None:
    hashes = [f"{centre ^ sum(1 << bit for bit in set(flips)):016x}" for centre, flips in drawn] * 2
    order.shuffle(hashes)
    numbers = groups(hashes, most=3).tolist()
    assert len(set(zip(hashes, numbers, strict=True))) == len(set(hashes))


def test_thousands_of_hashes_are_grouped() -> None:
    dice = np.random.default_rng(1)
    values = dice.integers(0, 2**63, 4000)
    hashes = [f"{value:016x}" for value in [*values, *(values ^ 0b1011)]]
    assert groups(hashes).tolist() == list(range(4000)) * 2
