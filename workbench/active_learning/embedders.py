"""Which embedding is used: the best that is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from workbench.core.settings import Settings
from workbench.pretrained.backbones import BACKBONES
from workbench.pretrained.weights import weights_state
from workbench.stores import Stores

BACKBONE = BACKBONES["mobilenet_v2"]
KERAS_FILE = "model.keras"
Embed = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class EmbedderChoice:
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


def choices(stores: Stores, settings: Settings) -> list[EmbedderChoice]:
    """What could be used here, best first.

    On real photos a head on a backbone is right far more often than one on the built-in embedding. The production model
    comes only where the settings ask for it: trained from scratch on a few hundred photos it was no better than the
    built-in one, and having learnt the very labels that it is to check, it hides the wrong ones among them.
    """
    found = [*_backbone(settings), *_version(stores)]
    found.append(EmbedderChoice(_name("built-in 1", settings.fit), "built-in", settings.fit))
    order = (settings.embeddings, "backbone", "built-in")
    return [each for kind in dict.fromkeys(order) for each in found if each.kind == kind]


def best(found: list[EmbedderChoice], failed: Mapping[str, str]) -> EmbedderChoice:
    """The first that has not failed here; the built-in one cannot."""
    return next((each for each in found if each.name not in failed), found[-1])


def _backbone(settings: Settings) -> list[EmbedderChoice]:
    state = weights_state(BACKBONE, settings.weights or settings.data / "weights")
    if not state.path.is_file():
        return []
    # A damaged file is offered too: trying it is how one hears of it.
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
