"""Exported nets whose last layer is put in again: an export takes seconds, this takes milliseconds. Only the worker imports this.

A template is a net exported with a last layer of numbers drawn at random, which are found again in its files by their bytes.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import h5py
import numpy as np

from workbench.training.engine.export import KERAS_FILE, LITERT_FILE

MOST_TEMPLATES = 8
PART = ".part"
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


@dataclass(frozen=True)
class Template:
    """A template in a cache that many processes use at once; what one of them lacks it exports itself.

    Attributes:
        folder: Where it is kept; its parent holds all templates.
        export: Writes the files of the template into a folder.
    """

    folder: Path
    export: Callable[[Path], None]

    def fill(self, target: Path, layer: LastLayer) -> bool:
        """Write the files of the template with a last layer of its own into a folder.

        Returns:
            False where the export does not hold the last layer in a form that is known; the files are then of no use.
        """
        known = _filled(self.folder, target, layer) or self._exported(target, layer)
        _prune(self.folder.parent)
        return known

    def _exported(self, target: Path, layer: LastLayer) -> bool:
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        # Filled from the part: once it is in its place others may prune it.
        part = Path(tempfile.mkdtemp(PART, f"{self.folder.name}.{os.getpid()}.", self.folder.parent))
        try:
            self.export(part)
            if not _filled(part, target, layer):
                return False
            _discard(self.folder)
            with suppress(OSError):  # another process was faster: its template is as good
                part.rename(self.folder)
            return True
        finally:
            shutil.rmtree(part, ignore_errors=True)


def _discard(folder: Path) -> None:
    """Take a folder away whole, so that nobody finds a half of it."""
    aside = folder.with_name(f"{folder.name}.{os.getpid()}.{uuid4().hex}{PART}")
    with suppress(OSError):  # it is not there, or another process takes it away
        folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)


def _prune(root: Path) -> None:
    """Take away the templates that were used longest ago."""
    ages = []
    for folder in root.iterdir():
        with suppress(FileNotFoundError):  # another process took it away
            ages += [(folder.stat().st_mtime, folder)] if folder.suffix != PART else []
    for _, folder in sorted(ages)[:-MOST_TEMPLATES]:
        _discard(folder)


def _filled(source: Path, target: Path, layer: LastLayer) -> bool:
    marked = layer.marked()
    try:
        os.utime(source)
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
