"""The real photos, brought to 256 x 256 by the product's own picture contract, with the groups that never cross a split."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from workbench.pictures import canonical, decode

MAX_PIXELS = 100_000_000


@dataclass(frozen=True)
class Photos:
    """``pixels`` is ``(N, 256, 256, 3) uint8``; ``labels`` are positions in ``classes``."""

    pixels: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    classes: tuple[str, ...]


def load_photos(data: Path) -> Photos:
    """Read ``water-bottles`` and ``water-bottles.groups.csv`` from a folder."""
    with (data / "water-bottles.groups.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    names = [row["file"].split("/")[0] for row in rows]
    classes = tuple(sorted(set(names)))
    files = [data / "water-bottles" / row["file"] for row in rows]
    return Photos(
        pixels=np.stack([canonical(decode(file.read_bytes(), MAX_PIXELS).image) for file in files]),
        labels=np.array([classes.index(name) for name in names]),
        groups=np.array([int(row["group"]) for row in rows]),
        classes=classes,
    )


def grouped_folds(
    photos: Photos, chosen: np.ndarray, folds: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pairs of positions (rest, fold) among ``chosen``: stratified by class, no group on both sides."""
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    pairs = splitter.split(chosen, photos.labels[chosen], photos.groups[chosen])
    return [(chosen[rest], chosen[fold]) for rest, fold in pairs]
