"""Training operations for the UI and the API: plan, start, stop, pause, resume, report. Imports no TensorFlow."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from storage.core.errors import Conflict
from storage.records import TEST, TRAIN, VALIDATION, Run, Snapshot, ValidationPrediction
from storage.training.runs import RESUMABLE
from storage.training.snapshots import SplitDraft
from workbench.backbones.definitions import BACKBONES
from workbench.backbones.weights import weights_state
from workbench.catalogue.splits import counts, split
from workbench.evaluation.caveats import caveats
from workbench.imaging.augmentation import Augmentation, augment
from workbench.imaging.memory_budget import PATIENCE
from workbench.stores import Stores
from workbench.training.checkpoint_retention import copy_checkpoints, has_checkpoint
from workbench.training.spec import INSTANT, TrainingSpec, class_weight_table
from workbench.training.supervisor import RunSupervisor, log_tail

DRAFT = "training spec"
PICTURES_REMOVED = "{missing} of the {total} pictures of run {id} were removed for good. Start a new run, which uses those that are labelled now."


@dataclass(frozen=True)
class TrainingPlan:
    """Splits and class weights that a run with a given spec would use.

    Attributes:
        train: Number of training pictures by class.
        validation: Number of validation pictures by class.
        weights: Loss weight of each class.
        kept_together: Number of pictures in groups of near-duplicates, which are never divided between splits.
        pinned: Number of pictures whose split a person chose.
        drawn: Number of pictures pinned to training that are used for validation, since their class has no others.
        test: Number of test pictures, used neither for training nor for model selection.
        left_out: Number of pictures in no split, since they are near-duplicates of a test picture.
        caveats: Sentences on the limits of the resulting metrics.
    """

    train: dict[str, int]
    validation: dict[str, int]
    weights: dict[str, float]
    kept_together: int
    pinned: int = 0
    drawn: int = 0
    test: int = 0
    left_out: int = 0
    caveats: tuple[str, ...] = ()

    @property
    def images(self) -> int:
        """Number of training and validation pictures."""
        return sum(self.train.values()) + sum(self.validation.values())


@dataclass(frozen=True)
class TrainingReport:
    """Everything stored about a run.

    Attributes:
        run: Its row.
        snapshot: The labelled pictures it was started with.
        history: One mapping per finished epoch.
        metrics: Validation metrics of its model version; None while it has none.
        predictions: Validation predictions of its model version; empty while it has none.
        test: Number of test pictures, which the run does not use.
        caveats: Sentences on the limits of the metrics.
    """

    run: Run
    snapshot: Snapshot
    history: list[dict[str, Any]]
    metrics: dict[str, Any] | None
    predictions: list[ValidationPrediction]
    test: int = 0
    caveats: tuple[str, ...] = ()


class TrainingService:
    """Plans, starts and reports runs.

    Args:
        stores: Database and file stores.
        supervisor: Woken when the queue changes.
        first: Returns the spec for a workbench where none was saved yet.
    """

    def __init__(
        self,
        stores: Stores,
        supervisor: RunSupervisor,
        first: Callable[[], TrainingSpec] = TrainingSpec,
    ) -> None:
        self._stores = stores
        self._supervisor = supervisor
        self._initial_spec = first

    def draft(self) -> TrainingSpec:
        """The spec last saved on the page, shared by all browser tabs; the initial spec if none was saved."""
        stored = self._stores.preferences.get(DRAFT, None)
        return self._initial_spec() if stored is None else TrainingSpec.from_dict(stored)

    def default_recipe(self) -> str:
        """The recipe that the page offers at first."""
        return self._initial_spec().recipe

    def change_draft(self, change: Callable[[TrainingSpec], TrainingSpec]) -> TrainingSpec:
        """Apply a change to the saved spec in one transaction and return the new spec.

        Raises:
            DomainError: Raised by ``change``; the saved spec is then unchanged.
        """
        with self._stores.database.write():
            draft = change(self.draft())
            self._stores.preferences.set(DRAFT, draft.to_dict())
        return draft

    def plan(self, spec: TrainingSpec) -> TrainingPlan:
        """Compute the splits and class weights of a run with this spec, without starting it.

        Raises:
            NotReady: There are too few labelled pictures.
            InvalidSpec: The manual class weights do not match the classes.
        """
        return _plan(self._split(spec), spec)

    def start(self, spec: TrainingSpec) -> int:
        """Freeze the labelled pictures into a snapshot and queue a run.

        Returns:
            The run's id.

        Raises:
            NotReady: There are too few labelled pictures.
            InvalidSpec: The manual class weights do not match the classes.
            QueueFull: The queue has reached its maximum length.
            NoRoom: The disk is nearly full.
        """
        self._stores.disk_space.require()
        draft = self._split(spec)
        class_weight_table(counts(draft, TRAIN), spec.class_weights)  # refuses weights of other classes
        # In one transaction, so that no snapshot remains when the queue is full.
        with self._stores.database.write():
            snapshot = self._stores.snapshots.freeze(draft)
            run_id = self._stores.runs.create(snapshot.id, spec.to_dict())
        self._supervisor.wake()
        return run_id

    def start_like(self, version: str) -> int:
        """Queue a run with the spec of a version and a new snapshot of the pictures as they are labelled now.

        Args:
            version: A version name or an alias.

        Returns:
            The run's id.

        Raises:
            NotFound: There is no such version.
            NotReady, InvalidSpec, QueueFull, NoRoom: As with :meth:`start`.
        """
        run = self._stores.runs.get(self._stores.registry.get(version).run_id)
        return self.start(TrainingSpec.from_dict(run.spec))

    def repeat(self, version: str) -> int:
        """Queue a run with the snapshot and the spec of a version; on the same machine it reproduces the same weights.

        Args:
            version: A version name or an alias.

        Returns:
            The run's id.

        Raises:
            NotFound: There is no such version.
            Conflict: A picture it was trained on was permanently deleted.
            QueueFull: The queue has reached its maximum length.
            NoRoom: The disk is nearly full.
        """
        run = self._stores.runs.get(self._stores.registry.get(version).run_id)
        self._stores.disk_space.require()
        self._require_pictures(run)
        with self._stores.database.write():
            new_run_id = self._stores.runs.create(run.snapshot_id, TrainingSpec.from_dict(run.spec).to_dict())
            self._stores.snapshots.use(run.snapshot_id)
        self._supervisor.wake()
        return new_run_id

    def stop(self, run_id: int) -> Run:
        """Request a run to stop; its best epoch so far becomes a model version.

        Raises:
            NotFound: There is no such run.
            Conflict: It has ended already.
        """
        run = self._stores.runs.request_stop(run_id)
        self._supervisor.wake()
        return run

    def pause(self, run_id: int) -> Run:
        """Request a run to pause; it can be resumed from its last finished epoch.

        Raises:
            NotFound: There is no such run.
            Conflict: It has ended, is paused, or was asked to stop.
        """
        return self._stores.runs.request_pause(run_id)

    def resume(self, run_id: int) -> int:
        """Queue a run again from its last checkpoint, or from the start if it has none.

        Versions are immutable, so a stopped run that has a version is not resumed itself: a new run continues from a copy of its
        checkpoints.

        Returns:
            The id of the queued run.

        Raises:
            NotFound: There is no such run.
            Conflict: It is active or finished, or its pictures or checkpoints were deleted.
            QueueFull: The queue has reached its maximum length.
            NoRoom: The disk is nearly full.
        """
        run = self._stores.runs.get(run_id)
        self._stores.disk_space.require()
        self._require_pictures(run)
        if run.version and run.status == "stopped":
            queued_id = self._queue_continuation(run)
        else:
            queued_id = self._stores.runs.resume(run_id)
        self._stores.snapshots.use(run.snapshot_id)
        self._supervisor.wake()
        return queued_id

    def _queue_continuation(self, run: Run) -> int:
        """Queue a new run that continues from a copy of another run's checkpoints and return its id."""
        copy = copy_checkpoints(self._stores, run)
        try:
            # In one transaction, so that no worker claims the new run before its checkpoints are in place.
            with self._stores.database.write():
                new_run_id = self._stores.runs.resume(run.id)
                copy = copy.rename(self._stores.checkpoint_folder(new_run_id))
        except BaseException:
            shutil.rmtree(copy, ignore_errors=True)
            raise
        return new_run_id

    def resumable(self, run: Run) -> bool:
        """Whether :meth:`resume` continues a run from a checkpoint instead of restarting it."""
        if run.status in {"paused", "interrupted"}:
            return True
        return run.status in RESUMABLE and has_checkpoint(self._stores, run)

    def move(self, run_id: int, place: int) -> list[Run]:
        """Move a queued run to a position in the queue, counted from 1; returns the queued runs in order.

        Raises:
            NotFound: There is no such run.
            Conflict: It is no longer queued.
        """
        return self._stores.runs.move(run_id, place)

    def report(self, run_id: int) -> TrainingReport:
        """Everything stored about a run.

        Raises:
            NotFound: There is no such run.
        """
        run = self._stores.runs.get(run_id)
        metrics = None
        if run.version:
            metrics = self._stores.registry.metrics(run.version)
        return TrainingReport(
            run,
            self._stores.snapshots.get(run.snapshot_id),
            self._stores.runs.history(run_id),
            metrics,
            self._stores.runs.predictions(run_id),
            *self.test_count_and_caveats(run_id),
        )

    def test_count_and_caveats(self, run_id: int) -> tuple[int, tuple[str, ...]]:
        """Number of test pictures in a run's snapshot, and sentences on the limits of its metrics.

        Raises:
            NotFound: There is no such run.
        """
        snapshot = self._stores.snapshots.get(self._stores.runs.get(run_id).snapshot_id)
        items = self._stores.snapshots.items(snapshot.id)
        return sum(item.split == TEST for item in items), caveats(snapshot.classes, items)

    def preview(self, image_id: int, augmentation: Augmentation, count: int, seed: int) -> list[np.ndarray]:
        """Augmented variants of a picture, each ``(256, 256, 3) uint8``, as a run with this seed sees it in epochs 1 to ``count``.

        Raises:
            NotFound: There is no such picture.
        """
        image = self._stores.catalogue.get(image_id)
        picture = self._stores.derivatives.canonical(image.sha256, self.draft().fit, PATIENCE)
        return [augment(picture, augmentation, (seed, epoch, image_id)) for epoch in range(1, count + 1)]

    def log_tail(self, run_id: int) -> str:
        """The last lines of a run's log."""
        return log_tail(self._stores.log_file(run_id))

    def _require_pictures(self, run: Run) -> None:
        items = self._stores.snapshots.items(run.snapshot_id)
        missing = sum(not self._stores.derivatives.has_original(item.sha256) for item in items)
        if missing:
            raise Conflict(PICTURES_REMOVED.format(missing=missing, total=len(items), id=run.id))

    def _split(self, spec: TrainingSpec) -> SplitDraft:
        return split(self._stores.snapshots.labelled(), spec.validation_fraction, spec.seed)


def _plan(draft: SplitDraft, spec: TrainingSpec) -> TrainingPlan:
    train = counts(draft, TRAIN)
    weights = class_weight_table(train, spec.class_weights)
    return TrainingPlan(
        train,
        counts(draft, VALIDATION),
        weights,
        draft.kept_together,
        draft.pinned,
        draft.drawn,
        sum(counts(draft, TEST).values()),
        draft.left_out,
        caveats(draft.classes, draft.items),
    )


def first_spec(weights: Path) -> TrainingSpec:
    """Initial spec: the ``instant`` recipe if its pretrained weights are present, else the default spec."""
    instant = TrainingSpec.of(INSTANT)
    present = weights_state(BACKBONES[instant.architecture], weights).present
    return instant if present else TrainingSpec()
