import tracemalloc
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tests.pictures import picture
from workbench.pictures import shrunk
from workbench.similarity import NEAR, groups, phash

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
                numbers = [new if each == old else each for each in numbers]
    order = list(dict.fromkeys(numbers))
    return [order.index(each) for each in numbers]


def test_a_copy_that_was_resized_recompressed_or_lit_otherwise_is_near() -> None:
    for seed in range(10):
        image = photo(seed)
        original = phash(shrunk(image))
        assert len(original) == 16
        copies = [
            again(image, 40, (320, 240)),
            again(image, 90, (200, 150)),
            ImageEnhance.Brightness(image).enhance(0.8),
        ]
        assert max(apart(original, phash(shrunk(each))) for each in copies) <= NEAR


def test_other_pictures_are_not_near() -> None:
    hashes = [phash(shrunk(photo(seed))) for seed in range(25)]
    assert groups(hashes).tolist() == list(range(25))


def test_one_picture_is_one_hash() -> None:
    assert phash(shrunk(photo(1))) == phash(shrunk(photo(1)))
    assert (
        groups([phash(shrunk(Image.new("RGB", (9, 9), colour))) for colour in ("white", "white", "gray")])[1]
        == 0
    )


def test_copies_make_one_group_beside_others() -> None:
    images = [photo(1), photo(2), again(photo(1), 50, (320, 240)), photo(3), again(photo(2), 50, (320, 240))]
    assert groups([phash(shrunk(each)) for each in images]).tolist() == [0, 1, 0, 2, 1]


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
    random = np.random.default_rng(seed)
    values = np.repeat(random.integers(0, 2**64, centres, dtype=np.uint64), 5000 // centres)
    for _ in range(flips):
        values ^= np.uint64(1) << random.integers(0, 64, len(values), dtype=np.uint64)
    return np.unique(values & ~np.uint64((1 << shared) - 1))


def compared(values: np.ndarray, near: int) -> np.ndarray:
    """Components by comparing every pair."""
    close = coo_array(np.stack([np.bitwise_count(values ^ each) <= near for each in values]))
    return connected_components(close, directed=False)[1]


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
    assert groups([f"{each:016x}" for each in values], near).tolist() == compared(values, near).tolist()


@pytest.mark.parametrize("flips", [4, 8, 12])
def test_many_like_hashes_take_little_memory(flips: int) -> None:
    values = drawn(flips, 2, flips, 0)
    tracemalloc.start()
    groups([f"{each:016x}" for each in values])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # All pairs of 5,000 hashes would be 12.5 million numbers of 8 bytes, twice.
    assert peak < 100_000_000


def test_thousands_of_hashes_are_grouped() -> None:
    random = np.random.default_rng(1)
    values = random.integers(0, 2**63, 4000)
    hashes = [f"{each:016x}" for each in [*values, *(values ^ 0b1011)]]
    assert groups(hashes).tolist() == list(range(4000)) * 2
