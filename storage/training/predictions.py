"""What was asked of which model version."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from storage.core.database import Database
from storage.core.timestamps import now


@dataclass(frozen=True)
class LoggedPrediction:
    """One answer of a model version to one picture."""

    number: int
    sha256: str
    label: str
    confidence: float
    scores: Mapping[str, float]
    needs_review: bool


class PredictionLog:
    """The record of predictions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, answer: LoggedPrediction) -> int:
        """Write an answer down and give its id."""
        with self._database.write() as connection:
            cursor = connection.execute(
                "INSERT INTO predictions (number, sha256, label, confidence, scores, needs_review, created_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    answer.number,
                    answer.sha256,
                    answer.label,
                    answer.confidence,
                    json.dumps(dict(answer.scores)),
                    int(answer.needs_review),
                    now(),
                ),
            )
        return int(cursor.lastrowid or 0)
