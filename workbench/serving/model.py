"""One model version, loaded for serving."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from storage.records import Version
from workbench.core.litert import LiteRtRunner
from workbench.core.machine import cores

THREADS = min(2, cores())


@dataclass(frozen=True)
class Signature:
    """Version, classes and resize mode of a model."""

    number: int
    name: str
    classes: tuple[str, ...]
    fit: str

    @classmethod
    def of(cls, version: Version) -> Signature:
        """Read from the version's manifest."""
        return cls(version.number, version.name, tuple(version.manifest["classes"]), version.manifest["fit"])


class ServedModel:
    """A loaded model; calls are serialised by a lock, since a LiteRT interpreter is not thread-safe.

    Args:
        signature: Classes and resize mode of the version.
        file: Path of its ``.tflite`` file.
    """

    def __init__(self, signature: Signature, file: Path) -> None:
        self.signature = signature
        self._lock = threading.Lock()
        self._runner = LiteRtRunner(file, THREADS)

    def scores(self, picture: np.ndarray) -> dict[str, float]:
        """Probability of each class for a canonical picture ``(256, 256, 3) uint8``."""
        with self._lock:
            values = self._runner.probabilities(picture)
        return dict(zip(self.signature.classes, (float(value) for value in values), strict=True))
