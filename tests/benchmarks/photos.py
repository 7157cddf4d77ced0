"""The real photos, brought to 256 x 256 by the product's own picture contract, with the groups that never cross a split."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.evaluation.grouped_folds import grouped_folds as product_folds
from workbench.imaging.decode import canonical, decode, to_small_grey
from workbench.imaging.phash import groups, phash

MAX_PIXELS = 100_000_000
HELD_OUT = "val__"


@dataclass(frozen=True)
class Photos:
    """``pixels`` is ``(N, 256, 256, 3) uint8``; ``labels`` are positions in ``classes``."""

    pixels: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    classes: tuple[str, ...]


def load_photos(data: Path, split: str = "csv") -> Photos:
    """Read ``water-bottles`` and ``water-bottles.groups.csv`` from a folder.

    Args:
        data: The folder.
        split: What may not cross a split: ``csv`` the groups of the file, ``catalogue`` what the product takes for near-duplicates,
            ``random`` nothing.
    """
    with (data / "water-bottles.groups.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    photos, hashes = _read([data / "water-bottles" / row["file"] for row in rows])
    chosen = {"csv": lambda: [int(row["group"]) for row in rows], "catalogue": lambda: groups(hashes)}
    return photos if split == "random" else _grouped(photos, np.array(chosen[split]()))


def load_fruit(data: Path) -> tuple[Photos, np.ndarray]:
    """The photos of ``grocery-fruit``, each a group of its own, and which of them its publisher held out, ``(N,) bool``."""
    files = sorted((data / "grocery-fruit").glob("*/*.jpg"))
    return _read(files)[0], np.array([file.name.startswith(HELD_OUT) for file in files])


def grouped_folds(
    photos: Photos, chosen: np.ndarray, folds: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pairs of positions (rest, fold) among ``chosen``: stratified by class, no group on both sides."""
    pairs = product_folds(photos.labels[chosen], photos.groups[chosen], folds, seed)
    return [(chosen[rest], chosen[fold]) for rest, fold in pairs]


def _read(files: Sequence[Path]) -> tuple[Photos, list[str]]:
    """Photos in class folders, each a group of its own, and their perceptual hashes."""
    names = [file.parent.name for file in files]
    classes = tuple(sorted(set(names)))
    images = [decode(file.read_bytes(), MAX_PIXELS).image for file in files]
    photos = Photos(
        pixels=np.stack([canonical(image) for image in images]),
        labels=np.array([classes.index(name) for name in names]),
        groups=np.arange(len(files)),
        classes=classes,
    )
    return photos, [phash(to_small_grey(image)) for image in images]


def _grouped(photos: Photos, groups: np.ndarray) -> Photos:
    return Photos(photos.pixels, photos.labels, groups, photos.classes)
