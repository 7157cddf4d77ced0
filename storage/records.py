"""Rows and pages as frozen dataclasses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

FLAGS = ("too small", "blurred", "dark", "bright", "uniform", "odd aspect", "transparent", "grayscale")
"""Quality flags of a picture; ``images.flags`` has bit ``1 << n`` for the n-th."""
TRAIN, VALIDATION, TEST = "train", "validation", "test"
"""The sides of a split."""


@dataclass(frozen=True)
class ClassRecord:
    """A class: ``count`` is the number of pictures labelled with it."""

    id: int
    name: str
    colour: str
    count: int


@dataclass(frozen=True)
class NewImage:
    """What intake knows of a picture before it has an id."""

    sha256: str
    filename: str
    width: int
    height: int
    bytes: int
    format: str
    phash: str
    class_id: int | None
    synthetic: bool = False
    flags: int = 0
    frames: int = 1
    sharpness: float = 0
    brightness: float = 0
    contrast: float = 0
    pin: str = ""


@dataclass(frozen=True)
class ImageRecord:
    """A picture of the catalogue.

    Attributes:
        split: The side it is on now: ``pin``, else that in the snapshot used last, empty where it is in none.
        pin: The side chosen by hand, empty where it is automatic.
        labelled_by: Who gave the class, empty where it came with an import.
        review: Empty, ``agreed`` or ``disagreed``; ``review_label`` is the class of the one who disagreed.
        suggestion: The class that the model suggests, with its probability.
        suspected: The class that the picture more likely has, where its label is suspicious.
    """

    id: int
    sha256: str
    filename: str
    width: int
    height: int
    synthetic: bool
    label: str | None
    colour: str | None
    split: str
    revision: int
    flags: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    notes: str = ""
    pin: str = ""
    archived: bool = False
    frames: int = 1
    labelled_by: str = ""
    review: str = ""
    reviewed_by: str = ""
    review_label: str | None = None
    suggestion: str | None = None
    probability: float | None = None
    suspected: str | None = None


@dataclass(frozen=True)
class Filter:
    """Which pictures, in which order. Empty fields do not filter; the others must all hold.

    Attributes:
        label: A class name.
        status: One of :data:`storage.queries.filters.STATUSES`.
        sort: One of :data:`storage.queries.sort_orders.SORTS`; empty is ``newest``.
        flag: One of :data:`FLAGS`.
        tag: A tag.
        search: A part of the file name, whatever its case.
    """

    label: str = ""
    status: str = ""
    sort: str = ""
    flag: str = ""
    tag: str = ""
    search: str = ""


@dataclass(frozen=True)
class Page:
    """A page of pictures; ``next_cursor`` is empty on the last one."""

    items: tuple[ImageRecord, ...]
    next_cursor: str
    total: int


@dataclass(frozen=True)
class Summary:
    """Counts over the whole catalogue."""

    images: int
    labelled: int
    synthetic: int
    classes: tuple[ClassRecord, ...]

    @property
    def unlabelled(self) -> int:
        """Pictures that are left to label."""
        return self.images - self.labelled

    @property
    def counts(self) -> dict[str, int]:
        """Pictures per class name."""
        return {class_.name: class_.count for class_ in self.classes}

    @property
    def colours(self) -> dict[str, str]:
        """Hex colour per class name."""
        return {class_.name: class_.colour for class_ in self.classes}


@dataclass(frozen=True)
class Change:
    """One field of one class or image, before and after."""

    entity: str
    entity_id: int
    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Event:
    """One entry of the journal: who did what, when, to how many pictures."""

    id: int
    kind: str
    actor: str
    summary: str
    created_at: str
    undone: bool
    pictures: int


@dataclass(frozen=True)
class FieldChange:
    """One field of a picture before and after, in words."""

    field: str
    before: str
    after: str


@dataclass(frozen=True)
class PictureEvent:
    """What one event changed in one picture."""

    event: Event
    changes: tuple[FieldChange, ...]


@dataclass(frozen=True)
class Activity:
    """What one person did on one day (``YYYY-MM-DD``, UTC) that was not undone.

    ``pictures`` counts a picture once for each event that changed it; ``labelled`` those that were given a class.
    """

    actor: str
    day: str
    events: int
    pictures: int
    labelled: int


@dataclass(frozen=True)
class SnapshotItem:
    """A picture as frozen in a snapshot; ``label`` is an index into the snapshot's classes."""

    image_id: int
    sha256: str
    label: int
    split: str
    group: int


@dataclass(frozen=True)
class Snapshot:
    """A frozen dataset version. ``kept_together`` counts pictures in groups of near-duplicates."""

    id: int
    content_hash: str
    classes: tuple[str, ...]
    validation_fraction: float
    seed: int
    images: int
    kept_together: int
    created_at: str


@dataclass(frozen=True)
class Run:
    """A training run.

    Attributes:
        progress: What the worker last said; see ``status`` for what it means.
        place: Waiting runs start in this order.
        continues: The run from whose last epoch this one goes on.
        process_started: Tells its process from others of the same number, together with ``pid``.
        engine: Where it runs: ``local`` or ``ray``.
        attempt: How often a worker has taken it; see :class:`storage.training.run_attempts.RunAttempt`.
    """

    id: int
    snapshot_id: int
    spec: dict[str, Any]
    status: str
    phase: str
    progress: dict[str, Any]
    stop_requested: bool
    pid: int | None
    process_started: str | None
    heartbeat: float | None
    best_epoch: int | None
    version: str | None
    error: str | None
    created_at: str
    started_at: str | None
    ended_at: str | None
    place: float
    pause_requested: bool
    continues: int | None
    engine: str
    attempt: int = 0

    @property
    def active(self) -> bool:
        """Whether it waits or runs."""
        return self.status in {"queued", "running"}


@dataclass(frozen=True)
class Trial:
    """A try of a search: ``status`` is ``waiting``, ``running``, ``finished``, ``dropped`` or ``failed``."""

    run_id: int
    number: int
    name: str
    spec: dict[str, Any]
    status: str
    metrics: dict[str, Any]
    seconds: float


@dataclass(frozen=True)
class ValidationPrediction:
    """What a run's best epoch says of one validation picture; indices are into the snapshot's classes."""

    image_id: int
    label: int
    predicted: int
    scores: tuple[float, ...]


@dataclass(frozen=True)
class Version:
    """A registered model version; its files never change."""

    number: int
    run_id: int
    snapshot_id: int
    manifest: dict[str, Any]
    manifest_sha256: str
    aliases: tuple[str, ...]
    created_at: str

    @property
    def name(self) -> str:
        """``v1``, ``v2``, ..."""
        return f"v{self.number}"


@dataclass(frozen=True)
class AliasEvent:
    """One move of an alias."""

    id: int
    alias: str
    version: str
    previous: str | None
    reason: str
    actor: str
    created_at: str
