"""The real photos as embeddings, by what the product would use: a backbone where its weights are there, the built-in one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tests.benchmarks.photos import MAX_PIXELS, load_photos
from workbench.active_learning.embedders import BACKBONE, Embed
from workbench.active_learning.hog_embedding import hog_embeddings
from workbench.imaging.decode import canonical, decode, to_small_grey
from workbench.imaging.phash import groups, phash

BATCH = 32


@dataclass(frozen=True)
class Embedded:
    """``vectors`` is ``(N, dimensions)``; ``labels`` and ``groups`` are ``(N,)``."""

    photos: str
    embedding: str
    vectors: np.ndarray
    labels: np.ndarray
    groups: np.ndarray


def bottles(data: Path) -> Iterator[Embedded]:
    """The bottles by each embedding."""
    photos = load_photos(data)
    for name, embed in embeddings(data):
        yield Embedded("bottles", name, _vectors(embed, photos.pixels), photos.labels, photos.groups)


def fruit(data: Path) -> Iterator[Embedded]:
    """The fruit by each embedding; near-duplicates by perceptual hash are groups."""
    files = sorted(file for file in (data / "grocery-fruit").glob("*/*") if file.is_file())
    if not files:
        return
    pixels = np.stack([canonical(decode(file.read_bytes(), MAX_PIXELS).image) for file in files])
    labels = np.unique([file.parent.name for file in files], return_inverse=True)[1]
    group = groups([phash(to_small_grey(Image.fromarray(pixel))) for pixel in pixels])
    for name, embed in embeddings(data):
        yield Embedded("fruit", name, _vectors(embed, pixels), labels, group)


def embeddings(data: Path) -> Iterator[tuple[str, Embed]]:
    """What there is, the best first. Weights are looked for in ``WORKBENCH_WEIGHTS`` and in ``weights`` beside the data."""
    for folder in (os.environ.get("WORKBENCH_WEIGHTS"), data / "weights", data.parent / "weights"):
        if folder and (Path(folder) / BACKBONE.weights_file).is_file():
            from workbench.training.engine import embedding as engine_embedding

            yield "MobileNetV2", engine_embedding.backbone_embedder(Path(folder) / BACKBONE.weights_file)
            break
    yield "built-in", hog_embeddings


def _vectors(embed: Embed, pixels: np.ndarray) -> np.ndarray:
    parts = [embed(pixels[start : start + BATCH]) for start in range(0, len(pixels), BATCH)]
    # As the product keeps them.
    return np.concatenate(parts).astype(np.float16).astype(np.float32)
