"""Imports as durable jobs: one after the other, in the background, resumed where a killed server left them."""

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
from workbench.importing.ingest import SAMPLES, ImportRequest, Ingest, sample_order
from workbench.importing.plan import plan
from workbench.importing.server_folders import files_in
from workbench.importing.staging import Staging
from workbench.importing.status import ImportState, as_csv, state_of
from workbench.importing.uploads import Upload

log = logging.getLogger(__name__)
MOST_ATTEMPTS = 3
CLOSE_SECONDS = 5
LOOK_SECONDS = 0.5
"""How often it is looked whether the reading of tables is to be stopped."""
FILES, SAMPLE_SET = "files", "samples"
UNEXPECTED = (
    "The import ended with an unexpected error. What was imported before stays; upload the files again."
)
STUCK = (
    "The server ended {attempts} times at the same place of this import, after {done} files. What was imported before "
    "stays; leave out the file that comes next."
)


@dataclass(frozen=True)
class NewImport:
    """What is to be imported.

    Attributes:
        uploads: Pictures, zips, and tables that say what they are.
        label: The class of all of them; empty where folders or tables name it.
        actor: Who asks.
        samples: Import the sample set instead.
        folder: Import this folder of the server instead.
    """

    uploads: Sequence[Upload] = ()
    label: str = ""
    actor: str = "api"
    samples: bool = False
    folder: str = ""


__all__ = ["ImportService", "ImportState", "NewImport"]


class _Interrupted(Exception):
    """The planning of an import was ended: by hand, or because the server ends."""


