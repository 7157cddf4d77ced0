"""Learning curves of a run, and their summary sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, isfinite
from statistics import fmean
from typing import Any

import plotly.graph_objects as go

from workbench.charts.formatting import number
from workbench.charts.layout import BLUE, GREEN, NEUTRAL, ORANGE, base_figure

Epochs = Sequence[Mapping[str, Any]]

_HEIGHT = 300
SHORTEST_TREND = 6
NOISE_STEPS = 1.5
"""How many usual steps between two epochs the means of two quarters differ by where a curve rises."""
_MONITORED = {
    "val_loss": "Validation loss",
    "val_macro_f1": "Validation macro-F1",
    "val_accuracy": "Validation accuracy",
}


@dataclass(frozen=True)
class _Line:
    """Line style of one measure; measures differ in dash and marker, not by colour alone."""

    key: str
    name: str
    colour: str
    dash: str
    marker: str


_LOSS = (
    _Line("loss", "Training", BLUE, "solid", "circle"),
    _Line("val_loss", "Validation", ORANGE, "dash", "diamond"),
)
_ACCURACY = (
    _Line("accuracy", "Training accuracy", BLUE, "solid", "circle"),
    _Line("val_accuracy", "Validation accuracy", ORANGE, "dash", "diamond"),
    _Line("val_macro_f1", "Validation macro-F1", GREEN, "dot", "square"),
)


def loss_curves(history: Epochs, best_epoch: int | None = None) -> go.Figure:
    """Training and validation loss for each epoch.

    Args:
        history: One mapping per epoch with ``epoch``, ``loss`` and ``val_loss``; values that are not finite are gaps.
        best_epoch: Epoch to mark with a line and a label; none where ``None``.
    """
    return _curves(history, _LOSS, best_epoch, {"title": {"text": "loss"}, "rangemode": "tozero"})


def accuracy_curves(history: Epochs, best_epoch: int | None = None) -> go.Figure:
    """Training and validation accuracy and validation macro-F1 for each epoch, from 0 to 1.

    Args:
        history: One mapping per epoch with ``epoch``, ``accuracy``, ``val_accuracy`` and ``val_macro_f1``.
        best_epoch: Epoch to mark with a line and a label; none where ``None``.
    """
    return _curves(history, _ACCURACY, best_epoch, {"range": [0, 1.02], "dtick": 0.2})


def curves_sentence(history: Epochs, best_epoch: int | None = None, monitor: str = "val_loss") -> str:
    """Say in one sentence what the curves show.

    Args:
        history: As for :func:`loss_curves`.
        best_epoch: The epoch whose weights are kept; the best by ``monitor`` if ``None``.
        monitor: Metric that decides: ``val_loss``, ``val_macro_f1`` or ``val_accuracy``.
    """
    measured = [row for row in history if _finite(row, monitor) is not None]
    if not history:
        return "No epoch has finished yet."
    if len(measured) < len(history):
        first = next(row["epoch"] for row in history if _finite(row, monitor) is None)
        return f"From epoch {first} on the loss is not a number: the run diverged, and a smaller learning rate usually helps."
    name = _MONITORED[monitor]
    best = _row_of_epoch(measured, best_epoch) or _best(measured, monitor)
    if len(measured) == 1:
        return f"One epoch is done, with {_lower_first(name)} {number(best[monitor])}; a trend shows from the second on."
    return _trend(measured, best, name, monitor)


def _trend(history: Epochs, best: Mapping[str, Any], name: str, monitor: str) -> str:
    later = [row for row in history if row["epoch"] > best["epoch"]]
    value = number(best[monitor])
    top = _best(history, monitor)
    if monitor == "val_macro_f1" and top[monitor] > best[monitor]:
        return (
            f"Epoch {best['epoch']} is kept ({value}), the best of {_lower_first(name)} averaged over recent epochs; "
            f"epoch {top['epoch']} alone was higher ({number(top[monitor])}), which a few pictures can do by chance."
        )
    if not later:
        return _best_is_last(history, best, name, monitor)
    if len(later) == 1:
        return f"{name} is best at epoch {best['epoch']} ({value}); the epoch after it is no better."
    if _overfits(best, later):
        return f"{name} stopped improving at epoch {best['epoch']}; the later epochs memorise."
    return f"{name} is best at epoch {best['epoch']} ({value}); the {len(later)} later epochs are no better."


def _best_is_last(history: Epochs, best: Mapping[str, Any], name: str, monitor: str) -> str:
    """Sentence for a run whose last epoch is kept: whether more epochs may help, or it is as good as earlier ones or luck."""
    value = number(best[monitor])
    as_good = next(row["epoch"] for row in history if number(row[monitor]) == value)
    if as_good == best["epoch"] and not _rises(history, monitor):
        return f"{name} is best at epoch {as_good} ({value}), the last one, by no more than it goes up and down anyway; more epochs will hardly help."
    if as_good == best["epoch"]:
        return f"{name} was still improving at epoch {as_good} ({value}), the last one; more epochs may help."
    return f"{name} was as good at epoch {as_good} ({value}) as at epoch {best['epoch']}, the last one; more epochs will hardly help."


def _rises(history: Epochs, monitor: str) -> bool:
    """Whether the last quarter of the epochs is better than the one before it by more than the usual step between epochs.

    Of fewer than ``SHORTEST_TREND`` epochs the last one being the best is taken for a rise.
    """
    if len(history) < SHORTEST_TREND:
        return True
    sign = -1.0 if monitor == "val_loss" else 1.0
    values = [sign * float(row[monitor]) for row in history]
    quarter = max(3, len(values) // 4)
    recent = values[-2 * quarter :]
    usual_step = fmean(abs(after - before) for before, after in pairwise(recent))
    return fmean(recent[quarter:]) - fmean(recent[:quarter]) > NOISE_STEPS * usual_step


def _overfits(best: Mapping[str, Any], later: Epochs) -> bool:
    """Whether the later epochs overfit: training loss is lower and validation loss higher than at the best epoch."""
    second_half = later[len(later) // 2 :]
    return _mean(second_half, "loss") < float(best["loss"]) and _mean(second_half, "val_loss") > float(
        best["val_loss"]
    )


def _mean(rows: Epochs, key: str) -> float:
    return fmean(float(row[key]) for row in rows)


def _best(history: Epochs, monitor: str) -> Mapping[str, Any]:
    choose: Callable[..., Mapping[str, Any]] = min if monitor == "val_loss" else max
    return choose(history, key=lambda row: row[monitor])


def _row_of_epoch(history: Epochs, epoch: int | None) -> Mapping[str, Any] | None:
    return next((row for row in history if row["epoch"] == epoch), None)


def _lower_first(name: str) -> str:
    return name[0].lower() + name[1:]


def _finite(row: Mapping[str, Any], key: str) -> float | None:
    value = row.get(key)
    return float(value) if value is not None and isfinite(value) else None


def _curves(
    history: Epochs, lines: Sequence[_Line], best_epoch: int | None, y_axis: dict[str, Any]
) -> go.Figure:
    last = max((row["epoch"] for row in history), default=1)
    x_axis = {
        "title": {"text": "epoch"},
        "range": [0.5, last + 0.5],
        "tick0": 0,
        "dtick": max(1, ceil(last / 12)),
    }
    figure = base_figure([_trace(history, line) for line in lines], _HEIGHT, hovermode="x unified")
    figure.update_xaxes(**x_axis)
    figure.update_yaxes(**y_axis)
    if _row_of_epoch(history, best_epoch):
        _mark_best(figure, int(best_epoch or 0), last)
    return figure


def _trace(history: Epochs, line: _Line) -> go.Scatter:
    return go.Scatter(
        x=[row["epoch"] for row in history],
        y=[_finite(row, line.key) for row in history],
        name=line.name,
        mode="lines+markers",
        line={"color": line.colour, "dash": line.dash, "width": 2},
        marker={"color": line.colour, "symbol": line.marker, "size": 6},
        hovertemplate="%{y:.3g}",
    )


def _mark_best(figure: go.Figure, epoch: int, last: int) -> None:
    late = epoch > last / 2
    figure.add_vline(
        x=epoch,
        line={"color": NEUTRAL, "dash": "longdash", "width": 1.5},
        annotation_text=f"best: epoch {epoch}",
        annotation_position="bottom left" if late else "bottom right",
        annotation_xshift=-4 if late else 4,
    )
