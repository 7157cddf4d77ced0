"""Selection of the embedder: the best one available."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from workbench.backbones.definitions import BACKBONES
from workbench.backbones.weights import weights_state
from workbench.core.settings import Settings
from workbench.stores import Stores

BACKBONE = BACKBONES["mobilenet_v2"]
KERAS_FILE = "model.keras"
Embed = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class EmbedderChoice:
    """An available embedder.

    Attributes:
        name: Identifies the embedder; differs whenever the vectors would differ.
        kind: ``backbone``, ``version`` or ``built-in``.
        fit: How pictures are resized to the square input.
        source: The weights file or the version's name; empty for the built-in one.
    """

    name: str
    kind: str
    fit: str
    source: str = ""


def available_embedders(stores: Stores, settings: Settings) -> list[EmbedderChoice]:
    """The available embedders, best first.

    On real photos a head on a backbone is far more accurate than one on the built-in embedding. The production model is used only
    if the settings request it: trained from scratch on a few hundred photos it was no better than the built-in embedding, and
    since it was trained on the labels that are checked, it hides label errors.
    """
    available = [*_backbone(settings), *_version(stores)]
    available.append(EmbedderChoice(_name("built-in 1", settings.fit), "built-in", settings.fit))
    order = (settings.embeddings, "backbone", "built-in")
    return [choice for kind in dict.fromkeys(order) for choice in available if choice.kind == kind]


def best_available(available: list[EmbedderChoice], failed: Mapping[str, str]) -> EmbedderChoice:
    """The first embedder that has not failed; the last one, which is built in, is the fallback."""
    return next((choice for choice in available if choice.name not in failed), available[-1])


def _backbone(settings: Settings) -> list[EmbedderChoice]:
    state = weights_state(BACKBONE, settings.weights or settings.data / "weights")
    if not state.path.is_file():
        return []
    # A damaged file is included: loading it produces the error message for the user.
    name = f"mobilenet-v2 {(state.sha256 or 'damaged')[:12]}"
    return [EmbedderChoice(_name(name, settings.fit), "backbone", settings.fit, str(state.path))]


def _version(stores: Stores) -> list[EmbedderChoice]:
    version = stores.registry.production()
    if version is None:
        return []
    name = f"{version.name} {version.manifest_sha256[:12]}"
    return [EmbedderChoice(name, "version", version.manifest["fit"], version.name)]


def _name(text: str, fit: str) -> str:
    return text if fit == Settings.fit else f"{text} {fit}"
