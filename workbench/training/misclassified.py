"""Validation predictions of a run's best epoch, its misclassified pictures, and the majority-class baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.training.service import TrainingReport


@dataclass(frozen=True)
class PredictedImage:
    """Prediction for one validation picture: true class, predicted class, and the probability of the predicted class."""

    image_id: int
    true: str
    predicted: str
    probability: float


@dataclass(frozen=True)
class Baseline:
    """Majority-class baseline: always predicting ``name`` classifies ``hits`` of ``pictures`` correctly."""

    name: str
    hits: int
    pictures: int


def predicted_images(report: TrainingReport) -> list[PredictedImage]:
    """Predictions for all validation pictures of a run, by descending probability."""
    names = report.snapshot.classes
    predictions = [
        PredictedImage(
            prediction.image_id,
            names[prediction.label],
            names[prediction.predicted],
            prediction.scores[prediction.predicted],
        )
        for prediction in report.predictions
    ]
    return sorted(predictions, key=lambda prediction: -prediction.probability)


def mistakes(report: TrainingReport) -> list[PredictedImage]:
    """Misclassified validation pictures, by descending probability."""
    return [
        judged_image
        for judged_image in predicted_images(report)
        if judged_image.true != judged_image.predicted
    ]


def images_in_cell(report: TrainingReport, true: str, predicted: str) -> list[PredictedImage]:
    """Validation pictures in one cell of the confusion matrix, by descending probability."""
    return [
        judged_image
        for judged_image in predicted_images(report)
        if (judged_image.true, judged_image.predicted) == (true, predicted)
    ]


def majority_baseline(classes: Sequence[str], confusion: Sequence[Sequence[int]]) -> Baseline:
    """Majority-class baseline on the validation pictures; rows of ``confusion`` are true classes."""
    class_counts = [sum(row) for row in confusion]
    commonest = max(range(len(class_counts)), key=class_counts.__getitem__)
    return Baseline(classes[commonest], class_counts[commonest], sum(class_counts))
