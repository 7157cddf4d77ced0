"""The worker process of one run: ``python -m workbench.training.worker RUN_ID``."""

from __future__ import annotations

import dataclasses
import logging
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.errors import DiskFull, DomainError, is_disk_full
from storage.records import Run, Snapshot, SnapshotItem, ValidationPrediction
from storage.registry import Candidate
from storage.runs import PAUSE, STOP
from workbench.errors import Paused, StoppedEarly
from workbench.pictures import SIDE
from workbench.settings import Settings, from_environment
from workbench.stores import Stores, open_stores
from workbench.training.dataset import Dataset, write_dataset
from workbench.training.leavings import has_checkpoint
from workbench.training.processes import NO_ROOM, Budget, started_at
from workbench.training.reports import EpochRecord, Progress, TrialRecord, Workplace
from workbench.training.spec import TrainingSpec

if TYPE_CHECKING:
    from workbench.training.train import Artefacts

log = logging.getLogger("worker")
BEAT_SECONDS = 0.4
NICENESS = 10
PICTURE_BYTES = SIDE * SIDE * 3
SPARE_BYTES = 64 * 1024 * 1024
TOO_MUCH = (
    "Training took more than the {budget:,} MB of memory that a run may take, so it was ended. Allow more (WORKBENCH_MEMORY_MB) and "
    "resume the run from its last finished epoch, or start one with a smaller batch or backbone."
)
UNEXPECTED = "Training ended with an unexpected error ({kind}). The last lines of the log say more."


class RowReporter:
    """Writes heartbeat, progress and epochs into the run's row, and reads requests from it.

    The row is written by a thread of its own, so that a slow disk never holds a training step up and a long phase still
    has a heartbeat. The thread also ends a run that takes more memory than it may: its checkpoint stands, and the machine
    does not choose a process to kill.
    """

    def __init__(self, stores: Stores, run_id: int, budget: Budget) -> None:
        self._stores = stores
        self._run_id = run_id
        self._budget = budget
        self._phase = "starting"
        self._progress: dict[str, Any] = {}
        self._asked = ""
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> RowReporter:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._done.set()
        self._thread.join(timeout=20)

    def phase(self, name: str) -> None:
        """A phase begins."""
        log.info("phase: %s", name)
        self._phase = name
        self._progress = {key: self._progress[key] for key in self._progress if key not in {"done", "total"}}

    def counted(self, done: int, total: int) -> None:
        """So many pictures of a phase are done that has no epochs."""
        self._progress = {"done": done, "total": total}

    def step(self, progress: Progress) -> None:
        """A step is done."""
        self._progress = dataclasses.asdict(progress)

    def epoch(self, record: EpochRecord) -> None:
        """An epoch is done and judged."""
        log.info("epoch %s", record)
        self._stores.runs.add_epoch(self._run_id, record.epoch, dataclasses.asdict(record))

    def trial(self, record: TrialRecord) -> None:
        """A try of a search begins or ends."""
        log.info("trial %s", record)
        self._stores.trials.put(self._run_id, dataclasses.asdict(record))

    def asked(self) -> str:
        """What was asked of the run: nothing, ``stop`` or ``pause``."""
        return self._asked

    def heed(self) -> None:
        """End the run where that was asked for. One that has a checkpoint is stopped by :func:`train`, which keeps its best.

        Raises:
            StoppedEarly: A stop was asked for.
            Paused: A pause was asked for.
        """
        if self._asked == PAUSE:
            raise Paused
        if self._asked == STOP and not has_checkpoint(self._stores, self._stores.runs.get(self._run_id)):
            raise StoppedEarly

    def _beat(self) -> None:
        while not self._done.is_set():
            usage = self._budget.usage()
            try:
                progress = {**self._progress, "cpu_percent": usage.cpu_percent, "memory_mb": usage.memory_mb}
                self._asked = self._stores.runs.beat(self._run_id, self._phase, progress)
                if usage.memory_mb > self._budget.megabytes:
                    self._give_up()
            except Exception:
                log.exception("the heartbeat could not be written; trying again")
            self._done.wait(BEAT_SECONDS)

    def _give_up(self) -> None:
        sentence = TOO_MUCH.format(budget=self._budget.megabytes)
        log.error(sentence)
        if self._stores.runs.end(self._run_id, "failed", sentence):
            shutil.rmtree(self._stores.work_folder(self._run_id), ignore_errors=True)
            os._exit(1)


