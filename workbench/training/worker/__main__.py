"""The worker process of one run: ``python -m workbench.training.worker RUN_ID``."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from storage.core.errors import DiskFull, DomainError, is_disk_full
from storage.training.run_attempts import RunAttempt
from workbench.core.errors import Paused, StoppedEarly
from workbench.core.privacy import begin_private
from workbench.core.processes import NO_ROOM, MemoryLimit, started_at
from workbench.core.settings import Settings, from_environment
from workbench.stores import Stores, open_stores
from workbench.training.checkpoint_retention import drop, take_over
from workbench.training.dataset import Dataset
from workbench.training.reporter import RunPaths
from workbench.training.spec import TrainingSpec
from workbench.training.worker.db_reporter import DatabaseReporter
from workbench.training.worker.export_dataset import export_dataset
from workbench.training.worker.manifest import candidate

if TYPE_CHECKING:
    from workbench.training.engine.train import Artefacts

log = logging.getLogger("worker")
NICENESS = 10
UNEXPECTED = "Training ended with an unexpected error ({kind}). The last lines of the log say more."


def main(run_id: int) -> None:
    """Carry one run out; whatever happens ends up in its row."""
    begin_private()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    os.nice(NICENESS)
    settings = from_environment(os.environ)
    stores = open_stores(settings)
    engine = "ray" if settings.ray_address else "local"
    attempt = stores.runs.claim(run_id, os.getpid(), started_at(os.getpid()), engine)
    if attempt is None:
        log.info("run %s is not waiting any more", run_id)
        return
    ending = _ending(stores, settings, attempt)
    # First, so that a full disk has room for how it ended.
    shutil.rmtree(stores.work_folder(run_id, attempt.number), ignore_errors=True)
    if ending:
        try:
            attempt.end(*ending)
        except DiskFull:
            sys.exit(NO_ROOM)  # mapped pictures hold their room until the process is gone


def _ending(stores: Stores, settings: Settings, attempt: RunAttempt) -> tuple[str, str | None] | None:
    """Carry a run out; status and error where that leaves no version."""
    try:
        with DatabaseReporter(stores, attempt, MemoryLimit(settings.memory_mb, settings.runs)) as reporter:
            _carry_out(stores, settings, attempt, reporter)
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


def _carry_out(stores: Stores, settings: Settings, attempt: RunAttempt, reporter: DatabaseReporter) -> None:
    run = stores.runs.get(attempt.run_id)
    folder = stores.work_folder(run.id, attempt.number)
    reporter.phase("preparing")
    export_dataset(stores, run, folder / "dataset", reporter.told)
    reporter.phase("loading")
    train = _engine(settings)
    reporter.raise_if_requested()
    place = RunPaths(
        folder / "model", take_over(stores, attempt), stores.features_folder, settings.weights_folder
    )
    spec = TrainingSpec.from_dict(run.spec)
    artefacts = train(Dataset.open(folder / "dataset"), spec, reporter, place)
    snapshot = stores.snapshots.get(run.snapshot_id)
    version = stores.registry.register(candidate(attempt, snapshot, spec, artefacts))
    log.info("registered %s", version.name)
    if not artefacts.stopped:
        drop(stores, attempt)


def _engine(settings: Settings) -> Callable[[Dataset, TrainingSpec, DatabaseReporter, RunPaths], Artefacts]:
    """What trains: this process, or a cluster."""
    if settings.ray_address:
        from workbench.training.cluster.backend import train_on_cluster

        return partial(train_on_cluster, settings.ray_address)
    # Here, not above: TensorFlow takes seconds to import, and the row should show a heartbeat meanwhile.
    from workbench.training.engine.train import limit_threads
    from workbench.training.search.local_executor import search_or_train

    limit_threads()
    return search_or_train


if __name__ == "__main__":
    main(int(sys.argv[1]))
