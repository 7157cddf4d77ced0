"""State of a search, saved to disk so that it can be resumed. Imports no TensorFlow."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from storage.core.errors import is_disk_full
from workbench.training.dataset import Dataset
from workbench.training.search.successive_halving import FoldPredictions, Leaderboard
from workbench.training.spec import TrainingSpec

log = logging.getLogger("search")
_FILE = "search.json"


@dataclass(frozen=True)
class SearchDecision:
    """The selected candidates, by index, and the time limit in minutes for the final training of each."""

    numbers: list[int]
    minutes: float


class SearchState:
    """Saves and restores the state of one search in a folder.

    Attributes:
        decided: The final selection; None while the search is running.
    """

    def __init__(
        self, folder: Path, fingerprint: str, leaderboard: Leaderboard, clock: Callable[[], float] = monotonic
    ) -> None:
        """Restore a state with the same fingerprint into ``leaderboard``; ``clock`` returns seconds."""
        self.decision: SearchDecision | None = None
        self._file = folder / _FILE
        self._fingerprint = fingerprint
        self._leaderboard = leaderboard
        self._earlier_seconds = 0.0
        self._clock, self._began = clock, clock()
        self._restore()

    @property
    def seconds(self) -> float:
        """Duration of the search in seconds, including the time before it was resumed."""
        return self._earlier_seconds + self._clock() - self._began

    def write(self) -> None:
        """Write the state atomically; on a full disk the search continues without saving."""
        part = self._file.with_suffix(".part")
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(self._facts()), "utf-8")
            part.replace(self._file)
        except OSError as error:
            if not is_disk_full(error):
                raise
            part.unlink(missing_ok=True)
            log.warning(
                "the disk is full: where the search stands is not kept for going on after an interruption"
            )

    def _facts(self) -> dict[str, Any]:
        results = {
            number: [[fold.answers.tolist(), fold.seconds, fold.features] for fold in folds]
            for number, folds in self._leaderboard.fold_predictions.items()
        }
        return {
            "fingerprint": self._fingerprint,
            "seconds": self.seconds,
            "judged": results,
            "failed": sorted(self._leaderboard.failed),
            "decided": vars(self.decision) if self.decision else None,
        }

    def _restore(self) -> None:
        try:
            facts = json.loads(self._file.read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            return
        if facts["fingerprint"] != self._fingerprint:
            log.warning("what was tried before is of another search; starting afresh")
            return
        self._earlier_seconds = facts["seconds"]
        self._leaderboard.failed |= set(facts["failed"])
        for number, folds in facts["judged"].items():
            self._leaderboard.fold_predictions[int(number)] = [
                FoldPredictions(np.array(fold[0]), *fold[1:]) for fold in folds
            ]
        self.decision = SearchDecision(**facts["decided"]) if facts["decided"] else None


def fingerprint(dataset: Dataset, spec: TrainingSpec, candidate_specs: Sequence[TrainingSpec]) -> str:
    """Hash of everything that determines a search."""
    identity = [
        spec.to_dict(),
        dataset.content_hash,
        dataset.image_ids.tolist(),
        [candidate_spec.to_dict() for candidate_spec in candidate_specs],
    ]
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
