"""The tries of a search, as the worker writes them and the page reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from storage.database import Database
from storage.records import Trial


class Trials:
    """The tries of all runs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, run_id: int, trial: Mapping[str, Any]) -> None:
        """Write where a try stands: ``number``, ``name``, ``spec``, ``status``, ``metrics`` and ``seconds``."""
        given = (trial["number"], trial["name"], json.dumps(trial["spec"]), trial["status"])
        with self._database.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO trials (run_id, number, name, spec, status, metrics, seconds) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (run_id, *given, json.dumps(trial["metrics"]), trial["seconds"]),
            )

    def of(self, run_id: int) -> list[Trial]:
        """The tries of a run, by number."""
        rows = self._database.rows("SELECT * FROM trials WHERE run_id = ? ORDER BY number", (run_id,))
        return [
            Trial(**{**dict(row), "spec": json.loads(row["spec"]), "metrics": json.loads(row["metrics"])})
            for row in rows
        ]
