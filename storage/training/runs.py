"""Training runs: a queue of rows that the worker fills and the page polls."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from typing import Any

from storage.core.database import Database
from storage.core.errors import Conflict, NotFound
from storage.core.timestamps import now
from storage.records import Run, Trial, ValidationPrediction
from storage.training.run_attempts import ENDED, RunAttempt

RESUMABLE = ("paused", "stopped", "failed", "interrupted")
_BEHIND = "(SELECT coalesce(max(place), 0) + 1 FROM runs)"
_QUEUE = "SELECT * FROM runs WHERE status = 'queued' ORDER BY place, id"
_COPIED = {"epochs": "epoch, metrics", "trials": "number, name, spec, status, metrics, seconds"}
NO_RUN = "There is no run {id}."
ALREADY_PAUSED = "Run {id} is paused, so it cannot be paused."
STOP_REQUESTED = "Run {id} was asked to stop, so it cannot be paused."
NOT_RESUMABLE = "Run {id} is {status}, so there is nothing to go on with."
NOT_WAITING = "Run {id} does not wait any more, so it cannot be moved."
RUN_ENDED = "Run {id} has ended already ({status}), so there is nothing to {act}."
_NOT_BEGUN = "Stopped before it began, so there is no model."
_LEFT = "Taken out of the queue; resume it to go on from its last finished epoch."


class QueueFull(Conflict):
    """As many runs wait as may."""

    def __init__(self, waiting: int) -> None:
        super().__init__(
            f"{waiting} runs wait already, and no more may (WORKBENCH_MAX_QUEUED_RUNS). "
            "Take one out of the queue, or try again when the next one has begun."
        )


class Runs:
    """The runs of the workbench, newest last. Those that wait begin in the order of their ``place``.

    Args:
        database: Where they are.
        most_queued: How many may wait at once.
    """

    def __init__(self, database: Database, most_queued: int) -> None:
        self._database = database
        self._most_queued = most_queued

    def create(self, snapshot_id: int, spec: Mapping[str, Any]) -> int:
        """Queue a run behind all others and give its id.

        Raises:
            QueueFull: As many runs wait as may.
        """
        with self._database.write() as connection:
            self._require_place(connection)
            return _insert(connection, snapshot_id, json.dumps(spec))

    def get(self, run_id: int) -> Run:
        """One run.

        Raises:
            NotFound: There is no such run.
        """
        return _get(self._database.connection(), run_id)

    def recent(self, limit: int = 50) -> list[Run]:
        """The newest runs, newest first."""
        return [
            _run(row) for row in self._database.rows("SELECT * FROM runs ORDER BY id DESC LIMIT ?", (limit,))
        ]

    def active(self) -> list[Run]:
        """Runs that run, oldest first, then those that wait, in their order."""
        running = "SELECT * FROM runs WHERE status = 'running' ORDER BY id"
        return [_run(row) for sql in (running, _QUEUE) for row in self._database.rows(sql)]

    def claim(
        self, run_id: int, pid: int | None, process_started: str | None, engine: str = "local"
    ) -> RunAttempt | None:
        """Hand a queued run to a process, or to an engine without one here; None where it is not queued any more."""
        with self._database.write() as connection:
            row = connection.execute(
                "UPDATE runs SET status = 'running', phase = 'starting', pid = ?, process_started = ?, "
                "engine = ?, heartbeat = ?, started_at = ?, attempt = attempt + 1 WHERE id = ? AND status = 'queued' "
                "RETURNING attempt",
                (pid, process_started, engine, time.time(), now(), run_id),
            ).fetchone()
        return RunAttempt(self._database, run_id, row["attempt"]) if row else None

    def history(self, run_id: int) -> list[dict[str, Any]]:
        """What each epoch measured, in order."""
        rows = self._database.rows("SELECT metrics FROM epochs WHERE run_id = ? ORDER BY epoch", (run_id,))
        return [json.loads(row["metrics"]) for row in rows]

    def request_stop(self, run_id: int) -> Run:
        """Ask a run to stop; one that still waits ends at once, one that is paused goes on to keep its best epoch.

        Raises:
            NotFound: There is no such run.
            Conflict: It has ended already.
        """
        with self._database.write() as connection:
            run = _under_way(connection, run_id, "stop")
            if run.status == "running":
                connection.execute("UPDATE runs SET stop_requested = 1 WHERE id = ?", (run_id,))
            elif run.status == "paused" and _begun(connection, run_id):
                _queue_again(connection, run_id, stop=True)
            else:
                _leave(connection, run_id)
        return self.get(run_id)

    def request_pause(self, run_id: int) -> Run:
        """Ask a run to pause after its last finished epoch; one that still waits pauses at once.

        Raises:
            NotFound: There is no such run.
            Conflict: It has ended, is paused, or was asked to stop.
        """
        with self._database.write() as connection:
            run = _under_way(connection, run_id, "pause")
            if run.status == "paused" or run.stop_requested:
                reason = STOP_REQUESTED if run.stop_requested else ALREADY_PAUSED
                raise Conflict(reason.format(id=run_id))
            connection.execute(
                "UPDATE runs SET pause_requested = 1, status = iif(status = 'queued', 'paused', status) WHERE id = ?",
                (run_id,),
            )
        return self.get(run_id)

    def resume(self, run_id: int) -> int:
        """Queue a run again that was paused or has ended without finishing, behind all others.

        Returns:
            Its id; that of a new run where it has a model, which goes on from it with its epochs and tries.

        Raises:
            NotFound: There is no such run.
            Conflict: It is under way or finished.
            QueueFull: As many runs wait as may.
        """
        with self._database.write() as connection:
            run = _get(connection, run_id)
            if run.status not in RESUMABLE:
                raise Conflict(NOT_RESUMABLE.format(id=run_id, status=run.status))
            self._require_place(connection)
            if run.version is None:
                _queue_again(connection, run_id, stop=False)
                return run_id
            return _continued(connection, run)

    def move(self, run_id: int, place: int) -> list[Run]:
        """Let a run that waits begin as the ``place``-th, counted from 1; give the queue in its new order.

        Raises:
            NotFound: There is no such run.
            Conflict: It does not wait.
        """
        with self._database.write() as connection:
            if _get(connection, run_id).status != "queued":
                raise Conflict(NOT_WAITING.format(id=run_id))
            rows = connection.execute(_QUEUE).fetchall()
            order = [row["id"] for row in rows if row["id"] != run_id]
            order.insert(max(place - 1, 0), run_id)
            connection.executemany(
                "UPDATE runs SET place = ? WHERE id = ?",
                [(row["place"], waiting_id) for row, waiting_id in zip(rows, order, strict=True)],
            )
        return [_run(row) for row in self._database.rows(_QUEUE)]

    def end(self, run_id: int, status: str, error: str | None = None) -> bool:
        """End or pause a run that is still active, whoever carries it out; False where it has ended already."""
        ended_at = now() if status in ENDED else None
        with self._database.write() as connection:
            cursor = connection.execute(
                "UPDATE runs SET status = ?, error = ?, ended_at = ? "
                "WHERE id = ? AND status IN ('queued', 'running')",
                (status, error, ended_at, run_id),
            )
        return cursor.rowcount == 1

    def attempt_at(self, run: Run) -> RunAttempt:
        """The attempt that a run is in, as it was read."""
        return RunAttempt(self._database, run.id, run.attempt)

    def predictions(self, run_id: int) -> list[ValidationPrediction]:
        """What the best epoch says of each validation picture, by id."""
        rows = self._database.rows(
            "SELECT image_id, label, predicted, scores FROM validation_predictions WHERE run_id = ? ORDER BY image_id",
            (run_id,),
        )
        return [
            ValidationPrediction(row[0], row[1], row[2], tuple(json.loads(row["scores"]))) for row in rows
        ]

    def _require_place(self, connection: sqlite3.Connection) -> None:
        waiting = connection.execute("SELECT count(*) FROM runs WHERE status = 'queued'").fetchone()[0]
        if waiting >= self._most_queued:
            raise QueueFull(waiting)


def prediction_rows(run_id: int, predictions: Sequence[ValidationPrediction]) -> list[tuple[Any, ...]]:
    """A run's validation predictions as :func:`add_predictions` writes them."""
    return [(run_id, p.image_id, p.label, p.predicted, json.dumps(p.scores)) for p in predictions]


