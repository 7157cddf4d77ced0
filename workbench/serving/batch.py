"""Batch prediction, also as a CSV table."""

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
    """Result of one file: a prediction, or the error message if there is none."""

    file: str
    prediction: Prediction | None
    error: str = ""


class PictureFile(Protocol):
    """A file that is read lazily."""

    @property
    def name(self) -> str:
        """File name."""

    @property
    def read(self) -> Callable[[], bytes]:
        """Function that returns the contents, or raises a ``DomainError`` if the file cannot be read."""


def predict_files(
    predictor: Predictor, files: Iterable[PictureFile], model: str = PRODUCTION
) -> Iterator[BatchRow]:
    """Classify every picture, one at a time.

    Raises:
        NotReady: There is no model yet.
        NotFound: There is no such version or alias.
    """
    # Resolve the alias once, so that all pictures are classified by the same version.
    version = predictor.signature(model).name
    for file in files:
        try:
            yield BatchRow(file.name, predictor.predict(file.read(), version))
        except DomainError as error:
            yield BatchRow(file.name, None, str(error))


def predict_files_csv(predictor: Predictor, files: Iterable[PictureFile], model: str = PRODUCTION) -> str:
    """Classify every picture; a file that cannot be read gets a row with the error message.

    Returns:
        The table of :func:`as_csv`.

    Raises:
        NotReady: There is no model yet.
        NotFound: There is no such version or alias.
    """
    signature = predictor.signature(model)
    return as_csv(signature.classes, predict_files(predictor, files, signature.name))


def as_csv(classes: Sequence[str], rows: Iterable[BatchRow]) -> str:
    """CSV with the columns file, label, confidence, needs_review, version, error, then one column of probabilities per class."""
    heading = ["file", "label", "confidence", "needs_review", "version", "error"]
    heading += [f"p({name})" for name in classes]
    return csv_text(chain([heading], (_row(row, classes) for row in rows)))


def _row(row: BatchRow, classes: Sequence[str]) -> list[object]:
    prediction, file = row.prediction, row.file
    if prediction is None:
        return [file, "", "", "", "", row.error, *([""] * len(classes))]
    probabilities = [f"{prediction.scores[name]:.4f}" for name in classes]
    prediction_cells = [
        prediction.label,
        f"{prediction.confidence:.4f}",
        prediction.needs_review,
        prediction.version,
    ]
    return [file, *prediction_cells, "", *probabilities]
