"""The tries of a search, as the page reads them."""

from __future__ import annotations

import json

from storage.database import Database
from storage.records import Trial


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
