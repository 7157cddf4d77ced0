"""On-disk cache of the activations of a frozen backbone. Imports no TensorFlow."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from storage.core.errors import DiskFull, is_disk_full
from workbench.imaging.augmentation import Augmentation, augment
from workbench.training.dataset import Dataset

log = logging.getLogger("features")
MIRRORED = -1
MOST_BYTES = 4 * 1024**3
SPARE_BYTES = 64 * 1024**2
_BATCH = 32
_CHECK_BYTES = 4
_SUFFIX = ".feature"

ProgressCallback = Callable[[int, int], None]


@dataclass(frozen=True)
class FrozenBackbone:
    """The frozen part of a net.

    Attributes:
        name: Cache key: identifies backbone, weights, layer and everything else that affects the activations.
        shape: Shape of the activations of one picture.
        dtype: Storage dtype, ``float16`` or ``float32``.
        run: Maps ``(n, 256, 256, 3) uint8`` to ``(n, *shape)``.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    run: Callable[[np.ndarray], np.ndarray]

    @property
    def feature_bytes(self) -> int:
        """Size of the activations of one picture in bytes."""
        return int(np.prod(self.shape)) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True)
class Views:
    """Views of each picture: the original, its mirror image, or augmented variants.

    Attributes:
        numbers: 0 is the picture itself, ``MIRRORED`` its mirror image, ``k >= 1`` the augmented variant of epoch ``k``.
        augmentation: Augmentation of the variants.
        seed: Random seed of the variants.
    """

    numbers: tuple[int, ...]
    augmentation: Augmentation
    seed: int

    def picture(self, pixels: np.ndarray, image_id: int, number: int) -> np.ndarray:
        """One view of a picture, ``(256, 256, 3) uint8``."""
        if number == 0:
            return pixels
        if number == MIRRORED:
            return np.ascontiguousarray(pixels[:, ::-1])
        return augment(pixels, self.augmentation, (self.seed, number, image_id))

    def key(self, content: str, image_id: int, number: int) -> str:
        """Cache key of a view of a picture; ``content`` is the SHA-256 of its pixels."""
        variant_parts = [self.seed, image_id, self.augmentation.to_dict()] if number > 0 else []
        return hashlib.sha256(
            json.dumps([content, number, *variant_parts], sort_keys=True).encode()
        ).hexdigest()


class FeatureCache:
    """Stores the activations of each view of a picture in a file with a CRC-32 checksum."""

    def __init__(self, folder: Path, backbone: FrozenBackbone) -> None:
        """Cache the activations of a backbone below a folder, which is created if it does not exist."""
        name = f"{backbone.name} {backbone.dtype}"
        self._folder = folder / hashlib.sha256(name.encode()).hexdigest()[:16]
        self._bytes = backbone.feature_bytes

    def read(self, key: str) -> bytes | None:
        """Read the activations of a key; None if there are none or the file is damaged."""
        file = self._file(key)
        try:
            content = file.read_bytes()
        except FileNotFoundError:
            return None
        data, checksum = content[:-_CHECK_BYTES], content[-_CHECK_BYTES:]
        if len(data) != self._bytes or _checksum(data) != checksum:
            log.warning("a cached feature file is damaged and is computed again: %s", file.name)
            return None
        with suppress(FileNotFoundError):  # another run pruned it: the data read is complete
            os.utime(file)
        return data

    def write(self, key: str, data: bytes) -> None:
        """Write the activations of a key atomically; on a full disk they are not stored."""
        file = self._file(key)
        part = file.with_suffix(f".{os.getpid()}.part")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data + _checksum(data))
            part.replace(file)
        except OSError as error:
            if not is_disk_full(error):
                raise
            part.unlink(missing_ok=True)
            log.warning("the disk is full: features are not kept for later runs")

    def _file(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key[2:34]}{_SUFFIX}"


def prune(folder: Path, most_bytes: int = MOST_BYTES) -> None:
    """Delete the least recently used features until a folder holds at most ``most_bytes``."""
    files = [(status.st_mtime_ns, status.st_size, path) for path, status in _files(folder)]
    total_bytes = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total_bytes <= most_bytes:
            return
        path.unlink(missing_ok=True)
        total_bytes -= size


@dataclass(frozen=True)
class FeatureRequest:
    """The activations that a run needs: those of ``views`` of the pictures at ``indices`` of a dataset."""

    dataset: Dataset
    indices: np.ndarray
    views: Views

    def __len__(self) -> int:
        return len(self.indices) * len(self.views.numbers)

    def keys(self) -> list[str]:
        """Cache keys, one per view of each picture; the views of a picture are consecutive."""
        view_keys = []
        for index in self.indices:
            content = hashlib.sha256(self.dataset.pixels[index].tobytes()).hexdigest()
            image_id = int(self.dataset.image_ids[index])
            view_keys += [self.views.key(content, image_id, number) for number in self.views.numbers]
        return view_keys

    def picture(self, position: int) -> np.ndarray:
        """The view at ``position`` in :meth:`keys`, ``(256, 256, 3) uint8``."""
        row, number = divmod(position, len(self.views.numbers))
        index = self.indices[row]
        image_id = int(self.dataset.image_ids[index])
        return self.views.picture(self.dataset.pixels[index], image_id, self.views.numbers[number])


def load_or_compute_features(
    request: FeatureRequest, backbone: FrozenBackbone, folder: Path, on_progress: ProgressCallback
) -> np.ndarray:
    """Load the activations of views of pictures from the cache, and compute and cache those that are missing.

    The result is memory-mapped from an unnamed temporary file, so that it takes no main memory and does not depend on later
    deletions from the cache.

    Args:
        request: The views.
        backbone: Computes missing activations.
        folder: Cache folder; created if it does not exist.
        on_progress: Called with the number of available views and of all views; an exception it raises is propagated.

    Returns:
        Read-only array ``(pictures, views, *backbone.shape)`` of the backbone's dtype.

    Raises:
        DiskFull: There is not enough free disk space.
        OSError: A file cannot be written, for example because the disk became full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(folder).free < len(request) * backbone.feature_bytes + SPARE_BYTES:
        raise DiskFull
    cache = FeatureCache(folder, backbone)
    keys = request.keys()
    with tempfile.TemporaryFile(dir=folder) as file:
        missing = [
            position for position, key in enumerate(keys) if not _copy_from_cache(cache, file, position, key)
        ]
        for start in range(0, len(missing), _BATCH):
            on_progress(len(keys) - len(missing) + start, len(keys))
            batch = missing[start : start + _BATCH]
            activations = backbone.run(np.stack([request.picture(position) for position in batch])).astype(
                backbone.dtype
            )
            for position, values in zip(batch, activations, strict=True):
                cache.write(keys[position], values.tobytes())
                _write_at(file, position, values.tobytes())
        on_progress(len(keys), len(keys))
        file.flush()
        shape = (len(request.indices), len(request.views.numbers), *backbone.shape)
        return np.memmap(file, backbone.dtype, "r", shape=shape)


def _copy_from_cache(cache: FeatureCache, file: IO[bytes], position: int, key: str) -> bool:
    data = cache.read(key)
    if data is not None:
        _write_at(file, position, data)
    return data is not None


def _write_at(file: IO[bytes], position: int, data: bytes) -> None:
    file.seek(position * len(data))
    file.write(data)


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for path in folder.rglob(f"*{_SUFFIX}"):
        try:
            yield path, path.stat()
        except FileNotFoundError:
            continue


def _checksum(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(_CHECK_BYTES, "little")
