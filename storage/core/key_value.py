"""Small settings that people choose in the browser and that outlive it."""

from __future__ import annotations

import json
from typing import Any

from storage.core.database import Database


class KeyValue:
    """JSON values by name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, name: str, default: Any) -> Any:
        """The stored value, or the default."""
        value = self._database.value("SELECT value FROM preferences WHERE name = ?", (name,))
        return default if value is None else json.loads(value)

    def set(self, name: str, value: Any) -> None:
        """Store a value."""
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO preferences (name, value) VALUES (?, ?) "
                "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (name, json.dumps(value)),
            )
