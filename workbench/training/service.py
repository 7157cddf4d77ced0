"""Training as the page and the API see it: what would be trained, start, stop, status, report. Knows no TensorFlow."""

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
from workbench.catalogue.splits import counts, split
from workbench.evaluation.caveats import caveats
from workbench.imaging.augmentation import Augmentation, augment
from workbench.imaging.memory_budget import PATIENCE
from workbench.pretrained.backbones import BACKBONES
from workbench.pretrained.weights import weights_state
from workbench.stores import Stores
from workbench.training.checkpoint_retention import copied, has_checkpoint
from workbench.training.spec import INSTANT, TrainingSpec, class_weight_table
from workbench.training.supervisor import RunSupervisor, log_tail

DRAFT = "training spec"


@dataclass(frozen=True)
class TrainingPlan:
    """What a run with a spec would be.

    Attributes:
        train: Pictures to learn from, by class.
        validation: Pictures to check with, by class.
        weights: Of each class.
        kept_together: Pictures in groups of near-duplicates.
        pinned: Pictures whose side a person chose.
        drawn: Those of them that were put into training and are drawn to check with, since nothing else is there.
        test: Pictures that are kept out of training and of choosing.
        left_out: Pictures that are on no side, since they look like a test picture.
        caveats: Sentences on what the figures will not tell.
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
        """Pictures to learn from and to check with."""
        return sum(self.train.values()) + sum(self.validation.values())


@dataclass(frozen=True)
class TrainingReport:
    """What there is to say of a run; predictions are there once it has a model. ``test`` counts pictures kept out of it."""

    run: Run
    snapshot: Snapshot
    history: list[dict[str, Any]]
    metrics: dict[str, Any] | None
    predictions: list[ValidationPrediction]
    test: int = 0
    caveats: tuple[str, ...] = ()


class TrainingService:
    """Plans, starts and reports runs."""

    def __init__(
        self, stores: Stores, supervisor: RunSupervisor, first: Callable[[], TrainingSpec] = TrainingSpec
    ) -> None:
        self._stores = stores
        self._supervisor = supervisor
        self._first = first

    def draft(self) -> TrainingSpec:
        """The spec as last set on the page; the same in every tab and after a restart. Before, what is proposed at first."""
        given = self._stores.preferences.get(DRAFT, None)
        return self._first() if given is None else TrainingSpec.from_dict(given)

    def change_draft(self, change: Callable[[TrainingSpec], TrainingSpec]) -> TrainingSpec:
        """Change the spec that the page shows, on top of what others change in the same moment, and give it.

        Raises:
            DomainError: What ``change`` raises; the spec stays as it was then.
        """
        with self._stores.database.write():
            draft = change(self.draft())
            self._stores.preferences.set(DRAFT, draft.to_dict())
        return draft

    def plan(self, spec: TrainingSpec) -> TrainingPlan:
        """What a run with this spec would be, without starting it.

        Raises:
            NotReady: There are too few labelled pictures.
            InvalidSpec: The weights by hand do not fit the classes.
        """
        return _plan(self._split(spec), spec)

    def start(self, spec: TrainingSpec) -> int:
        """Freeze the labelled pictures into a snapshot and queue a run.

        Returns:
            The run's id.

        Raises:
            NotReady: There are too few labelled pictures.
            InvalidSpec: The weights by hand do not fit the classes.
            QueueFull: As many runs wait as may.
            NoRoom: The disk is nearly full.
        """
        self._stores.room.require()
        draft = self._split(spec)
        _plan(draft, spec)
        # Within one write, so that a run for which there is no place leaves no snapshot.
        with self._stores.database.write():
            snapshot = self._stores.snapshots.freeze(draft)
            run_id = self._stores.runs.create(snapshot.id, spec.to_dict())
        self._supervisor.wake()
        return run_id

    def train_again(self, version: str) -> int:
        """Queue a run with the pictures and the settings of a version: on the same machine it gives the same weights.

        Args:
            version: Its name, or an alias that points to it.

        Returns:
            The run's id.

        Raises:
            NotFound: There is no such version.
            Conflict: A picture it was trained on was removed for good.
            QueueFull: As many runs wait as may.
            NoRoom: The disk is nearly full.
        """
        run = self._stores.runs.get(self._stores.registry.get(version).run_id)
        self._stores.room.require()
        self._require_pictures(run)
        with self._stores.database.write():
            queued = self._stores.runs.create(run.snapshot_id, TrainingSpec.from_dict(run.spec).to_dict())
            self._stores.snapshots.use(run.snapshot_id)
        self._supervisor.wake()
        return queued

    def stop(self, run_id: int) -> Run:
        """Ask a run to stop; its best epoch so far becomes a model.

        Raises:
            NotFound: There is no such run.
            Conflict: It has ended already.
        """
        run = self._stores.runs.request_stop(run_id)
        self._supervisor.wake()
        return run

    def pause(self, run_id: int) -> Run:
        """Ask a run to pause after its last finished epoch.

        Raises:
            NotFound: There is no such run.
            Conflict: It has ended, is paused, or was asked to stop.
        """
        return self._stores.runs.request_pause(run_id)

    def resume(self, run_id: int) -> int:
        """Let a run go on from its last finished epoch; from the start where it has none.

        A stopped run with a model stays as it is, since versions never change: a new run goes on from its last epoch.

        Returns:
            The id of the run that waits now.

        Raises:
            NotFound: There is no such run.
            Conflict: It is under way or finished, or what it needs is gone.
            QueueFull: As many runs wait as may.
            NoRoom: The disk is nearly full.
        """
        run = self._stores.runs.get(run_id)
        self._stores.room.require()
        self._require_pictures(run)
        if run.version and run.status == "stopped":
            queued = self._continued(run)
        else:
            queued = self._stores.runs.resume(run_id)
        self._stores.snapshots.use(run.snapshot_id)
        self._supervisor.wake()
        return queued

    def _continued(self, run: Run) -> int:
        """Queue a run that goes on from a copy of another one's checkpoints."""
        copy = copied(self._stores, run)
        try:
            # Within one write, so that the new run does not begin before it has its checkpoints.
            with self._stores.database.write():
                queued = self._stores.runs.resume(run.id)
                copy = copy.rename(self._stores.checkpoint_folder(queued))
        except BaseException:
            shutil.rmtree(copy, ignore_errors=True)
            raise
        return queued

    def resumable(self, run: Run) -> bool:
        """Whether :meth:`resume` lets a run go on, rather than begin again."""
        if run.status in {"paused", "interrupted"}:
            return True
        return run.status in RESUMABLE and has_checkpoint(self._stores, run)

    def move(self, run_id: int, place: int) -> list[Run]:
        """Put a waiting run at a place among those that wait, 1 being the next; gives them in their order.

        Raises:
            NotFound: There is no such run.
            Conflict: It does not wait any more.
        """
        return self._stores.runs.move(run_id, place)

    def report(self, run_id: int) -> TrainingReport:
        """Everything known of a run.

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
            *self.sides(run_id),
        )

    def sides(self, run_id: int) -> tuple[int, tuple[str, ...]]:
        """How many test pictures a run is kept from, and sentences on what its figures do not tell.

        Raises:
            NotFound: There is no such run.
        """
        snapshot = self._stores.snapshots.get(self._stores.runs.get(run_id).snapshot_id)
        items = self._stores.snapshots.items(snapshot.id)
        return sum(item.split == TEST for item in items), caveats(snapshot.classes, items)

    def preview(self, image_id: int, augmentation: Augmentation, count: int, seed: int) -> list[np.ndarray]:
        """Variants of a picture, each ``(256, 256, 3) uint8``: what a run with this seed sees in epochs 1 to ``count``.

        Raises:
            NotFound: There is no such picture.
        """
        image = self._stores.catalogue.get(image_id)
        picture = self._stores.media.canonical(image.sha256, self.draft().fit, PATIENCE)
        return [augment(picture, augmentation, (seed, epoch, image_id)) for epoch in range(1, count + 1)]

    def log_tail(self, run_id: int) -> str:
        """The last lines of a run's log."""
        return log_tail(self._stores.log_file(run_id))

    def _require_pictures(self, run: Run) -> None:
        items = self._stores.snapshots.items(run.snapshot_id)
        lost = sum(not self._stores.media.there(item.sha256) for item in items)
        if lost:
            raise Conflict(
                f"{lost} of the {len(items)} pictures of run {run.id} were removed for good. Start a new run, which uses those that "
                "are labelled now."
            )

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
    """What to propose to who has chosen nothing yet: what takes seconds, unless its weights are not in the folder."""
    instant = TrainingSpec.of(INSTANT)
    here = weights_state(BACKBONES[instant.architecture], weights).present
    return instant if here else TrainingSpec()