class ImportService:
    """Queues imports, carries them out in a thread, and tells what came of them."""

    def __init__(self, intake: Ingest, jobs: ImportJobs, staging: Staging, settings: Settings) -> None:
        self._intake = intake
        self._jobs = jobs
        self._staging = staging
        self._settings = settings
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = False
        # Ends that a full disk has no room for; the next start reads them from what is left.
        self._unwritten: dict[int, str] = {}
        self._elsewhere: set[int] = set()
        # Lines of tables that were read so far, of the import that reads them now.
        self._reading: dict[int, int] = {}

    def start(self, wanted: NewImport) -> int:
        """Queue an import.

        Returns:
            Its id.

        Raises:
            DomainError: The label cannot be a class name, or the folder may not be imported from.
            DiskFull: There is no room for the files.
        """
        label = class_name(wanted.label) if wanted.label else ""
        if wanted.samples:
            return self._queue(wanted.actor, label, {"kind": SAMPLE_SET, "what": "the sample set"})
        if wanted.folder:
            token = self._staging.note(files_in(wanted.folder, self._settings))
            what = f"the folder {wanted.folder}"
        else:
            token = self._staging.take(wanted.uploads)
            what = _named([upload.name for upload in wanted.uploads])
        try:
            return self._queue(wanted.actor, label, {"kind": FILES, "place": token, "what": what})
        except BaseException:
            self._staging.remove(token)
            raise

    def resume(self) -> None:
        """Take up what a killed server left, and tidy up after it."""
        active = self._jobs.active()
        self._staging.keep_only({str(each.source.get("place", "")) for each in active})
        if active:
            self._wake()

    def close(self) -> None:
        """Let go of the import in hand; the next start takes it up from there."""
        self._closing = True
        thread = self._thread
        if thread is not None:
            thread.join(timeout=CLOSE_SECONDS)

    def stop(self, import_id: int | None = None) -> ImportState:
        """End an import after the files in hand; what is in stays in.

        Args:
            import_id: The import; None ends the one that runs.

        Raises:
            NotFound: There is no such import.
            Conflict: It has ended already.
        """
        active = self._jobs.active()
        if import_id is None and not active:
            raise Conflict("No import is running, so there is nothing to stop.")
        stopped = self._jobs.request_stop(active[0].id if import_id is None else import_id)
        if not stopped.active:
            self._tidy(stopped)
        with self._changed:
            self._changed.notify_all()
        return self.state(stopped.id)

    def state(self, import_id: int | None = None) -> ImportState:
        """Where an import stands; that of the one that runs, else of the last one, where no id is given.

        Raises:
            NotFound: There is no such import.
        """
        active = self._jobs.active()
        if import_id is not None:
            return self._state(self._jobs.get(import_id), active)
        found = next(iter(active or self._jobs.recent(1)), None)
        return self._state(found, active) if found else ImportState()

    def recent(self, limit: int = 20) -> list[Import]:
        """The newest imports, newest first."""
        return self._jobs.recent(limit)

    def files(
        self, import_id: int, result: str = "", after: int = -1, limit: int = 200
    ) -> list[tuple[int, FileOutcome]]:
        """A page of what became of the files: position and outcome of each (see ``ImportJobs.files``)."""
        return self._jobs.files(import_id, result, after, limit)

    def every_file(self, import_id: int) -> Iterator[FileOutcome]:
        """What became of each file, in their order."""
        return self._jobs.every_file(import_id)

    def wait(self, import_id: int) -> ImportState:
        """Wait until an import has ended, or the server does.

        Raises:
            NotFound: There is no such import.
        """
        with self._changed:
            while self.state(import_id).running and not self._closing:
                self._changed.wait(1)
        return self.state(import_id)

    def report_csv(self, import_id: int) -> str:
        """What became of each file as CSV, with the columns file, result, reason, note, class, image_id.

        Raises:
            NotFound: There is no such import.
        """
        self._jobs.get(import_id)
        return as_csv(self._jobs.every_file(import_id))

    def _queue(self, actor: str, label: str, source: dict[str, str]) -> int:
        import_id = self._jobs.create(actor, label, source)
        self._wake()
        return import_id

    def _wake(self) -> None:
        with self._changed:
            if self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._work, name="imports", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while (found := self._next()) is not None:
            self._carry_out(found)
            with self._changed:
                self._changed.notify_all()

    def _next(self) -> Import | None:
        """The import to carry out now; where there is none this thread is at its end."""
        with self._changed:
            skipped = self._elsewhere | set(self._unwritten)
            waiting = [each for each in self._jobs.active() if each.id not in skipped]
            if waiting and not self._closing:
                return waiting[0]
            self._thread = None
            return None

    def _carry_out(self, found: Import) -> None:
        try:
            begun = self._jobs.begin(found.id)
            if begun is None:
                return
            if begun.tally.attempts > MOST_ATTEMPTS:
                self._end(begun, "failed", STUCK.format(attempts=MOST_ATTEMPTS, done=begun.done))
            elif self._take_in(begun):
                self._end(begun, "stopped")
            elif not self._closing:
                self._end(begun, "finished")
        except _Interrupted:
            if not self._closing:
                self._end(found, "stopped")
        except ImportRunsElsewhere:
            self._elsewhere.add(found.id)
        except DatabaseReplaced as error:
            # Its files stay: the next start takes it up.
            self._unwritten[found.id] = str(error)
        except DomainError as error:
            self._end(found, "failed", str(error))
        except Exception as error:
            log.exception("import %s failed", found.id)
            self._end(found, "failed", str(DiskFull()) if is_disk_full(error) else UNEXPECTED)

    def _take_in(self, job: Import) -> bool:
        """Take the files in that are left; tells whether the import was asked to stop."""
        order, files, total = self._order(job)
        self._jobs.size(job.id, total)
        asked = threading.Event()
        if job.stop_requested:
            asked.set()
        done, left = job.done, max(0, total - job.done)

        def resume(_: object) -> bool:
            nonlocal left
            on = not (asked.is_set() or self._closing)
            left -= on
            return on

        at = max(0, done - files)
        order = replace(
            order,
            sources=takewhile(resume, islice(order.sources, done, None)),
            after=takewhile(resume, islice(order.after, at, None)),
            applied=tuple(islice(order.after, at)),
            # What is told at the end counts as done too, so that it is not told again.
            complete=lambda: job.done <= total and (asked.is_set() or not left),
        )

        def record(outcomes: Sequence[FileOutcome | None]) -> None:
            nonlocal done
            if self._jobs.record(job.id, done, outcomes):
                asked.set()
            done += len(outcomes)

        for _ in self._intake.stream(order, record):
            pass
        return asked.is_set() and left > 0

    def _order(self, job: Import) -> tuple[ImportRequest, int, int]:
        """What an import reads, how many files that is, and how many there are with what its tables say."""
        if job.source["kind"] == SAMPLE_SET:
            return sample_order(job.actor), SAMPLES, SAMPLES
        try:
            found = plan(self._staging.files(job.source["place"]), self._settings.limits, self._watch(job))
        finally:
            self._reading.pop(job.id, None)
        order = ImportRequest(found.sources(), job.label, job.actor, after=found.after)
        return order, found.files, found.files + len(found.after)

    def _watch(self, job: Import) -> Callable[[int], None]:
        """Shows how far the reading of tables is, and ends it where that is asked for."""
        asked_at = -LOOK_SECONDS

        def watch(lines: int) -> None:
            nonlocal asked_at
            self._reading[job.id] = lines
            if self._closing:
                raise _Interrupted
            if monotonic() - asked_at >= LOOK_SECONDS:
                asked_at = monotonic()
                if self._jobs.get(job.id).stop_requested:
                    raise _Interrupted

        return watch

    def _end(self, job: Import, status: str, error: str = "") -> None:
        """Write the end down and then give the room back: of an import that is killed in between all is known."""
        try:
            self._write_end(job, status, error)
        except DiskFull:
            self._unwritten[job.id] = error or status
        except Exception as failure:
            # Its files stay: the next start takes it up.
            log.exception("the end of import %s cannot be written", job.id)
            self._unwritten[job.id] = str(failure) if isinstance(failure, DomainError) else UNEXPECTED
        else:
            self._tidy(job)

    def _write_end(self, job: Import, status: str, error: str) -> None:
        try:
            self._jobs.end(job.id, status, error)
        except DiskFull:
            # Its own files may be what fills the disk.
            self._tidy(job)
            self._jobs.end(job.id, status, error)

    def _tidy(self, job: Import) -> None:
        if place := job.source.get("place"):
            self._staging.remove(place)

    def _state(self, job: Import, active: Sequence[Import]) -> ImportState:
        waiting = sum(1 for each in active if each.id > job.id)
        return state_of(self._jobs, job, waiting, self._unwritten.get(job.id), self._reading.get(job.id))


def _named(names: Sequence[str]) -> str:
    """``photos.zip``, ``a.jpg and 11 more``."""
    first = names[0][:80] if names else "nothing"
    return first if len(names) < 2 else f"{first} and {len(names) - 1:,} more"
