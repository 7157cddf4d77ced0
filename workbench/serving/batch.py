"""Answers to many pictures as a CSV table."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from io import StringIO

from storage.errors import DomainError
from storage.registry import PRODUCTION
from workbench.archives import Upload, sources
from workbench.serving.predictor import Predictor
from workbench.settings import Limits

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def answers_csv(
    predictor: Predictor, uploads: Iterable[Upload], limits: Limits, model: str = PRODUCTION
) -> str:
    """Classify every picture; a file that cannot be read gets a row with the reason.

    Returns:
        CSV with the columns file, label, confidence, needs_review, version, error, then one probability a class.

    Raises:
        NotReady: There is no model in production yet.
        NotFound: There is no such version or alias.
    """
    classes = predictor.contract(model).classes
    text = StringIO()
    table = csv.writer(text)
    header = ["file", "label", "confidence", "needs_review", "version", "error"]
    table.writerow([*header, *(_cell(f"p({name})") for name in classes)])
    for source in sources(uploads, limits):
        try:
            found = predictor.predict(source.read(), model)
        except DomainError as error:
            table.writerow([_cell(source.name), "", "", "", "", str(error), *([""] * len(classes))])
            continue
        answer = [_cell(found.label), f"{found.confidence:.4f}", found.needs_review, found.version, ""]
        table.writerow([_cell(source.name), *answer, *(f"{found.scores[name]:.4f}" for name in classes)])
    return text.getvalue()


def _cell(text: str) -> str:
    """Keep a spreadsheet from running a name as a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text
