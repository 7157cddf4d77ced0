"""What a run's best epoch says of each validation picture, and what guessing would reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.training.service import TrainingReport


@dataclass(frozen=True)
class JudgedImage:
    """One validation picture: its class in the snapshot, the answer, and the answer's probability."""

    image_id: int
    true: str
    predicted: str
    probability: float


@dataclass(frozen=True)
class Baseline:
    """What always answering the commonest class would get right, of how many pictures."""

    name: str
    hits: int
    pictures: int


def judged_images(report: TrainingReport) -> list[JudgedImage]:
    """All validation pictures of a run, the surest answers first."""
    names = report.snapshot.classes
    answers = [
        JudgedImage(
            prediction.image_id,
            names[prediction.label],
            names[prediction.predicted],
            prediction.scores[prediction.predicted],
        )
        for prediction in report.predictions
    ]
    return sorted(answers, key=lambda each: -each.probability)


def mistakes(report: TrainingReport) -> list[JudgedImage]:
    """The validation pictures that were answered wrongly, the surest first."""
    return [
        judged_image for judged_image in judged_images(report) if judged_image.true != judged_image.predicted
    ]


def in_cell(report: TrainingReport, true: str, predicted: str) -> list[JudgedImage]:
    """The validation pictures in one cell of the confusion matrix, the surest first."""
    return [
        judged_image
        for judged_image in judged_images(report)
        if (judged_image.true, judged_image.predicted) == (true, predicted)
    ]


def majority(classes: Sequence[str], confusion: Sequence[Sequence[int]]) -> Baseline:
    """The majority-class baseline on the validation pictures; rows of ``confusion`` are true classes."""
    sizes = [sum(row) for row in confusion]
    commonest = max(range(len(sizes)), key=sizes.__getitem__)
    return Baseline(classes[commonest], sizes[commonest], sum(sizes))
