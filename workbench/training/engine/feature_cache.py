"""Activations of pictures, computed once and kept on disk for later runs. Imports no TensorFlow."""

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

Told = Callable[[int, int], None]


@dataclass(frozen=True)
class FrozenBackbone:
    """The part of a net that stays as it is.

    Attributes:
        name: Says what makes the activations: backbone, weights and layer; whatever would change them changes it.
        shape: Of the activations of one picture.
        dtype: What they are kept as, ``float16`` or ``float32``.
        run: Takes ``(n, 256, 256, 3) uint8`` and gives ``(n, *shape)``.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    run: Callable[[np.ndarray], np.ndarray]

    @property
    def bytes(self) -> int:
        """Size of the activations of one picture."""
        return int(np.prod(self.shape)) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True)
class Views:
    """Which views of each picture are wanted.

    Attributes:
        numbers: 0 is the picture itself, ``MIRRORED`` its mirror image, ``k`` from 1 the variant that training shows in epoch ``k``.
        augmentation: How variants are made.
        seed: Of the variants.
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
        """What tells this view of a picture from all others; ``content`` is the SHA-256 of its pixels."""
        varied = [self.seed, image_id, self.augmentation.to_dict()] if number > 0 else []
        return hashlib.sha256(json.dumps([content, number, *varied], sort_keys=True).encode()).hexdigest()


class FeatureCache:
    """A file of numbers for each view of a picture, with a checksum."""

    def __init__(self, folder: Path, trunk: FrozenBackbone) -> None:
        """Keep the activations of a trunk below a folder; the folder is made if it is not there."""
        name = f"{trunk.name} {trunk.dtype}"
        self._folder = folder / hashlib.sha256(name.encode()).hexdigest()[:16]
        self._bytes = trunk.bytes

    def read(self, key: str) -> bytes | None:
        """The numbers under a key; None where there are none or the file is damaged."""
        file = self._file(key)
        try:
            found = file.read_bytes()
        except FileNotFoundError:
            return None
        data, check = found[:-_CHECK_BYTES], found[-_CHECK_BYTES:]
        if len(data) != self._bytes or _check(data) != check:
            log.warning("a cached feature file is damaged and is computed again: %s", file.name)
            return None
        with suppress(FileNotFoundError):  # another run pruned it: what was read is whole
            os.utime(file)
        return data

    def write(self, key: str, data: bytes) -> None:
        """Keep numbers under a key; a reader sees all of them or none. Where the disk is full they are not kept."""
        file = self._file(key)
        part = file.with_suffix(f".{os.getpid()}.part")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data + _check(data))
            part.replace(file)
        except OSError as error:
            if not is_disk_full(error):
                raise
            part.unlink(missing_ok=True)
            log.warning("the disk is full: features are not kept for later runs")

    def _file(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key[2:34]}{_SUFFIX}"


def prune(folder: Path, most_bytes: int = MOST_BYTES) -> None:
    """Delete the features that were not used for longest until a folder holds at most so many bytes."""
    found = [(status.st_mtime_ns, status.st_size, path) for path, status in _files(folder)]
    held = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if held <= most_bytes:
            return
        path.unlink(missing_ok=True)
        held -= size


@dataclass(frozen=True)
class FeatureRequest:
    """Which activations a run needs: those of ``views`` of the pictures at ``indices`` of a dataset."""

    dataset: Dataset
    indices: np.ndarray
    views: Views

    def __len__(self) -> int:
        return len(self.indices) * len(self.views.numbers)

    def keys(self) -> list[str]:
        """One for each view of each picture, the views of a picture side by side."""
        found = []
        for index in self.indices:
            content = hashlib.sha256(self.dataset.pixels[index].tobytes()).hexdigest()
            image_id = int(self.dataset.image_ids[index])
            found += [self.views.key(content, image_id, number) for number in self.views.numbers]
        return found

    def picture(self, place: int) -> np.ndarray:
        """The picture that a key stands for, ``(256, 256, 3) uint8``."""
        slot, number = divmod(place, len(self.views.numbers))
        index = self.indices[slot]
        image_id = int(self.dataset.image_ids[index])
        return self.views.picture(self.dataset.pixels[index], image_id, self.views.numbers[number])


def gather(wanted: FeatureRequest, trunk: FrozenBackbone, folder: Path, told: Told) -> np.ndarray:
    """Activations of views of pictures: read where they are kept, computed and kept where they are not.

    They come in a file of their own, mapped and without a name, so that neither memory nor a later deletion matters.

    Args:
        wanted: The views.
        trunk: Computes what is missing.
        folder: Keeps activations for later runs; made if it is not there.
        told: Called with views that are there and views in all; what it raises ends the work.

    Returns:
        ``(pictures, views, *trunk.shape)`` of the trunk's type, not to be written to.

    Raises:
        DiskFull: There is no room for them.
        OSError: The disk is full, among others.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(folder).free < len(wanted) * trunk.bytes + SPARE_BYTES:
        raise DiskFull
    cache = FeatureCache(folder, trunk)
    keys = wanted.keys()
    with tempfile.TemporaryFile(dir=folder) as file:
        missing = [place for place, key in enumerate(keys) if not _copied(cache, file, place, key)]
        for start in range(0, len(missing), _BATCH):
            told(len(keys) - len(missing) + start, len(keys))
            batch = missing[start : start + _BATCH]
            answers = trunk.run(np.stack([wanted.picture(place) for place in batch])).astype(trunk.dtype)
            for place, answer in zip(batch, answers, strict=True):
                cache.write(keys[place], answer.tobytes())
                _put(file, place, answer.tobytes())
        told(len(keys), len(keys))
        file.flush()
        shape = (len(wanted.indices), len(wanted.views.numbers), *trunk.shape)
        return np.memmap(file, trunk.dtype, "r", shape=shape)


def _copied(cache: FeatureCache, file: IO[bytes], place: int, key: str) -> bool:
    data = cache.read(key)
    if data is not None:
        _put(file, place, data)
    return data is not None


def _put(file: IO[bytes], place: int, data: bytes) -> None:
    file.seek(place * len(data))
    file.write(data)


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for path in folder.rglob(f"*{_SUFFIX}"):
        try:
            yield path, path.stat()
        except FileNotFoundError:
            continue


def _check(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(_CHECK_BYTES, "little")
