"""Persistent state of the active-learning worker, also read by the UI."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from storage.core.key_value import KeyValue

_STATE, _ASKED = "insight", "insight asked"


@dataclass
class WorkerState:
    """State of the work; written by the worker only.

    Attributes:
        embedder: Name of the embedder in use, empty before there is one.
        kind: Kind of the embedder.
        embedded: Number of pictures in the catalogue that have an embedding by it.
        unreadable: Number of pictures whose file could not be read.
        phase: Current phase: ``embedding``, ``learning``, ``checking``, ``mapping`` or empty.
        learnt: Digest of the data that the head was last fitted on.
        labels: Number of labels in it.
        trained_at: Time of the fit, ISO 8601.
        accuracy: Out-of-fold accuracy of the head; None if it cannot be estimated.
        temperature: Temperature of the head.
        checked: Digest of the data last checked for label errors.
        mapped: Digest of the data of the last projection.
        landmarks: Number of pictures when the projection was last computed anew.
        done: Stamp of the catalogue state for which all work is done.
        asked: Number of the last refresh request that was fulfilled.
        failed: Names of embedders that cannot be used here, with the reason.
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
    """Read the state; unknown fields of other versions are ignored."""
    stored: dict[str, Any] = preferences.get(_STATE, {})
    names = {field_info.name for field_info in dataclasses.fields(WorkerState)}
    return WorkerState(**{name: value for name, value in stored.items() if name in names})


def write(preferences: KeyValue, state: WorkerState) -> None:
    """Write the state."""
    preferences.set(_STATE, dataclasses.asdict(state))


def asked(preferences: KeyValue) -> int:
    """Number of refresh requests so far."""
    return int(preferences.get(_ASKED, 0))


def request_refresh(preferences: KeyValue) -> None:
    """Request a refresh: everything is computed anew."""
    preferences.set(_ASKED, asked(preferences) + 1)
