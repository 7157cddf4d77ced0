"""Bars of how many pictures a class has, and of how sure a model is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from workbench.charts.frame import NEUTRAL, OUTLINE, colour_of, framed, rows_from_top, rows_height
from workbench.charts.words import percent, pictures, share, shown

_MOST_SCORES = 10


def class_counts_bar(counts: Mapping[str, int], colours: Mapping[str, str]) -> go.Figure:
    """One bar for each class with its count and share, in the given order.

    Args:
        counts: Pictures of each class.
        colours: Colour of each class as ``#rrggbb``.
    """
    total = sum(counts.values())
    labels = [
        f"{shown(name, 22)}  <b>{count:,}</b> · {percent(count / total if total else 0)}"
        for name, count in counts.items()
    ]
    hover = [f"{shown(name)}: {share(count, total)}" for name, count in counts.items()]
    fills = [colour_of(name, colours) for name in counts]
    return _bars(labels, list(counts.values()), fills, (list(counts), hover))


def class_counts_sentence(counts: Mapping[str, int]) -> str:
    """Say how many pictures are labelled and how unevenly."""
    held = {name: count for name, count in counts.items() if count}
    if not held:
        return "No picture has a class yet."
    most, least = max(held, key=lambda name: held[name]), min(held, key=lambda name: held[name])
    total = f"{pictures(sum(held.values()))} labelled"
    empty = len(counts) - len(held)
    if empty:
        return f"{total}; {empty} of {len(counts)} classes {'has' if empty == 1 else 'have'} none yet."
    if held[most] < 2 * held[least] or most == least:
        return f"{total}, spread about evenly over {len(held)} class{'' if len(held) == 1 else 'es'}."
    times = held[most] / held[least]
    return f"{total}; {shown(most)} is {times:.2g} times as common as {shown(least)}."


def scores_bar(scores: Mapping[str, float], colours: Mapping[str, str]) -> go.Figure:
    """Class probabilities as bars, the most likely on top; past ten classes the rest share one bar.

    Args:
        scores: Probability of each class, 0..1.
        colours: Colour of each class as ``#rrggbb``.
    """
    ranked = sorted(scores.items(), key=lambda item: -item[1])
    kept, rest = (
        (ranked, [])
        if len(ranked) <= _MOST_SCORES
        else (ranked[: _MOST_SCORES - 1], ranked[_MOST_SCORES - 1 :])
    )
    labels = [f"{shown(name, 22)}  <b>{percent(score)}</b>" for name, score in kept]
    names, values = [name for name, _ in kept], [score for _, score in kept]
    fills = [colour_of(name, colours) for name in names]
    if rest:
        together = sum(score for _, score in rest)
        labels.append(f"{len(rest)} others together  <b>{percent(together)}</b>")
        names, values, fills = [*names, ""], [*values, together], [*fills, NEUTRAL]
    figure = _bars(labels, values, fills, (names, labels))
    figure.update_xaxes(range=[0, 1])
    return figure


def _bars(
    labels: Sequence[str],
    values: Sequence[float],
    fills: Sequence[str],
    data: tuple[Sequence[str], Sequence[str]],
) -> go.Figure:
    names, hover = data
    bar = go.Bar(
        x=list(values),
        y=list(range(len(labels))),
        orientation="h",
        width=0.62,
        marker={"color": list(fills), "line": OUTLINE},
        customdata=list(names),
        hovertext=list(hover),
        hoverinfo="text",
    )
    figure = framed(
        [bar], rows_height(len(labels)), showlegend=False, margin={"l": 8, "r": 12, "t": 8, "b": 8}
    )
    figure.update_yaxes(**rows_from_top(labels))
    figure.update_xaxes(showticklabels=False, rangemode="tozero")
    return figure
