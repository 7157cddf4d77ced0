"""What a run computes on, and in how many bits. Only the worker imports this."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from workbench.training.engine.ensemble import leaves
from workbench.training.spec import TrainingSpec

FULL, HALF = "float32", "mixed_bfloat16"
_GPU_GENERATION = (8, 0)  # from Ampere on a GPU computes with bfloat16, which needs no scaling of the loss
_CPU_FLAGS = {"avx512_bf16", "amx_bf16"}


def strategy() -> tf.distribute.Strategy:
    """All GPUs of the machine at once where it has several, each with its part of every batch; else the one device there is."""
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if len(devices) < 2:
        return tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def policy(spec: TrainingSpec) -> str:
    """The Keras policy that training steps are computed with; weights, judging and what is served stay ``float32``.

    ``auto`` takes 16 bits on a GPU only: on a CPU little is gained, and full precision is the reference there.
    """
    wanted = spec.precision == "mixed" or (spec.precision == "auto" and _gpus())
    return HALF if wanted and _computes_halves() else FULL


class MixedPrecision(keras.callbacks.Callback):  # type: ignore[misc]
    """Lets the layers of a net, but for the last one, compute training steps with a policy. Comes before all other callbacks.

    The first step is traced with the policy and every later one runs as it was traced, so that after the first step the
    layers are as before for whoever else calls them.
    """

    def __init__(self, policy: str) -> None:
        """Compute with a policy."""
        super().__init__()
        self._policy = policy
        self._before: list[tuple[keras.Layer, keras.DTypePolicy]] = []

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Set the policy; the variables stay as they are."""
        inner = [layer for layer in leaves(self.model) if layer is not self.model.layers[-1]]
        self._before = [(layer, layer.dtype_policy) for layer in inner]
        for layer in inner:
            layer.dtype_policy = self._policy

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Put the layers back."""
        for layer, policy in self._before:
            layer.dtype_policy = policy
        self._before = []


def _gpus() -> list[tf.config.PhysicalDevice]:
    return list(tf.config.list_physical_devices("GPU"))


def _computes_halves() -> bool:
    gpus = _gpus()
    if gpus:
        details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
        return all(detail.get("compute_capability", (0, 0)) >= _GPU_GENERATION for detail in details)
    flags = Path("/proc/cpuinfo")
    return flags.is_file() and bool(_CPU_FLAGS & set(flags.read_text("utf-8", "replace").split()))
