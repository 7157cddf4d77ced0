"""Durable import jobs: run one at a time in a background thread, resumed after a crash."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, takewhile
from time import monotonic

from storage.core.errors import Conflict, DatabaseReplaced, DiskFull, DomainError, is_disk_full
from storage.jobs.import_jobs import (
    FileOutcome,
    Import,
    ImportJobs,
    ImportRunsElsewhere,
)
from workbench.catalogue.labelling import class_name
from workbench.core.settings import Settings
from workbench.importing.ingest import SAMPLES, ImportRequest, Ingest, sample_request
from workbench.importing.plan import build_plan
from workbench.importing.server_folders import list_files
from workbench.importing.staging import Staging
from workbench.importing.status import ImportState, build_state, outcomes_to_csv
from workbench.importing.uploads import Upload

log = logging.getLogger(__name__)
MOST_ATTEMPTS = 3
CLOSE_SECONDS = 5
LOOK_SECONDS = 0.5
"""Seconds between checks for a stop request while tables are read."""
FILES, SAMPLE_SET = "files", "samples"
NONE_RUNNING = "No import is running, so there is nothing to stop."
UNEXPECTED = (
    "The import ended with an unexpected error. What was imported before stays; upload the files again."
)
STUCK = (
    "The server ended {attempts} times at the same place of this import, after {done} files. What was imported before "
    "stays; leave out the file that comes next."
)


@dataclass(frozen=True)
class NewImport:
    """Parameters of a new import.

    Attributes:
        uploads: Pictures, zips, and label tables.
        label: The class of all pictures; empty if folders or tables name it.
        actor: User that requested the import.
        samples: Import the sample set instead of ``uploads``.
        folder: Import this server folder instead of ``uploads``.
    """

    uploads: Sequence[Upload] = ()
    label: str = ""
    actor: str = "api"
    samples: bool = False
    folder: str = ""


__all__ = ["ImportService", "ImportState", "NewImport"]


class _PlanningCancelled(Exception):
    """Planning was cancelled by a stop request or by server shutdown."""


class ImportService:
    """Queues imports, runs them in a background thread, and reports their state."""

    def __init__(self, ingest: Ingest, jobs: ImportJobs, staging: Staging, settings: Settings) -> None:
        self._intake = ingest
        self._jobs = jobs
        self._staging = staging
        self._settings = settings
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = False
        # Final statuses that could not be written to a full disk; the next start resumes these imports.
        self._unwritten_errors: dict[int, str] = {}
        self._running_elsewhere: set[int] = set()
        # Number of table lines read so far, by id of the import that is being planned.
        self._lines_read: dict[int, int] = {}

    def start(self, request: NewImport) -> int:
        """Queue an import.

        Returns:
            The id of the import.

        Raises:
            DomainError: The label is not a valid class name, or the folder is not allowed.
            DiskFull: There is no space for the files.
        """
        label = class_name(request.label) if request.label else ""
        if request.samples:
            return self._queue(request.actor, label, {"kind": SAMPLE_SET, "what": "the sample set"})
        if request.folder:
            token = self._staging.note(list_files(request.folder, self._settings))
            description = f"the folder {request.folder}"
        else:
            token = self._staging.take(request.uploads)
            description = _description_of([upload.name for upload in request.uploads])
        try:
            return self._queue(request.actor, label, {"kind": FILES, "place": token, "what": description})
        except BaseException:
            self._staging.remove(token)
            raise

    def resume(self) -> None:
        """Resume imports left by a killed server, and remove orphaned staging folders."""
        active = self._jobs.active()
        self._staging.keep_only({str(job.source.get("place", "")) for job in active})
        if active:
            self._ensure_thread()

    def close(self) -> None:
        """Stop the worker thread; the next start resumes the running import."""
        self._closing = True
        thread = self._thread
        if thread is not None:
            thread.join(timeout=CLOSE_SECONDS)

    def stop(self, import_id: int | None = None) -> ImportState:
        """Stop an import after the files in progress; imported pictures stay.

        Args:
            import_id: The import; None for the running one.

        Raises:
            NotFound: There is no such import.
            Conflict: The import has already ended, or none is running.
        """
        active = self._jobs.active()
        if import_id is None and not active:
            raise Conflict(NONE_RUNNING)
        stopped = self._jobs.request_stop(active[0].id if import_id is None else import_id)
        if not stopped.active:
            self._remove_staged(stopped)
        with self._changed:
            self._changed.notify_all()
        return self.state(stopped.id)

    def state(self, import_id: int | None = None) -> ImportState:
        """The state of an import; without an id, of the running one or else the most recent one.

        Raises:
            NotFound: There is no such import.
        """
        active = self._jobs.active()
        if import_id is not None:
            return self._state(self._jobs.get(import_id), active)
        current = next(iter(active or self._jobs.recent(1)), None)
        return self._state(current, active) if current else ImportState()

    def recent(self, limit: int = 20) -> list[Import]:
        """The newest imports, newest first."""
        return self._jobs.recent(limit)

    def files(
        self, import_id: int, result: str = "", after: int = -1, limit: int = 200
    ) -> list[tuple[int, FileOutcome]]:
        """A page of file outcomes with their positions (see ``ImportJobs.files``)."""
        return self._jobs.files(import_id, result, after, limit)

    def every_file(self, import_id: int) -> Iterator[FileOutcome]:
        """The outcome of each file, in order."""
        return self._jobs.every_file(import_id)

    def wait(self, import_id: int) -> ImportState:
        """Block until an import has ended or the service is closed.

        Raises:
            NotFound: There is no such import.
        """
        with self._changed:
            while self.state(import_id).running and not self._closing:
                self._changed.wait(1)
        return self.state(import_id)

    def report_csv(self, import_id: int) -> str:
        """The outcomes as CSV with the columns file, result, reason, note, class, image_id.

        Raises:
            NotFound: There is no such import.
        """
        self._jobs.get(import_id)
        return outcomes_to_csv(self._jobs.every_file(import_id))

    def _queue(self, actor: str, label: str, source: dict[str, str]) -> int:
        import_id = self._jobs.create(actor, label, source)
        self._ensure_thread()
        return import_id

    def _ensure_thread(self) -> None:
        with self._changed:
            if self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._run_queue, name="imports", daemon=True)
                self._thread.start()

    def _run_queue(self) -> None:
        while (job := self._next_import()) is not None:
            self._run_import(job)
            with self._changed:
                self._changed.notify_all()

    def _next_import(self) -> Import | None:
        """The next import to run; None, and the thread is unregistered, if there is none."""
        with self._changed:
            skipped_ids = self._running_elsewhere | set(self._unwritten_errors)
            queued = [job for job in self._jobs.active() if job.id not in skipped_ids]
            if queued and not self._closing:
                return queued[0]
            self._thread = None
            return None

    def _run_import(self, job: Import) -> None:
        try:
            running_job = self._jobs.begin(job.id)
            if running_job is None:
                return
            if running_job.tally.attempts > MOST_ATTEMPTS:
                self._finish(
                    running_job, "failed", STUCK.format(attempts=MOST_ATTEMPTS, done=running_job.done)
                )
            elif self._import_files(running_job):
                self._finish(running_job, "stopped")
            elif not self._closing:
                self._finish(running_job, "finished")
        except _PlanningCancelled:
            if not self._closing:
                self._finish(job, "stopped")
        except ImportRunsElsewhere:
            self._running_elsewhere.add(job.id)
        except DatabaseReplaced as error:
            # The staged files are kept: the next start resumes the import.
            self._unwritten_errors[job.id] = str(error)
        except DomainError as error:
            self._finish(job, "failed", str(error))
        except Exception as error:
            log.exception("import %s failed", job.id)
            self._finish(job, "failed", str(DiskFull()) if is_disk_full(error) else UNEXPECTED)

    def _import_files(self, job: Import) -> bool:
        """Import the remaining files; returns whether the import was stopped by request before the end."""
        request, num_files, total = self._build_request(job)
        self._jobs.size(job.id, total)
        stop_event = threading.Event()
        if job.stop_requested:
            stop_event.set()
        done, remaining = job.done, max(0, total - job.done)

        def keep_going(_: object) -> bool:
            nonlocal remaining
            continues = not (stop_event.is_set() or self._closing)
            remaining -= continues
            return continues

        table_offset = max(0, done - num_files)
        request = replace(
            request,
            sources=takewhile(keep_going, islice(request.sources, done, None)),
            after=takewhile(keep_going, islice(request.after, table_offset, None)),
            applied=tuple(islice(request.after, table_offset)),
            # Faults reported at the end count as done too, so that a resumed import does not report them again.
            complete=lambda: job.done <= total and (stop_event.is_set() or not remaining),
        )

        def record(outcomes: Sequence[FileOutcome | None]) -> None:
            nonlocal done
            if self._jobs.record(job.id, done, outcomes):
                stop_event.set()
            done += len(outcomes)

        for _ in self._intake.stream(request, record):
            pass
        return stop_event.is_set() and remaining > 0

    def _build_request(self, job: Import) -> tuple[ImportRequest, int, int]:
        """The request of an import, its number of files, and its number of files and table items together."""
        if job.source["kind"] == SAMPLE_SET:
            return sample_request(job.actor), SAMPLES, SAMPLES
        try:
            import_plan = build_plan(
                self._staging.files(job.source["place"]), self._settings.limits, self._planning_progress(job)
            )
        finally:
            self._lines_read.pop(job.id, None)
        request = ImportRequest(import_plan.sources(), job.label, job.actor, after=import_plan.after)
        return request, import_plan.files, import_plan.files + len(import_plan.after)

    def _planning_progress(self, job: Import) -> Callable[[int], None]:
        """A progress callback that publishes the number of table lines read and cancels planning on a stop request."""
        last_check = -LOOK_SECONDS

        def on_progress(lines: int) -> None:
            nonlocal last_check
            self._lines_read[job.id] = lines
            if self._closing:
                raise _PlanningCancelled
            if monotonic() - last_check >= LOOK_SECONDS:
                last_check = monotonic()
                if self._jobs.get(job.id).stop_requested:
                    raise _PlanningCancelled

        return on_progress

    def _finish(self, job: Import, status: str, error: str = "") -> None:
        """Write the final status, then remove the staged files, in this order so that a crash in between loses nothing."""
        try:
            self._write_final_status(job, status, error)
        except DiskFull:
            self._unwritten_errors[job.id] = error or status
        except Exception as failure:
            # The staged files are kept: the next start resumes the import.
            log.exception("the end of import %s cannot be written", job.id)
            self._unwritten_errors[job.id] = str(failure) if isinstance(failure, DomainError) else UNEXPECTED
        else:
            self._remove_staged(job)

    def _write_final_status(self, job: Import, status: str, error: str) -> None:
        try:
            self._jobs.end(job.id, status, error)
        except DiskFull:
            # The staged files may be what fills the disk.
            self._remove_staged(job)
            self._jobs.end(job.id, status, error)

    def _remove_staged(self, job: Import) -> None:
        if token := job.source.get("place"):
            self._staging.remove(token)

    def _state(self, job: Import, active: Sequence[Import]) -> ImportState:
        num_waiting = sum(1 for other in active if other.id > job.id)
        return build_state(
            self._jobs, job, num_waiting, self._unwritten_errors.get(job.id), self._lines_read.get(job.id)
        )


def _description_of(names: Sequence[str]) -> str:
    """``photos.zip``, ``a.jpg and 11 more``."""
    first_name = names[0][:80] if names else "nothing"
    return first_name if len(names) < 2 else f"{first_name} and {len(names) - 1:,} more"
