"""Picture files and zips made for tests."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image


def picture(seed: int, size: tuple[int, int] = (120, 160), kind: str = "JPEG") -> bytes:
    """A picture file; other seeds look different, also to a perceptual hash."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (6, 5, 3), dtype=np.uint8))
    buffer = BytesIO()
    coarse.resize(size, Image.Resampling.BICUBIC).save(buffer, kind)
    return buffer.getvalue()


def shaded(level: float, seed: int) -> bytes:
    """A picture whose upper part, up to ``level``, is light and whose lower part is dark: easy to learn."""
    random = np.random.default_rng(seed)
    rows = np.linspace(0, 1, 160)[:, None, None]
    pixels = np.where(rows < level, 220, 40) + random.integers(-40, 40, (8, 6, 1)).repeat(20, 0).repeat(20, 1)
    buffer = BytesIO()
    Image.fromarray(np.clip(np.broadcast_to(pixels, (160, 120, 3)), 0, 255).astype(np.uint8)).save(
        buffer, "PNG"
    )
    return buffer.getvalue()


def write_zip(path: Path, entries: dict[str, bytes]) -> Path:
    """A zip of named files."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return path


def class_zip(path: Path, per_class: int = 12) -> Path:
    """A zip with the class folders ``Low`` and ``High``."""
    entries = {}
    for index in range(per_class):
        entries[f"Low/low-{index:02}.png"] = shaded(0.7, 2 * index)
        entries[f"High/high-{index:02}.png"] = shaded(0.3, 2 * index + 1)
    return write_zip(path, entries)
