"""One model version, loaded for serving."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from storage.records import Version
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
    """A LiteRT interpreter; calls are serialised by a lock, since an interpreter is not thread-safe.

    Args:
        signature: Classes and resize mode of the version.
        file: Path of its ``.tflite`` file.
    """

    def __init__(self, signature: Signature, file: Path) -> None:
        self.signature = signature
        self._lock = threading.Lock()
        self._interpreter = Interpreter(model_path=str(file), num_threads=THREADS)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]
        self._output = self._interpreter.get_output_details()[0]

    def scores(self, picture: np.ndarray) -> dict[str, float]:
        """Probability of each class for a canonical picture ``(256, 256, 3) uint8``."""
        batch = picture[None].astype(self._input["dtype"])
        with self._lock:
            self._interpreter.set_tensor(self._input["index"], batch)
            self._interpreter.invoke()
            values = self._interpreter.get_tensor(self._output["index"])[0]
        return dict(zip(self.signature.classes, (float(value) for value in values), strict=True))
