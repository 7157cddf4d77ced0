"""A worker's hold on its run: everything it writes is refused once the run is not its own any more."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storage.core.database import Database
from storage.core.errors import Conflict
from storage.core.timestamps import now

ENDED = ("finished", "stopped", "failed", "interrupted")
STOP, PAUSE = "stop", "pause"

_OWN = "id = ? AND attempt = ? AND status = 'running'"


class Superseded(Conflict):
    """A run has ended, or was given to another worker, while this one still worked on it."""

    def __init__(self, run_id: int) -> None:
        super().__init__(f"Run {run_id} has ended already, or was given to another process.")


@dataclass(frozen=True)
class RunAttempt:
    """One attempt at carrying a run out, from the moment in which a process takes the run.

    Attributes:
        database: Where the run is.
        run_id: The run.
        number: Counts the attempts at this run from 1. What a worker writes counts only while its attempt is the last one and
            the run is running: a fencing token.
    """

    database: Database
    run_id: int
    number: int

    def heartbeat(self, phase: str, progress: Mapping[str, Any]) -> str:
        """Write heartbeat, phase and progress.

        Returns:
            What is asked of the run: nothing, ``stop`` or ``pause``.

        Raises:
            Superseded: The run is not this attempt's any more.
        """
        with self.database.write() as connection:
            self.require(connection)
            row = connection.execute(
                "UPDATE runs SET heartbeat = ?, phase = ?, progress = ? WHERE id = ? "
                "RETURNING stop_requested, pause_requested",
                (time.time(), phase, json.dumps(progress), self.run_id),
            ).fetchone()
        if row["stop_requested"]:
            return STOP
        return PAUSE if row["pause_requested"] else ""

    def add_epoch(self, epoch: int, metrics: Mapping[str, Any]) -> None:
        """Write what an epoch measured; a run that went back to an earlier epoch writes over it.

        Raises:
            Superseded: The run is not this attempt's any more.
        """
        with self.database.write() as connection:
            self.require(connection)
            connection.execute(
                "INSERT OR REPLACE INTO epochs (run_id, epoch, metrics) VALUES (?, ?, ?)",
                (self.run_id, epoch, json.dumps(metrics)),
            )

    def put_trial(self, trial: Mapping[str, Any]) -> None:
        """Write where a try stands: ``number``, ``name``, ``spec``, ``status``, ``metrics`` and ``seconds``.

        Raises:
            Superseded: The run is not this attempt's any more.
        """
        given = (trial["number"], trial["name"], json.dumps(trial["spec"]), trial["status"])
        with self.database.write() as connection:
            self.require(connection)
            connection.execute(
                "INSERT OR REPLACE INTO trials (run_id, number, name, spec, status, metrics, seconds) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (self.run_id, *given, json.dumps(trial["metrics"]), trial["seconds"]),
            )

    def end(self, status: str, error: str | None = None) -> bool:
        """End or pause the run; False where it is not this attempt's any more."""
        ended_at = now() if status in ENDED else None
        with self.database.write() as connection:
            cursor = connection.execute(
                f"UPDATE runs SET status = ?, error = ?, ended_at = ? WHERE {_OWN}",
                (status, error, ended_at, self.run_id, self.number),
            )
        return cursor.rowcount == 1

    def require(self, connection: sqlite3.Connection) -> None:
        """Within a transaction that writes for this attempt.

        Raises:
            Superseded: The run is not this attempt's any more.
        """
        own = (self.run_id, self.number)
        if connection.execute(f"SELECT 1 FROM runs WHERE {_OWN}", own).fetchone() is None:
            raise Superseded(self.run_id)
