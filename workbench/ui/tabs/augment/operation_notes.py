"""Notes on each operation: its throughput, and whether the production model still predicts the same class."""

from __future__ import annotations

from html import escape

from workbench.charts import number, percent
from workbench.imaging.augmentation import BY_NAME, OPERATIONS, Augmentation
from workbench.label_safety import service
from workbench.label_safety.misread_rate import MisreadTally
from workbench.label_safety.results import marks
from workbench.label_safety.service import SafetyReport
from workbench.label_safety.throughput import Throughput
from workbench.services import Services

QUESTION = "Does each variant still show the same class? Press No where it does not."


def notes(services: Services, augmentation: Augmentation, safety: SafetyReport) -> list[str]:
    """The note of each operation as HTML, in their order."""
    cost, reasons = services.throughput.of(augmentation), marks(services.stores.preferences)
    return [
        _note_html(
            cost.alone[operation.name],
            safety.tallies.get(operation.name),
            safety.version,
            "" if augmentation.settings[operation.name].enabled else reasons.get(operation.name, ""),
        )
        for operation in OPERATIONS
    ]


def summary(services: Services, augmentation: Augmentation, safety: SafetyReport) -> str:
    """The throughput of the enabled operations and the result of the safety check, as HTML."""
    text = f"{_cost_sentence(services.throughput.of(augmentation), augmentation)} {_safety_sentence(safety, augmentation)}"
    return f"<p class='note' role='status'>{text}</p>"


def _note_html(rate: float, tally: MisreadTally | None, version: str, reason: str) -> str:
    parts = [f"<span>{_rate(rate)}</span>"]
    if tally is not None:
        parts.append(_misread_html(tally, version))
    if reason:
        parts.append(f"<b>Switched off: {escape(reason)}</b>")
    return f"<p class='note'>{' · '.join(parts)}</p>"


def _misread_html(tally: MisreadTally, version: str) -> str:
    low, high = tally.excess
    interval = f"{percent(tally.share)}, 95 % interval {percent(max(0.0, low))} to {percent(high)}"
    count = f"{tally.misread} of {tally.variants}"
    if not tally.flagged:
        return f"<span title='{interval}'>{escape(version)} misreads {count}</span>"
    confusion = f", mostly {escape(tally.true)} as {escape(tally.taken_for)}"
    return f"<span class='flag' title='{interval}'>Changes the class? {escape(version)} misreads {count}{confusion}</span>"


def _rate(rate: float) -> str:
    return f"{number(float(f'{rate:.2g}'))} pictures/s"


def _cost_sentence(cost: Throughput, augmentation: Augmentation) -> str:
    if not augmentation.enabled:
        return "Nothing is switched on, so every epoch shows the pictures as they are."
    return f"All that is switched on together: {_rate(cost.together)} in one thread of this machine."


def _safety_sentence(safety: SafetyReport, augmentation: Augmentation) -> str:
    version = escape(safety.version)
    if safety.state == service.CHECKED:
        flagged = [BY_NAME[tally.operation].label for tally in safety.flagged(augmentation)]
        pictures = f"{safety.pictures} pictures that {version} reads rightly and surely"
        if flagged:
            return f"On {pictures}, <b>{' and '.join(flagged)}</b> clearly changed what it reads."
        return f"On {pictures}, no operation that is on clearly changed what it reads."
    return {
        service.NO_MODEL: "Once a model is in production, each operation is tried on it here.",
        service.OFF: "Operations are not tried on the model by themselves: its help is switched off.",
        service.WAITING: f"Operations are tried on {version} once the run has ended.",
        service.CHECKING: f"Operations are being tried on {version}.",
        service.TOO_FEW: f"{version} reads too few pictures rightly and surely to try operations on it.",
        service.FAILED: f"Operations could not be tried on {version}: {escape(safety.error)}",
    }[safety.state]
