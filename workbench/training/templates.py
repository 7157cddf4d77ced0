"""Exported nets whose last layer is put in again: an export takes seconds, this takes milliseconds. Only the worker imports this.

A template is a net exported with a last layer of numbers drawn at random, which are found again in its files by their bytes.
"""

from __future__ import annotations

import io
import os
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from workbench.training.export import KERAS_FILE, LITERT_FILE

MOST_TEMPLATES = 8
_WEIGHTS = "model.weights.h5"
_SEED = 20260


@dataclass(frozen=True)
class LastLayer:
    """Weights of the layer that answers: ``kernel`` is ``(features, classes) float32``, ``bias`` ``(classes,) float32``."""

    kernel: np.ndarray
    bias: np.ndarray

    def marked(self) -> LastLayer:
        """Numbers that stand for a last layer of this size in a template; the same for the same size."""
        random = np.random.default_rng(_SEED)
        drawn = (random.standard_normal(each.shape, np.float32) / 100 for each in (self.kernel, self.bias))
        return LastLayer(*drawn)


def template(folder: Path, export: Callable[[Path], None]) -> Path:
    """The folder of a template, exported where it is not there yet; those used longest ago are deleted.

    Args:
        folder: Where it is kept; its parent holds all templates.
        export: Writes the files of a template into a folder.
    """
    if not folder.is_dir():
        part = folder.with_name(f"{folder.name}.{os.getpid()}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        export(part)
        part.rename(folder)
    os.utime(folder)
    for old in sorted(folder.parent.iterdir(), key=_used)[:-MOST_TEMPLATES]:
        shutil.rmtree(old, ignore_errors=True)
    return folder


def filled(source: Path, target: Path, layer: LastLayer) -> bool:
    """Write the files of a template with its own last layer into a folder.

    Returns:
        False where the template does not hold the last layer in a form that is known, or is damaged; the files are then of no use.
    """
    marked = layer.marked()
    try:
        litert = _litert((source / LITERT_FILE).read_bytes(), marked, layer)
        (target / LITERT_FILE).write_bytes(litert)
        _keras(source / KERAS_FILE, target / KERAS_FILE, (marked, layer))
    except (LookupError, zipfile.BadZipFile, FileNotFoundError):
        return False
    return True


def _litert(content: bytes, marked: LastLayer, layer: LastLayer) -> bytes:
    for old, new in ((marked.kernel.T, layer.kernel.T), (marked.bias, layer.bias)):
        sought = np.ascontiguousarray(old).tobytes()
        if sought not in content:
            raise LookupError("the last layer is not in the file as it was exported")
        content = content.replace(sought, np.ascontiguousarray(new, np.float32).tobytes())
    return content


def _keras(source: Path, target: Path, layers: tuple[LastLayer, LastLayer]) -> None:
    with zipfile.ZipFile(source) as before, zipfile.ZipFile(target, "w") as after:
        for member in before.infolist():
            content = before.read(member)
            after.writestr(member, _weights(content, *layers) if member.filename == _WEIGHTS else content)


def _weights(content: bytes, marked: LastLayer, layer: LastLayer) -> bytes:
    file = io.BytesIO(content)
    with h5py.File(file, "r+") as store:
        for old, new in ((marked.kernel, layer.kernel), (marked.bias, layer.bias)):
            _dataset(store, old)[...] = new
    return file.getvalue()


def _dataset(store: h5py.File, sought: np.ndarray) -> h5py.Dataset:
    found: list[str] = []

    def look(name: str, each: object) -> None:
        if getattr(each, "shape", None) == sought.shape and np.array_equal(store[name][()], sought):
            found.append(name)

    store.visititems(look)
    if not found:
        raise LookupError("the last layer is not in the file as it was saved")
    return store[found[0]]


def _used(folder: Path) -> float:
    return folder.stat().st_mtime
