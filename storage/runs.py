"""Training runs: a queue of rows that the worker fills and the page polls."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from typing import Any

from storage.clock import now
from storage.database import Database
from storage.errors import Conflict, NotFound
from storage.records import Run, ValidationPrediction

ENDED = ("finished", "stopped", "failed", "interrupted")


class Runs:
    """The runs of the workbench, newest last."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, snapshot_id: int, spec: Mapping[str, Any]) -> int:
        """Queue a run and give its id."""
        with self._database.write() as connection:
            cursor = connection.execute(
                "INSERT INTO runs (snapshot_id, spec, status, created_at) VALUES (?, ?, 'queued', ?)",
                (snapshot_id, json.dumps(spec), now()),
            )
        return int(cursor.lastrowid or 0)

    def get(self, run_id: int) -> Run:
        """One run.

        Raises:
            NotFound: There is no such run.
        """
        row = self._database.row("SELECT * FROM runs WHERE id = ?", (run_id,))
        if row is None:
            raise NotFound(f"There is no run {run_id}.")
        return _run(row)

    def recent(self, limit: int = 50) -> list[Run]:
        """The newest runs, newest first."""
        return [
            _run(row) for row in self._database.rows("SELECT * FROM runs ORDER BY id DESC LIMIT ?", (limit,))
        ]

    def active(self) -> list[Run]:
        """Runs that wait or run, oldest first."""
        sql = "SELECT * FROM runs WHERE status IN ('queued', 'running') ORDER BY status DESC, id"
        return [_run(row) for row in self._database.rows(sql)]

    def claim(self, run_id: int, pid: int, process_started: float) -> bool:
        """Hand a queued run to a process; False where it is not queued any more."""
        with self._database.write() as connection:
            cursor = connection.execute(
                "UPDATE runs SET status = 'running', phase = 'starting', pid = ?, process_started = ?, "
                "heartbeat = ?, started_at = ? WHERE id = ? AND status = 'queued'",
                (pid, process_started, time.time(), now(), run_id),
            )
        return cursor.rowcount == 1

    def beat(self, run_id: int, phase: str, progress: Mapping[str, Any]) -> bool:
        """Write heartbeat, phase and progress, unless the run has ended; tells whether a stop was asked for."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE runs SET heartbeat = ?, phase = ?, progress = ? WHERE id = ? AND status = 'running'",
                (time.time(), phase, json.dumps(progress), run_id),
            )
            row = connection.execute("SELECT stop_requested FROM runs WHERE id = ?", (run_id,)).fetchone()
        return bool(row["stop_requested"])

    def add_epoch(self, run_id: int, epoch: int, metrics: Mapping[str, Any]) -> None:
        """Write what an epoch measured."""
        with self._database.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO epochs (run_id, epoch, metrics) VALUES (?, ?, ?)",
                (run_id, epoch, json.dumps(metrics)),
            )

    def history(self, run_id: int) -> list[dict[str, Any]]:
        """What each epoch measured, in order."""
        rows = self._database.rows("SELECT metrics FROM epochs WHERE run_id = ? ORDER BY epoch", (run_id,))
        return [json.loads(row["metrics"]) for row in rows]

    def request_stop(self, run_id: int) -> Run:
        """Ask a run to stop; one that still waits ends at once.

        Raises:
            NotFound: There is no such run.
            Conflict: It has ended already.
        """
        with self._database.write() as connection:
            row = connection.execute("SELECT status FROM runs WHERE id = ?", (run_id,)).fetchone()
            if row is None:
                raise NotFound(f"There is no run {run_id}.")
            if row["status"] in ENDED:
                raise Conflict(
                    f"Run {run_id} has ended already ({row['status']}), so there is nothing to stop."
                )
            connection.execute("UPDATE runs SET stop_requested = 1 WHERE id = ?", (run_id,))
            connection.execute(
                "UPDATE runs SET status = 'stopped', ended_at = ?, error = ? WHERE id = ? AND status = 'queued'",
                (now(), "Stopped before it began, so there is no model.", run_id),
            )
        return self.get(run_id)

    def end(self, run_id: int, status: str, error: str | None = None) -> bool:
        """End a run that is still active; False where it has ended already."""
        with self._database.write() as connection:
            cursor = connection.execute(
                "UPDATE runs SET status = ?, error = ?, ended_at = ? "
                "WHERE id = ? AND status IN ('queued', 'running')",
                (status, error, now(), run_id),
            )
        return cursor.rowcount == 1

    def predictions(self, run_id: int) -> list[ValidationPrediction]:
        """What the best epoch says of each validation picture, by id."""
        rows = self._database.rows(
            "SELECT image_id, label, predicted, scores FROM validation_predictions WHERE run_id = ? ORDER BY image_id",
            (run_id,),
        )
        return [
            ValidationPrediction(row[0], row[1], row[2], tuple(json.loads(row["scores"]))) for row in rows
        ]


def add_predictions(
    connection: sqlite3.Connection, run_id: int, predictions: Sequence[ValidationPrediction]
) -> None:
    """Write a run's validation predictions within the caller's transaction."""
    connection.executemany(
        "INSERT INTO validation_predictions (run_id, image_id, label, predicted, scores) VALUES (?, ?, ?, ?, ?)",
        [(run_id, p.image_id, p.label, p.predicted, json.dumps(p.scores)) for p in predictions],
    )


def _run(row: sqlite3.Row) -> Run:
    values = dict(row)
    values["spec"] = json.loads(values["spec"])
    values["progress"] = json.loads(values["progress"])
    for key in ("stop_requested", "pause_requested"):
        values[key] = bool(values[key])
    return Run(**values)
