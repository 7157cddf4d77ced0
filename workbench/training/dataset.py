"""A dataset folder: one memory-mapped array of all pictures, and a JSON manifest with their labels and splits."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workbench.core.errors import TrainingFailed
from workbench.imaging.decode import SIDE

PIXELS = "pixels.npy"
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Dataset:
    """A dataset folder opened for reading.

    Attributes:
        folder: Path of the dataset folder.
        pixels: ``(N, 256, 256, 3) uint8``, mapped from disk.
        labels: ``(N,) int64``, indices into ``classes``.
        image_ids: ``(N,) int64``.
        splits: ``(N,)`` strings: ``train`` or ``validation``; pictures with any other value are not used.
        groups: ``(N,) int64``, ids of near-duplicate groups; a group is never divided between splits.
        classes: Names of the classes.
        fit: How the pictures were resized to 256 x 256, a value of :data:`workbench.core.settings.FITS`.
        content_hash: Hash of the snapshot that the dataset was exported from.
    """

    folder: Path
    pixels: np.ndarray
    labels: np.ndarray
    image_ids: np.ndarray
    splits: np.ndarray
    groups: np.ndarray
    classes: tuple[str, ...]
    fit: str
    content_hash: str

    @classmethod
    def open(cls, folder: Path) -> Dataset:
        """Map the pictures and read the manifest.

        Raises:
            TrainingFailed: A file is missing or damaged, or array and manifest do not match.
        """
        try:
            pixels = np.load(folder / PIXELS, mmap_mode="r")
            manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
            dataset = cls(folder, pixels, **_columns(manifest))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TrainingFailed("The pictures of this run cannot be read; start the run again.") from error
        if pixels.shape != (len(dataset.labels), SIDE, SIDE, 3) or pixels.dtype != np.uint8:
            raise TrainingFailed("The pictures of this run do not fit its manifest; start the run again.")
        return dataset

    def indices(self, split: str) -> np.ndarray:
        """Indices ``(n,) int64`` of the pictures of a split (``train`` or ``validation``)."""
        return np.flatnonzero(self.splits == split)

    def counts(self, split: str) -> dict[str, int]:
        """Number of pictures of each class in a split."""
        class_counts = np.bincount(self.labels[self.indices(split)], minlength=len(self.classes))
        return {name: int(count) for name, count in zip(self.classes, class_counts, strict=True)}


def write_dataset(folder: Path, pictures: Iterable[np.ndarray], manifest: Mapping[str, Any]) -> None:
    """Write a dataset folder one picture at a time, in constant memory.

    The array is written with plain file writes, not through a memory map: on a full disk a write raises ``OSError``, while
    storing into an unallocated mapped page would kill the process with SIGBUS.

    Args:
        folder: Created if it does not exist.
        pictures: Each ``(256, 256, 3) uint8``, in the order of the manifest's items.
        manifest: ``content_hash``, ``fit``, ``classes`` and ``items``; an item has ``image_id``, ``sha256``, ``label``
            (an index into ``classes``), ``split`` (``train`` or ``validation``) and ``group``.

    Raises:
        ValueError: There are more or fewer pictures than items, or a picture has another shape or type.
        OSError: The folder cannot be written to, for example because the disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shape = (len(manifest["items"]), SIDE, SIDE, 3)
    header = {
        "descr": np.lib.format.dtype_to_descr(np.dtype(np.uint8)),
        "fortran_order": False,
        "shape": shape,
    }
    with (folder / PIXELS).open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for index, picture in zip(range(shape[0]), pictures, strict=True):
            if picture.shape != shape[1:] or picture.dtype != np.uint8:
                raise ValueError(f"picture {index} is {picture.shape} {picture.dtype}, not {shape[1:]} uint8")
            file.write(np.ascontiguousarray(picture).data)
        file.flush()
        os.fsync(file.fileno())
    (folder / MANIFEST).write_text(json.dumps(manifest), "utf-8")


def _columns(manifest: Mapping[str, Any]) -> dict[str, Any]:
    items = manifest["items"]
    return {
        "labels": np.array([item["label"] for item in items], dtype=np.int64),
        "image_ids": np.array([item["image_id"] for item in items], dtype=np.int64),
        "splits": np.array([item["split"] for item in items], dtype="U10"),
        "groups": np.array([item["group"] for item in items], dtype=np.int64),
        "classes": tuple(manifest["classes"]),
        "fit": manifest["fit"],
        "content_hash": manifest["content_hash"],
    }
