"""What a search has found out, on disk, so that it goes on after an interruption. Imports no TensorFlow."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from storage.core.errors import is_disk_full
from workbench.training.dataset import Dataset
from workbench.training.search.successive_halving import FoldAnswers, Leaderboard
from workbench.training.spec import TrainingSpec

log = logging.getLogger("search")
_FILE = "search.json"


@dataclass(frozen=True)
class SearchDecision:
    """What the model is made of: candidates by position, and the minutes that each may learn."""

    numbers: list[int]
    minutes: float


class SearchState:
    """The diary of one search in a folder.

    Attributes:
        decided: What the search came to, where it did.
    """

    def __init__(self, folder: Path, fingerprint: str, standing: Leaderboard) -> None:
        """Put what was written with the same fingerprint into ``standing``."""
        self.decided: SearchDecision | None = None
        self._file = folder / _FILE
        self._fingerprint = fingerprint
        self._standing = standing
        self._before = 0.0
        self._began = monotonic()
        self._restore()

    @property
    def seconds(self) -> float:
        """Time spent on the search, that before an interruption included."""
        return self._before + monotonic() - self._began

    def write(self) -> None:
        """Write everything down; a reader sees all of it or what was there before. Where the disk is full the search goes on."""
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
        judged = {
            number: [[fold.answers.tolist(), fold.seconds, fold.features] for fold in folds]
            for number, folds in self._standing.judged.items()
        }
        return {
            "fingerprint": self._fingerprint,
            "seconds": self.seconds,
            "judged": judged,
            "failed": sorted(self._standing.failed),
            "decided": vars(self.decided) if self.decided else None,
        }

    def _restore(self) -> None:
        try:
            facts = json.loads(self._file.read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            return
        if facts["fingerprint"] != self._fingerprint:
            log.warning("what was tried before is of another search; starting afresh")
            return
        self._before = facts["seconds"]
        self._standing.failed |= set(facts["failed"])
        for number, folds in facts["judged"].items():
            self._standing.judged[int(number)] = [FoldAnswers(np.array(fold[0]), *fold[1:]) for fold in folds]
        self.decided = SearchDecision(**facts["decided"]) if facts["decided"] else None


def fingerprint(dataset: Dataset, spec: TrainingSpec, tried: Sequence[TrainingSpec]) -> str:
    """What tells a search from all others."""
    told = [
        spec.to_dict(),
        dataset.content_hash,
        dataset.image_ids.tolist(),
        [each.to_dict() for each in tried],
    ]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
