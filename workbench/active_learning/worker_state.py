"""What the worker remembers between two of its lives, and what the page shows of it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from storage.core.key_value import KeyValue

_STATE, _ASKED = "insight", "insight asked"


@dataclass
class WorkerState:
    """Where the work stands; only the worker writes it.

    Attributes:
        embedder: Name of what made the embeddings in use, empty before there are any.
        kind: Its kind.
        embedded: Pictures of the catalogue that have an embedding of it.
        unreadable: Pictures whose file could not be read.
        phase: What runs: ``embedding``, ``learning``, ``checking``, ``mapping`` or empty.
        learnt: Digest of what the suggestions were learnt from.
        labels: On how many labels.
        trained_at: When.
        accuracy: Of the head, out of fold; None where there is none.
        temperature: Of the head.
        checked: Digest of what the suspicions were found in.
        mapped: Digest of what the map was drawn from.
        landmarks: How many pictures the map was last drawn anew for.
        done: Stamp of the catalogue for which everything is done.
        asked: The last request to do everything anew that was fulfilled.
        failed: Names of embeddings that cannot be made here, with the reason.
    """

    embedder: str = ""
    kind: str = ""
    embedded: int = 0
    unreadable: int = 0
    phase: str = ""
    learnt: str = ""
    labels: int = 0
    trained_at: str = ""
    accuracy: float | None = None
    temperature: float = 1.0
    checked: str = ""
    mapped: str = ""
    landmarks: int = 0
    done: str = ""
    asked: int = 0
    failed: dict[str, str] = field(default_factory=dict)


def read(preferences: KeyValue) -> WorkerState:
    """The state as last written."""
    stored: dict[str, Any] = preferences.get(_STATE, {})
    known = {each.name for each in dataclasses.fields(WorkerState)}
    return WorkerState(**{name: value for name, value in stored.items() if name in known})


def write(preferences: KeyValue, state: WorkerState) -> None:
    """Write the state."""
    preferences.set(_STATE, dataclasses.asdict(state))


def asked(preferences: KeyValue) -> int:
    """How often it was asked that everything be done anew."""
    return int(preferences.get(_ASKED, 0))


def ask(preferences: KeyValue) -> None:
    """Ask that everything be done anew."""
    preferences.set(_ASKED, asked(preferences) + 1)
