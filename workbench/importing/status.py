"""State of an import, and its report as CSV."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain

from storage.jobs.import_jobs import IMPORTED, PRESENT, REJECTED, FileOutcome, Import, ImportJobs
from workbench.core.csv_cells import csv_text

LISTED = 200
READING_TABLES = "reading tables"


@dataclass(frozen=True)
class ImportState:
    """Progress or result of an import.

    Attributes:
        id: Id of the import; 0 if there never was one.
        status: ``queued``, ``running``, ``finished``, ``stopped`` or ``failed``; empty if there never was an import.
        running: Whether it is queued or running.
        done: Number of processed files.
        total: Number of all files; 0 while it is queued.
        imported: Number of imported files.
        duplicates: Number of files whose content was already in the catalogue.
        labels: Imported pictures per class; the empty name stands for unlabelled.
        rejected: The first 200 rejected files, each with ``file`` and ``reason``.
        rejected_count: Number of rejected files.
        present: The first 200 files that were already in the catalogue.
        error: Reason of a failure.
        started: Start time in seconds since 1970.
        rate: Files per second since the start; 0 if not known yet.
        stopped: Whether a user stopped it.
        waiting: Number of imports queued behind it.
        actor: User that requested it.
        what: Description of what it reads.
        phase: ``reading tables`` while tables are read before the first file; empty otherwise.
        lines: Number of table lines read so far in that phase.
    """

    id: int = 0
    status: str = ""
    running: bool = False
    done: int = 0
    total: int = 0
    imported: int = 0
    duplicates: int = 0
    labels: dict[str, int] = field(default_factory=dict)
    rejected: list[dict[str, str]] = field(default_factory=list)
    rejected_count: int = 0
    present: list[str] = field(default_factory=list)
    error: str = ""
    started: float = 0.0
    rate: float = 0.0
    stopped: bool = False
    waiting: int = 0
    actor: str = ""
    what: str = ""
    phase: str = ""
    lines: int = 0


def build_state(
    jobs: ImportJobs, job: Import, waiting: int, unwritten: str | None, reading: int | None
) -> ImportState:
    """Build the state of an import.

    Args:
        jobs: Store of import jobs and file outcomes.
        job: The import.
        waiting: Number of imports queued behind it.
        unwritten: Final error that could not be written to a full disk; None if there is none.
        reading: Number of table lines read so far; None if tables are not being read.
    """
    running = job.active and unwritten is None
    result_counts = job.tally.results
    started = datetime.fromisoformat(job.started_at).timestamp() if job.started_at else 0.0
    rejected = [] if running else jobs.files(job.id, REJECTED, limit=LISTED)
    present = [] if running else jobs.files(job.id, PRESENT, limit=LISTED)
    return ImportState(
        id=job.id,
        status=job.status if unwritten is None else "failed",
        running=running,
        done=job.done,
        total=job.total,
        imported=result_counts.get(IMPORTED, 0),
        duplicates=result_counts.get(PRESENT, 0),
        labels=job.tally.labels,
        rejected=[{"file": outcome.file, "reason": outcome.reason} for _, outcome in rejected],
        rejected_count=result_counts.get(REJECTED, 0),
        present=[outcome.file for _, outcome in present],
        error=job.error if unwritten is None else unwritten,
        started=started,
        rate=_files_per_second(job, started),
        stopped=job.status == "stopped",
        waiting=waiting,
        actor=job.actor,
        what=str(job.source.get("what", "")),
        phase="" if reading is None else READING_TABLES,
        lines=reading or 0,
    )


def outcomes_to_csv(files: Iterable[FileOutcome]) -> str:
    """File outcomes as CSV with the columns file, result, reason, note, class, image_id."""
    heading = ("file", "result", "reason", "note", "class", "image_id")
    rows = (
        (file.file, file.result, file.reason, file.note, file.label, file.image_id or "") for file in files
    )
    return csv_text(chain([heading], rows))


def _files_per_second(job: Import, started: float) -> float:
    seconds = time.time() - started
    return (job.done - job.tally.begun_at) / seconds if job.status == "running" and seconds >= 1 else 0.0
