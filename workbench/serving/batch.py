"""Answers to many pictures, also as a CSV table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from storage.core.errors import DomainError
from storage.training.registry import PRODUCTION
from workbench.core.csv_cells import csv_text
from workbench.core.settings import Limits
from workbench.importing.uploads import Upload, sources
from workbench.serving.service import Prediction, Predictor


@dataclass(frozen=True)
class BatchRow:
    """What came of one file: a prediction, or the reason why there is none."""

    file: str
    found: Prediction | None
    error: str = ""


def answers(
    predictor: Predictor, uploads: Iterable[Upload], limits: Limits, model: str = PRODUCTION
) -> Iterator[BatchRow]:
    """Classify every picture, one after another.

    Raises:
        NotReady: There is no model in production yet.
        NotFound: There is no such version or alias.
    """
    # One version for all of them, even if production moves meanwhile.
    version = predictor.contract(model).name
    for source in sources(uploads, limits):
        try:
            yield BatchRow(source.name, predictor.predict(source.read(), version))
        except DomainError as error:
            yield BatchRow(source.name, None, str(error))


def answers_csv(
    predictor: Predictor, uploads: Iterable[Upload], limits: Limits, model: str = PRODUCTION
) -> str:
    """Classify every picture; a file that cannot be read gets a row with the reason.

    Returns:
        The table of :func:`as_csv`.

    Raises:
        NotReady: There is no model in production yet.
        NotFound: There is no such version or alias.
    """
    contract = predictor.contract(model)
    return as_csv(contract.classes, answers(predictor, uploads, limits, contract.name))


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