def main(run_id: int) -> None:
    """Carry one run out; whatever happens ends up in its row."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    os.nice(NICENESS)
    settings = from_environment(os.environ)
    stores = open_stores(settings)
    if not stores.runs.claim(run_id, os.getpid(), started_at(os.getpid())):
        log.info("run %s is not waiting any more", run_id)
        return
    ending = _attempt(stores, settings, run_id)
    # First, so that a full disk has room for how it ended.
    shutil.rmtree(stores.work_folder(run_id), ignore_errors=True)
    if ending:
        try:
            stores.runs.end(run_id, *ending)
        except DiskFull:
            sys.exit(NO_ROOM)  # mapped pictures hold their room until the process is gone


def _attempt(stores: Stores, settings: Settings, run_id: int) -> tuple[str, str | None] | None:
    """Carry a run out; status and error where that leaves no version."""
    try:
        with RowReporter(stores, run_id, Budget(settings.memory_mb, settings.runs)) as reporter:
            _carry_out(stores, settings, stores.runs.get(run_id), reporter)
    except Paused:
        return "paused", None
    except StoppedEarly as error:
        return "stopped", str(error)
    except DomainError as error:
        log.exception("the run failed")
        return "failed", str(error)
    except Exception as error:
        log.exception("the run failed")
        full = str(DiskFull()) if is_disk_full(error) else ""
        return "failed", full or UNEXPECTED.format(kind=type(error).__name__)
    return None


def _carry_out(stores: Stores, settings: Settings, run: Run, reporter: RowReporter) -> None:
    snapshot = stores.snapshots.get(run.snapshot_id)
    spec = TrainingSpec.from_dict(run.spec)
    folder = stores.work_folder(run.id)
    reporter.phase("preparing")
    items = stores.snapshots.items(snapshot.id)
    _require_room(stores, len(items))
    write_dataset(
        folder / "dataset",
        _pictures(stores, items, spec.fit, reporter),
        _dataset_manifest(snapshot, items, spec),
    )
    # Here, not above: TensorFlow takes seconds to import, and the row should show a heartbeat meanwhile.
    from workbench.training.train import limit_threads, train

    reporter.heed()
    limit_threads()
    place = Workplace(
        folder / "model", stores.checkpoint_folder(run.id), stores.features_folder, settings.weights_folder
    )
    artefacts = train(Dataset.open(folder / "dataset"), spec, reporter, place)
    version = stores.registry.register(_candidate(run, snapshot, spec, artefacts))
    log.info("registered %s", version.name)
    if not artefacts.stopped:
        shutil.rmtree(place.checkpoints, ignore_errors=True)


def _require_room(stores: Stores, pictures: int) -> None:
    # Said before the pictures are written, not after.
    if shutil.disk_usage(stores.root).free < pictures * PICTURE_BYTES + SPARE_BYTES:
        raise DiskFull


def _pictures(
    stores: Stores, items: list[SnapshotItem], fit: str, reporter: RowReporter
) -> Iterator[np.ndarray]:
    for done, item in enumerate(items):
        reporter.heed()
        reporter.counted(done, len(items))
        yield stores.media.canonical(item.sha256, fit)


def _dataset_manifest(snapshot: Snapshot, items: list[SnapshotItem], spec: TrainingSpec) -> dict[str, Any]:
    return {
        "content_hash": snapshot.content_hash,
        "fit": spec.fit,
        "classes": list(snapshot.classes),
        "items": [dataclasses.asdict(item) for item in items],
    }


def _candidate(run: Run, snapshot: Snapshot, spec: TrainingSpec, artefacts: Artefacts) -> Candidate:
    return Candidate(
        run_id=run.id,
        snapshot_id=snapshot.id,
        folder=artefacts.folder,
        manifest={
            "classes": list(snapshot.classes),
            "fit": spec.fit,
            "input": {"shape": [256, 256, 3], "dtype": "uint8", "range": [0, 255]},
            "snapshot": snapshot.content_hash,
            "validation_fraction": spec.validation_fraction,
            "spec": spec.to_dict(),
            "metrics": {**artefacts.metrics, "litert_agreement": artefacts.agreement},
            "best_epoch": artefacts.best_epoch,
            "epochs": len(artefacts.history),
            "libraries": artefacts.libraries,
            "weights": artefacts.weights,
        },
        best_epoch=artefacts.best_epoch,
        stopped=artefacts.stopped,
        note=artefacts.note,
        predictions=[
            ValidationPrediction(
                each.image_id, each.true, int(np.argmax(each.probabilities)), each.probabilities
            )
            for each in artefacts.predictions
        ],
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
