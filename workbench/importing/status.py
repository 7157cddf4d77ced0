"""What is told of an import: where it stands, what came of it, and its report as a table."""

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
    """Where an import stands, or what came of it.

    Attributes:
        id: Its id, 0 where there never was one.
        status: ``queued``, ``running``, ``finished``, ``stopped`` or ``failed``; empty where there never was one.
        running: Whether it waits or runs.
        done: Files that are done.
        total: All files; 0 while it waits.
        imported: Files that were taken in.
        duplicates: Files whose content was there already.
        labels: Imported pictures per class; the empty name stands for unlabelled.
        rejected: The first 200 rejected files, each with ``file`` and ``reason``.
        rejected_count: How many were rejected.
        present: The first 200 files that were there already.
        error: Why it ended early.
        started: When it was begun, in seconds since 1970.
        rate: Files a second since then, 0 where that is not known yet.
        stopped: Whether it was ended by hand.
        waiting: Imports that wait behind it.
        actor: Who asked for it.
        what: What it reads, in words.
        phase: ``reading tables`` while tables are read, before the first file is taken in; empty otherwise.
        lines: Lines of tables that were read so far, in that phase.
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


def state_of(
    jobs: ImportJobs, job: Import, waiting: int, unwritten: str | None, reading: int | None
) -> ImportState:
    """Where an import stands.

    Args:
        jobs: Where its files are found.
        job: The import.
        waiting: How many wait behind it.
        unwritten: Why it ended, where the disk was too full to write that down.
        reading: How many lines of tables were read so far, where it reads them now.
    """
    running = job.active and unwritten is None
    tally = job.tally.results
    started = datetime.fromisoformat(job.started_at).timestamp() if job.started_at else 0.0
    rejected = [] if running else jobs.files(job.id, REJECTED, limit=LISTED)
    present = [] if running else jobs.files(job.id, PRESENT, limit=LISTED)
    return ImportState(
        id=job.id,
        status=job.status if unwritten is None else "failed",
        running=running,
        done=job.done,
        total=job.total,
        imported=tally.get(IMPORTED, 0),
        duplicates=tally.get(PRESENT, 0),
        labels=job.tally.labels,
        rejected=[{"file": each.file, "reason": each.reason} for _, each in rejected],
        rejected_count=tally.get(REJECTED, 0),
        present=[each.file for _, each in present],
        error=job.error if unwritten is None else unwritten,
        started=started,
        rate=_rate(job, started),
        stopped=job.status == "stopped",
        waiting=waiting,
        actor=job.actor,
        what=str(job.source.get("what", "")),
        phase="" if reading is None else READING_TABLES,
        lines=reading or 0,
    )


def as_csv(files: Iterable[FileOutcome]) -> str:
    """What became of files as CSV, with the columns file, result, reason, note, class, image_id."""
    heading = ("file", "result", "reason", "note", "class", "image_id")
    rows = (
        (file.file, file.result, file.reason, file.note, file.label, file.image_id or "") for file in files
    )
    return csv_text(chain([heading], rows))


def _rate(job: Import, started: float) -> float:
    seconds = time.time() - started
    return (job.done - job.tally.begun_at) / seconds if job.status == "running" and seconds >= 1 else 0.0
