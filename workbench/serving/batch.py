"""Answers to many pictures, also as a CSV table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from storage.core.errors import DomainError
from storage.training.registry import PRODUCTION
from workbench.core.csv_cells import csv_text
from workbench.serving.service import Prediction, Predictor


@dataclass(frozen=True)
class BatchRow:
    """What came of one file: a prediction, or the reason why there is none."""

    file: str
    found: Prediction | None
    error: str = ""


class PictureFile(Protocol):
    """A file that is read when its turn comes."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def read(self) -> Callable[[], bytes]:
        """Gives its bytes, or raises a ``DomainError`` that says why it cannot be read."""


def answers(
    predictor: Predictor, files: Iterable[PictureFile], model: str = PRODUCTION
) -> Iterator[BatchRow]:
    """Classify every picture, one after another.

    Raises:
        NotReady: There is no model in production yet.
        NotFound: There is no such version or alias.
    """
    # One version for all of them, even if production moves meanwhile.
    version = predictor.signature(model).name
    for file in files:
        try:
            yield BatchRow(file.name, predictor.predict(file.read(), version))
        except DomainError as error:
            yield BatchRow(file.name, None, str(error))


def answers_csv(predictor: Predictor, files: Iterable[PictureFile], model: str = PRODUCTION) -> str:
    """Classify every picture; a file that cannot be read gets a row with the reason.

    Returns:
        The table of :func:`as_csv`.

    Raises:
        NotReady: There is no model in production yet.
        NotFound: There is no such version or alias.
    """
    signature = predictor.signature(model)
    return as_csv(signature.classes, answers(predictor, files, signature.name))


def as_csv(classes: Sequence[str], answered: Iterable[BatchRow]) -> str:
    """CSV with the columns file, label, confidence, needs_review, version, error, then one probability a class."""
    heading = ["file", "label", "confidence", "needs_review", "version", "error"]
    heading += [f"p({name})" for name in classes]
    return csv_text(chain([heading], (_row(each, classes) for each in answered)))


def _row(answered: BatchRow, classes: Sequence[str]) -> list[object]:
    found, file = answered.found, answered.file
    if found is None:
        return [file, "", "", "", "", answered.error, *([""] * len(classes))]
    probabilities = [f"{found.scores[name]:.4f}" for name in classes]
    answer = [found.label, f"{found.confidence:.4f}", found.needs_review, found.version]
    return [file, *answer, "", *probabilities]
