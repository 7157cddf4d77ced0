"""One import at a time, in the background, with its progress and last report kept in the database."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import asdict, dataclass, replace
from itertools import takewhile

from storage.errors import Conflict, DomainError
from storage.preferences import Preferences
from workbench.intake import IMPORTED, PRESENT, REJECTED, Intake, Order, Report

log = logging.getLogger(__name__)
STATE = "import"
LISTED = 200
CUT_OFF = (
    "The import was cut off after {done} of {total} files. Upload the same files again: "
    "what is in already is recognised."
)
UNEXPECTED = (
    "The import ended with an unexpected error. What was imported before stays; upload the files again."
)


@dataclass(frozen=True)
class ImportState:
    """The import that runs or ran last.

    ``rejected`` and ``present`` list at most 200 files each; ``started`` is in seconds since 1970; ``stopped`` says that
    it was ended by hand.
    """

    running: bool = False
    done: int = 0
    total: int = 0
    imported: int = 0
    duplicates: int = 0
    labels: dict[str, int] | None = None
    rejected: list[dict[str, str]] | None = None
    rejected_count: int = 0
    present: list[str] | None = None
    error: str = ""
    started: float = 0.0
    stopped: bool = False


class Imports:
    """Runs imports for the page and keeps what came of the last one."""

    def __init__(self, intake: Intake, preferences: Preferences) -> None:
        self._intake = intake
        self._preferences = preferences
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def state(self) -> ImportState:
        """How far the import is, or what came of the last one."""
        runs = self._lock.locked()
        state = ImportState(**self._preferences.get(STATE, {}))
        if state.running and not (runs or self._lock.locked()):
            # The server ended meanwhile, or the disk was too full to write the end down.
            return ImportState(error=CUT_OFF.format(done=state.done, total=state.total))
        return state

    def start(self, order: Order, total: int) -> None:
        """Import in the background.

        Args:
            order: What to import.
            total: How many files that is, for the progress bar.

        Raises:
            Conflict: An import is running.
            DiskFull: There is no room even for its progress.
        """
        if not self._lock.acquire(blocking=False):
            raise Conflict("An import is running already. Wait until it is done, then add more.")
        self._stop.clear()
        begun = ImportState(running=True, total=total, started=time.time())
        try:
            self._save(begun)
        except BaseException:
            self._lock.release()
            raise
        threading.Thread(target=self._carry_out, args=(order, begun), name="import", daemon=True).start()

    def stop(self) -> None:
        """End the import after the files in hand; what is in stays in."""
        self._stop.set()

    def _carry_out(self, order: Order, begun: ImportState) -> None:
        files = takewhile(lambda _: not self._stop.is_set(), order.sources)
        try:
            report = self._intake.run(replace(order, sources=files), lambda done: self._advance(done, begun))
            self._save(replace(_state(report), stopped=self._stop.is_set()))
        except DomainError as error:
            self._save(ImportState(error=str(error)))
        except Exception:
            log.exception("an import failed")
            self._save(ImportState(error=UNEXPECTED))
        finally:
            self._lock.release()

    def _advance(self, done: int, begun: ImportState) -> None:
        self._save(replace(begun, done=done, total=max(begun.total, done)))

    def _save(self, state: ImportState) -> None:
        self._preferences.set(STATE, asdict(state))


def _state(report: Report) -> ImportState:
    rejected = [{"file": each.file, "reason": each.reason} for each in report.having(REJECTED)]
    present = [each.file for each in report.having(PRESENT)]
    return ImportState(
        done=len(report.outcomes),
        total=len(report.outcomes),
        imported=len(report.having(IMPORTED)),
        duplicates=len(present),
        labels=report.labels,
        rejected=rejected[:LISTED],
        rejected_count=len(rejected),
        present=present[:LISTED],
    )
