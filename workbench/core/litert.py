"""Runs an image classifier from a LiteRT file."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter


class LiteRtRunner:
    """A loaded ``.tflite`` classifier. Its calls are serialised by a lock, since the interpreter is not thread-safe.

    Args:
        file: The ``.tflite`` file.
        threads: How many threads one call may use.

    Raises:
        ValueError: The file is no LiteRT model.
    """

    def __init__(self, file: Path, threads: int) -> None:
        self._lock = threading.Lock()
        self._interpreter = Interpreter(model_path=str(file), num_threads=threads)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]
        self._output = self._interpreter.get_output_details()[0]

    def probabilities(self, picture: np.ndarray) -> np.ndarray:
        """Class probabilities ``(classes,) float32`` of a picture ``(256, 256, 3) uint8``."""
        batch = picture[None].astype(self._input["dtype"])
        with self._lock:
            self._interpreter.set_tensor(self._input["index"], batch)
            self._interpreter.invoke()
            probabilities: np.ndarray = self._interpreter.get_tensor(self._output["index"])[0]
        return probabilities