def add_predictions(connection: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Write a run's validation predictions within the caller's transaction."""
    connection.executemany(
        "INSERT INTO validation_predictions (run_id, image_id, label, predicted, scores) VALUES (?, ?, ?, ?, ?)",
        rows,
    )


def _insert(connection: sqlite3.Connection, snapshot_id: int, spec: str) -> int:
    cursor = connection.execute(
        f"INSERT INTO runs (snapshot_id, spec, status, created_at, place) VALUES (?, ?, 'queued', ?, {_BEHIND})",
        (snapshot_id, spec, now()),
    )
    return int(cursor.lastrowid or 0)


def _get(connection: sqlite3.Connection, run_id: int) -> Run:
    row = connection.execute("SELECT * FROM runs WHERE id = ?", (run_id,)).fetchone()
    if row is None:
        raise NotFound(NO_RUN.format(id=run_id))
    return _run(row)


def _under_way(connection: sqlite3.Connection, run_id: int, act: str) -> Run:
    run = _get(connection, run_id)
    if run.status in ENDED:
        raise Conflict(RUN_ENDED.format(id=run_id, status=run.status, act=act))
    return run


def _begun(connection: sqlite3.Connection, run_id: int) -> bool:
    return connection.execute("SELECT 1 FROM epochs WHERE run_id = ?", (run_id,)).fetchone() is not None


def _leave(connection: sqlite3.Connection, run_id: int) -> None:
    reason = _LEFT if _begun(connection, run_id) else _NOT_BEGUN
    connection.execute(
        "UPDATE runs SET status = 'stopped', ended_at = ?, error = ? WHERE id = ?", (now(), reason, run_id)
    )


def _queue_again(connection: sqlite3.Connection, run_id: int, stop: bool) -> None:
    connection.execute(
        f"UPDATE runs SET status = 'queued', place = {_BEHIND}, stop_requested = ?, pause_requested = 0, phase = '', "
        "progress = '{}', error = NULL, ended_at = NULL, pid = NULL, process_started = NULL, heartbeat = NULL "
        "WHERE id = ?",
        (stop, run_id),
    )


def _continued(connection: sqlite3.Connection, run: Run) -> int:
    new = _insert(connection, run.snapshot_id, json.dumps(run.spec))
    connection.execute("UPDATE runs SET continues = ? WHERE id = ?", (run.id, new))
    for table, columns in _COPIED.items():
        connection.execute(
            f"INSERT INTO {table} (run_id, {columns}) SELECT ?, {columns} FROM {table} WHERE run_id = ?",
            (new, run.id),
        )
    return new


def _run(row: sqlite3.Row) -> Run:
    values = dict(row)
    values["spec"] = json.loads(values["spec"])
    values["progress"] = json.loads(values["progress"])
    for key in ("stop_requested", "pause_requested"):
        values[key] = bool(values[key])
    return Run(**values)


class Trials:
    """The tries of all runs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, run_id: int) -> list[Trial]:
        """The tries of a run, by number."""
        rows = self._database.rows("SELECT * FROM trials WHERE run_id = ? ORDER BY number", (run_id,))
        return [
            Trial(**{**dict(row), "spec": json.loads(row["spec"]), "metrics": json.loads(row["metrics"])})
            for row in rows
        ]
