"""The worker process of one run: ``python -m workbench.training.worker RUN_ID``."""

from __future__ import annotations

import dataclasses
import logging
import os
import shutil
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from storage.core.errors import DiskFull, DomainError, is_disk_full
from storage.records import Snapshot
from storage.training.registry import VersionCandidate
from storage.training.run_attempts import RunAttempt
from workbench.core.errors import Paused, StoppedEarly
from workbench.core.privacy import restrict_process
from workbench.core.processes import EXIT_DISK_FULL, MemoryLimit, started_at
from workbench.core.settings import Settings, from_environment
from workbench.imaging.decode import SIDE
from workbench.stores import Stores, open_stores
from workbench.training.checkpoint_retention import adopt_checkpoints, delete_checkpoints
from workbench.training.dataset import Dataset
from workbench.training.reporter import RunPaths
from workbench.training.spec import TrainingSpec
from workbench.training.worker.db_reporter import DatabaseReporter
from workbench.training.worker.export_dataset import export_dataset

if TYPE_CHECKING:
    from workbench.training.engine.train import Artefacts

log = logging.getLogger("worker")
NICENESS = 10
UNEXPECTED = "Training ended with an unexpected error ({kind}). The last lines of the log say more."


def main(run_id: int) -> None:
    """Execute one run; its result or error is written to its database row."""
    restrict_process()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    os.nice(NICENESS)
    settings = from_environment(os.environ)
    stores = open_stores(settings)
    engine = "ray" if settings.ray_address else "local"
    attempt = stores.runs.claim(run_id, os.getpid(), started_at(os.getpid()), engine)
    if attempt is None:
        log.info("run %s is not waiting any more", run_id)
        return
    final_status = _final_status(stores, settings, attempt)
    # Delete the work folder first, so that a full disk has room for the final status.
    shutil.rmtree(stores.work_folder(run_id, attempt.number), ignore_errors=True)
    if final_status:
        try:
            attempt.end(*final_status)
        except DiskFull:
            sys.exit(
                EXIT_DISK_FULL
            )  # the disk space of memory-mapped pictures is freed when the process exits


def _final_status(stores: Stores, settings: Settings, attempt: RunAttempt) -> tuple[str, str | None] | None:
    """Execute a run; returns status and error if it produced no version."""
    try:
        with DatabaseReporter(stores, attempt, MemoryLimit(settings.memory_mb, settings.runs)) as reporter:
            _train_and_register(stores, settings, attempt, reporter)
    except Paused:
        return "paused", None
    except StoppedEarly as error:
        return "stopped", str(error)
    except DomainError as error:
        log.exception("the run failed")
        return "failed", str(error)
    except Exception as error:
        log.exception("the run failed")
        disk_full_error = str(DiskFull()) if is_disk_full(error) else ""
        return "failed", disk_full_error or UNEXPECTED.format(kind=type(error).__name__)
    return None


def _train_and_register(
    stores: Stores, settings: Settings, attempt: RunAttempt, reporter: DatabaseReporter
) -> None:
    run = stores.runs.get(attempt.run_id)
    snapshot, spec = stores.snapshots.get(run.snapshot_id), TrainingSpec.from_dict(run.spec)
    folder = stores.work_folder(run.id, attempt.number)
    reporter.phase("preparing")
    dataset = export_dataset(stores, snapshot, spec.fit, folder / "dataset", reporter.report_progress)
    reporter.phase("loading")
    train = _train_function(settings, spec.recipe)
    reporter.raise_if_requested()
    place = RunPaths(
        folder / "model", adopt_checkpoints(stores, attempt), stores.features_folder, settings.weights_folder
    )
    artefacts = train(dataset, spec, reporter, place)
    version = stores.registry.register(_candidate(attempt, snapshot, spec, artefacts))
    log.info("registered %s", version.name)
    if not artefacts.stopped:
        delete_checkpoints(stores, attempt)


def _train_function(
    settings: Settings, recipe: str
) -> Callable[[Dataset, TrainingSpec, DatabaseReporter, RunPaths], Artefacts]:
    """The function that carries out a recipe: in this process, or on a Ray cluster."""
    if settings.ray_address:
        from workbench.training.cluster.backend import train_on_cluster

        return partial(train_on_cluster, settings.ray_address)
    # Imported here since TensorFlow takes seconds to load; the heartbeat is already running meanwhile.
    from workbench.training.engine.train import limit_threads
    from workbench.training.search.local_executor import train_function

    limit_threads()
    return train_function(recipe)


def _candidate(
    attempt: RunAttempt, snapshot: Snapshot, spec: TrainingSpec, artefacts: Artefacts
) -> VersionCandidate:
    return VersionCandidate(
        attempt=attempt,
        snapshot_id=snapshot.id,
        folder=artefacts.folder,
        manifest=_manifest(snapshot, spec, artefacts),
        best_epoch=artefacts.best_epoch,
        stopped=artefacts.stopped,
        note=artefacts.note,
        predictions=artefacts.predictions,
    )


def _manifest(snapshot: Snapshot, spec: TrainingSpec, artefacts: Artefacts) -> dict[str, Any]:
    return {
        "classes": list(snapshot.classes),
        "fit": spec.fit,
        "input": {"shape": [SIDE, SIDE, 3], "dtype": "uint8", "range": [0, 255]},
        "snapshot": snapshot.content_hash,
        "validation_fraction": spec.validation_fraction,
        "spec": spec.to_dict(),
        "metrics": {**artefacts.metrics, "litert_agreement": artefacts.agreement},
        "best_epoch": artefacts.best_epoch,
        "epochs": len(artefacts.history),
        "libraries": artefacts.libraries,
        "weights": artefacts.weights,
        "trials": [dataclasses.asdict(trial) for trial in artefacts.trials],
    }


if __name__ == "__main__":
    main(int(sys.argv[1]))
