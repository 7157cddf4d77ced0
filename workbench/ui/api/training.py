"""Endpoints for training runs."""

import inspect
from collections.abc import Callable
from typing import Any, TypedDict

from storage.records import Run
from workbench.core import validation
from workbench.services import Services
from workbench.training import spec_reference
from workbench.training.service import TrainingReport
from workbench.training.spec import TrainingSpec
from workbench.ui.api.answers import answer

# A mutable default, since Gradio documents the default value; it is never modified.
EMPTY: dict[str, Any] = {}
CONFUSION_AXES = {"rows": "the class of the label", "columns": "the class that the model says"}


class Started(TypedDict):
    """The run that was queued, how many test pictures it is kept from, and what its figures will not tell."""

    run_id: int
    test_pictures: int
    warnings: list[str]


class RunStatus(TypedDict):
    """Where a run stands; ``metrics`` are those of its newest epoch, of its best one once there is a model.

    ``done`` of ``total`` pictures are through in phases without epochs; ``cpu_percent`` is 100 for one core.
    """

    run_id: int
    status: str
    phase: str
    epoch: int
    epochs: int
    eta_seconds: float | None
    pictures_per_second: float | None
    done: int | None
    total: int | None
    cpu_percent: float | None
    memory_mb: float | None
    metrics: dict[str, Any]
    version: str | None
    error: str | None


class Stopped(TypedDict):
    """The run's status after a stop was asked for."""

    status: str


class ValidationAnswer(TypedDict):
    """What the model says of one validation picture."""

    image_id: int
    label: str
    predicted: str
    scores: dict[str, float]


class RunReport(TypedDict):
    """History and evaluation of a run; ``warnings`` say what the figures do not tell."""

    run_id: int
    status: str
    version: str | None
    best_epoch: int | None
    classes: list[str]
    history: list[dict[str, Any]]
    metrics: dict[str, Any]
    per_class: list[dict[str, Any]]
    confusion: list[list[int]]
    confusion_axes: dict[str, str]
    predictions: list[ValidationAnswer]
    test_pictures: int
    warnings: list[str]


def endpoints(services: Services) -> list[Callable[..., Any]]:
    """The functions to publish."""
    stores, training = services.stores, services.training

    def start_training(spec: dict[str, Any] = EMPTY) -> Started:
        """Freeze the labelled pictures into a snapshot and queue a training run.

        Args:
            spec: Settings such as {"recipe": "fine_tune"} or {"recipe": "scratch", "epochs": 60, "class_weights": "none"}.
                Without any, the run is the one that the page offers at first. The keys are:
        """
        run_id = training.start(TrainingSpec.from_dict(spec, training.default_recipe()))
        test_pictures, caveats = training.test_count_and_caveats(run_id)
        return Started(run_id=run_id, test_pictures=test_pictures, warnings=list(caveats))

    start_training.__doc__ = f"{inspect.getdoc(start_training)}\n\n{spec_reference.as_text()}"

    def run_status(run_id: int) -> RunStatus:
        """Say where a run stands: queued, running, paused, finished, stopped, failed or interrupted.

        Args:
            run_id: The id that /start_training gave.
        """
        run = stores.runs.get(_require_id("run_id", run_id))
        return _run_status(run, stores.runs.history(run.id))

    def stop_training(run_id: int) -> Stopped:
        """Ask a run to stop; its best epoch so far becomes a model.

        Args:
            run_id: The id that /start_training gave.
        """
        return Stopped(status=training.stop(_require_id("run_id", run_id)).status)

    def run_report(run_id: int) -> RunReport:
        """Give a run's history per epoch, its metrics per class, its confusion matrix and every validation answer.

        Args:
            run_id: The id that /start_training gave.
        """
        return _run_report(training.report(_require_id("run_id", run_id)))

    return [start_training, run_status, stop_training, run_report]


def _run_status(run: Run, history: list[dict[str, Any]]) -> RunStatus:
    progress = run.progress
    return answer(
        RunStatus,
        run,
        run_id=run.id,
        epoch=progress.get("epoch", 0),
        epochs=run.spec["epochs"],
        eta_seconds=progress.get("eta_seconds") if run.active else None,
        pictures_per_second=progress.get("pictures_per_second"),
        done=progress.get("done"),
        total=progress.get("total"),
        cpu_percent=progress.get("cpu_percent"),
        memory_mb=progress.get("memory_mb"),
        metrics=next(
            (row for row in history if row["epoch"] == run.best_epoch), history[-1] if history else {}
        ),
    )


def _run_report(report: TrainingReport) -> RunReport:
    classes = report.snapshot.classes
    metrics = dict(report.metrics or {})
    return answer(
        RunReport,
        report.run,
        run_id=report.run.id,
        classes=list(classes),
        history=report.history,
        per_class=metrics.pop("per_class", []),
        confusion=metrics.pop("confusion", []),
        confusion_axes=CONFUSION_AXES,
        metrics=metrics,
        predictions=[
            ValidationAnswer(
                image_id=prediction.image_id,
                label=classes[prediction.label],
                predicted=classes[prediction.predicted],
                scores=dict(zip(classes, prediction.scores, strict=True)),
            )
            for prediction in report.predictions
        ],
        test_pictures=report.test,
        warnings=list(report.caveats),
    )


def _require_id(name: str, value: Any) -> int:
    return validation.whole(name, value)
