"""The keys of a training spec with their defaults, values and meaning, for the API page and ``docs/training.md``.

``python -m workbench.training.spec_reference`` prints the table of the page.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from dataclasses import dataclass
from typing import Any

from workbench.training.spec import CHOICES, LIMITS, RECIPES, SCRATCH, WEIGHT_MODES, TrainingSpec

_ATTRIBUTE = re.compile(r"^    (\w+): (.+(?:\n {8}.+)*)", re.MULTILINE)
_OTHER_VALUES = {
    "class_weights": f"{', '.join(WEIGHT_MODES)}, or a weight for each class",
    "augmentation": "an object: see /preview_augmentation",
}


@dataclass(frozen=True)
class Key:
    """A key of a spec, in words.

    Attributes:
        name: As in the JSON form.
        default: The default of ``scratch``, then those of the recipes that differ.
        values: The allowed values.
        meaning: What it does.
    """

    name: str
    default: str
    values: str
    meaning: str


def keys() -> tuple[Key, ...]:
    """All keys, in the order of :class:`TrainingSpec`."""
    meanings = dict(_ATTRIBUTE.findall(inspect.getdoc(TrainingSpec) or ""))
    return tuple(
        Key(field.name, _default(field.name), _values(field.name), _one_line(meanings[field.name]))
        for field in dataclasses.fields(TrainingSpec)
    )


def as_text() -> str:
    """One line for each key, for the description of an endpoint."""
    return "\n".join(f"- {key.name} ({key.values}; default {key.default}): {key.meaning}" for key in keys())


def as_markdown() -> str:
    """A table with one row for each key."""
    rows = [f"| `{key.name}` | {key.values} | {key.default} | {key.meaning} |" for key in keys()]
    return "\n".join(["| Key | Values | Default | Meaning |", "|---|---|---|---|", *rows])


def _default(name: str) -> str:
    if name == "recipe":
        return "that of the page: instant where its weights are on this machine, else scratch"
    if name == "augmentation":
        return "that of the Augment tab at first"
    general = _shown(getattr(TrainingSpec.of(SCRATCH), name))
    others = [(recipe, _shown(getattr(TrainingSpec.of(recipe), name))) for recipe in RECIPES]
    differing = [f"{recipe} {value}" for recipe, value in others if value != general]
    return f"{general} ({', '.join(differing)})" if differing else general


def _values(name: str) -> str:
    if limit := LIMITS.get(name):
        return f"{'whole number' if limit.whole else 'number'} {limit.minimum:g} to {_shown(limit.maximum)}"
    return _OTHER_VALUES.get(name) or ", ".join(CHOICES[name])


def _shown(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, int | float) else str(value)


def _one_line(text: str) -> str:
    text = re.sub(r":(?:class|data|func):`[\w.]*?(\w+)`", r"\1", text)
    return re.sub(r"\s+", " ", text.replace("``", ""))


if __name__ == "__main__":
    print(as_markdown())
