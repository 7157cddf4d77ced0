"""Device distribution and numeric precision of training. Imported by the worker process only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from workbench.training.engine.ensemble import leaf_layers
from workbench.training.spec import TrainingSpec

FULL, HALF = "float32", "mixed_bfloat16"
_GPU_GENERATION = (
    8,
    0,
)  # compute capability from which GPUs support bfloat16 (Ampere), which needs no loss scaling
_CPU_FLAGS = {"avx512_bf16", "amx_bf16"}


def strategy() -> tf.distribute.Strategy:
    """Data parallelism over all GPUs if the machine has several, else the default strategy with one device."""
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if len(devices) < 2:
        return tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def policy(spec: TrainingSpec) -> str:
    """Keras dtype policy of training steps; weights, evaluation and the served net stay ``float32``.

    ``auto`` uses 16 bits on a GPU only: on a CPU the gain is small.
    """
    half_wanted = spec.precision == "mixed" or (spec.precision == "auto" and _gpus())
    return HALF if half_wanted and _supports_bfloat16() else FULL


class MixedPrecision(keras.callbacks.Callback):  # type: ignore[misc]
    """Applies a dtype policy to all layers but the last during training steps. Must come before all other callbacks.

    The training step is traced once, with the policy set. After the first step the original policies are restored, so that
    evaluation and export use full precision.
    """

    def __init__(self, policy: str) -> None:
        """Create the callback for a dtype policy."""
        super().__init__()
        self._policy = policy
        self._original_policies: list[tuple[keras.Layer, keras.DTypePolicy]] = []

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Set the policy; the dtype of the variables does not change."""
        hidden_layers = [layer for layer in leaf_layers(self.model) if layer is not self.model.layers[-1]]
        self._original_policies = [(layer, layer.dtype_policy) for layer in hidden_layers]
        for layer in hidden_layers:
            layer.dtype_policy = self._policy

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Restore the original policies."""
        for layer, policy in self._original_policies:
            layer.dtype_policy = policy
        self._original_policies = []


def _gpus() -> list[tf.config.PhysicalDevice]:
    return list(tf.config.list_physical_devices("GPU"))


def _supports_bfloat16() -> bool:
    gpus = _gpus()
    if gpus:
        details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
        return all(detail.get("compute_capability", (0, 0)) >= _GPU_GENERATION for detail in details)
    flags = Path("/proc/cpuinfo")
    return flags.is_file() and bool(_CPU_FLAGS & set(flags.read_text("utf-8", "replace").split()))
