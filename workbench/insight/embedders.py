"""Which embedding is used: the best that is there."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.settings import Settings
from workbench.stores import Stores

BACKBONE_FILE = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
"""The name under which Keras itself keeps these weights."""
KERAS_FILE = "model.keras"
Embed = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Choice:
    """An embedding that could be used.

    Attributes:
        name: Says what makes it, and changes with whatever would change a vector.
        kind: ``backbone``, ``version`` or ``built-in``.
        fit: How pictures are brought to the square.
        source: The weights file or the version's name; empty for the built-in one.
    """

    name: str
    kind: str
    fit: str
    source: str = ""


def choices(stores: Stores, settings: Settings) -> list[Choice]:
    """What could be used here, best first.

    On real photos a backbone gives the best head. A production model comes next: it knows what matters, but it was
    trained on the very labels that it is to check.
    """
    found = []
    weights = (settings.weights or settings.data / "weights") / BACKBONE_FILE
    if weights.is_file():
        status = weights.stat()
        digest = _file_hash(weights, status.st_size, status.st_mtime_ns)
        found.append(
            Choice(_name(f"mobilenet-v2 {digest[:12]}", settings.fit), "backbone", settings.fit, str(weights))
        )
    version = stores.registry.production()
    if version is not None:
        name = f"{version.name} {version.manifest_sha256[:12]}"
        found.append(Choice(name, "version", version.manifest["fit"], version.name))
    found.append(Choice(_name("built-in 1", settings.fit), "built-in", settings.fit))
    return found


def best(found: list[Choice], failed: Mapping[str, str]) -> Choice:
    """The first that has not failed here; the built-in one cannot."""
    return next((each for each in found if each.name not in failed), found[-1])


def _name(text: str, fit: str) -> str:
    return text if fit == Settings.fit else f"{text} {fit}"


@functools.lru_cache(maxsize=4)
def _file_hash(file: Path, _size: int, _changed: int) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
