"""Short descriptions of training specs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.backbones.definitions import BACKBONES
from workbench.training.spec import BEST, FINE_TUNE, INSTANT, SCRATCH

RECIPE_NAMES: Mapping[str, str] = {
    INSTANT: "instant",
    FINE_TUNE: "fine-tune",
    BEST: "best in minutes",
    SCRATCH: "from scratch",
}


def spec_text(spec: Mapping[str, Any]) -> str:
    """A short description of a spec's recipe and backbone."""
    recipe = spec.get("recipe", SCRATCH)
    label = BACKBONES[spec["architecture"]].label
    if recipe == BEST:
        minutes = spec["max_minutes"]
        return f"best {f'in {minutes_text(minutes)}' if minutes else 'without a limit of time'}, {label}"
    return f"{RECIPE_NAMES[recipe]}, {label}"


def minutes_text(minutes: float) -> str:
    """``1 minute``, ``2.5 minutes``."""
    return f"{minutes:g} minute{'' if minutes == 1 else 's'}"
