"""The search for near-duplicates over 100,000 hashes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from tests.benchmarks.figures import Row
from workbench.imaging.decode import to_small_grey
from workbench.imaging.phash import groups, phash

HASHES = 100_000
GOAL = 2.0
PHOTOS = 120
REPEATS = 3


def rows(data: Path) -> list[Row]:
    """The rows of the table: hashes of several kinds, the median of three."""
    random = np.random.default_rng(1)
    kinds = {
        "random, a tenth of them copies": _copies(_random(random, HASHES * 9 // 10), random),
        "50 scenes of 2,000 each": _round(_random(random, 50), 2000, 5, random),
        "20 scenes of 5,000 each": _round(_random(random, 20), 5000, 8, random),
        "7 bits the same": _random(random, HASHES) & ~np.uint64(127),
        "all the same": np.full(HASHES, 7, dtype=np.uint64),
        "each bit as often as in real photos, and as often together": _like(_photos(data), random),
    }
    return [_row(name, [f"{value:016x}" for value in values]) for name, values in kinds.items()]


def _row(name: str, hashes: Sequence[str]) -> Row:
    groups(hashes[:5000])
    took = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        numbers = groups(hashes)
        took.append(time.perf_counter() - begun)
    seconds = float(np.median(took))
    return Row(
        f"near-duplicates among {len(hashes):,} hashes: {name}",
        f"≤ {GOAL:g} s",
        f"{seconds:.2f} s, {int(numbers.max()) + 1:,} groups",
        seconds <= GOAL,
    )


def _random(random: np.random.Generator, count: int) -> np.ndarray:
    return random.integers(0, 2**64, count, dtype=np.uint64)


def _flip(values: np.ndarray, bits: int, random: np.random.Generator) -> np.ndarray:
    for _ in range(bits):
        values = values ^ (np.uint64(1) << random.integers(0, 64, len(values), dtype=np.uint64))
    return values


def _copies(values: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return np.concatenate([values, _flip(values[: HASHES - len(values)], 4, random)])


def _round(centres: np.ndarray, copies: int, bits: int, random: np.random.Generator) -> np.ndarray:
    return _flip(np.repeat(centres, copies), bits, random)


def _photos(data: Path) -> np.ndarray:
    """``(N, 64)`` bits of the hashes of some photos, each also mirrored."""
    hashes = []
    files = sorted(path for path in data.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
    for file in files[:: max(1, len(files) // PHOTOS)]:
        with Image.open(file) as opened:
            opened.draft("RGB", (512, 512))
            picture = np.asarray(opened.convert("RGB"))
        hashes += [
            phash(to_small_grey(Image.fromarray(pixels))) for pixels in (picture, cv2.flip(picture, 1))
        ]
    return np.unpackbits(np.frombuffer(bytes.fromhex("".join(hashes)), dtype=np.uint8).reshape(-1, 8), axis=1)


def _like(bits: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Hashes whose bits are set as often as those given, and as often together (a thresholded normal distribution)."""
    signs = bits * 2.0 - 1 - (bits * 2.0 - 1).mean(axis=0)
    # Some independence: a few photos alone span fewer than 64 directions.
    drawn = random.normal(size=(HASHES, len(bits))) @ signs / np.sqrt(len(bits))
    drawn += 0.5 * random.normal(size=drawn.shape) + bits.mean(axis=0) - 0.5
    return np.packbits(drawn > 0, axis=1).view(">u8").ravel().astype(np.uint64)
