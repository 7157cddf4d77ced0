"""One import at a time, in the background, with its progress and last report kept in the database."""

from __future__ import annotations

import logging
import threading
from dataclasses import asdict, dataclass

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
    """The import that runs or ran last. ``rejected`` and ``present`` list at most 200 files each."""

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


class Imports:
    """Runs imports for the page and keeps what came of the last one."""

    def __init__(self, intake: Intake, preferences: Preferences) -> None:
        self._intake = intake
        self._preferences = preferences
        self._lock = threading.Lock()

    def state(self) -> ImportState:
        """How far the import is, or what came of the last one."""
        return ImportState(**self._preferences.get(STATE, {}))

    def recover(self) -> None:
        """After a start: an import that was running then was cut off."""
        state = self.state()
        if state.running:
            self._save(ImportState(error=CUT_OFF.format(done=state.done, total=state.total)))

    def start(self, order: Order, total: int) -> None:
        """Import in the background.

        Args:
            order: What to import.
            total: How many files that is, for the progress bar.

        Raises:
            Conflict: An import is running.
        """
        if not self._lock.acquire(blocking=False):
            raise Conflict("An import is running already. Wait until it is done, then add more.")
        self._save(ImportState(running=True, total=total))
        threading.Thread(target=self._carry_out, args=(order, total), name="import", daemon=True).start()

    def _carry_out(self, order: Order, total: int) -> None:
        try:
            self._save(_state(self._intake.run(order, lambda done: self._advance(done, total))))
        except DomainError as error:
            self._save(ImportState(error=str(error)))
        except Exception:
            log.exception("an import failed")
            self._save(ImportState(error=UNEXPECTED))
        finally:
            self._lock.release()

    def _advance(self, done: int, total: int) -> None:
        self._save(ImportState(running=True, done=done, total=max(total, done)))

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
