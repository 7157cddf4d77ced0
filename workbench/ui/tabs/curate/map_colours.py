"""The colour schemes of the map."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from storage.learning.suggestions import ProjectionPoint
from storage.records import FLAGS
from workbench.charts.layout import BLUE, GREEN, NEUTRAL, ORANGE
from workbench.charts.projection import PlottedPoint, PointGroup
from workbench.core.palette import PALETTE
from workbench.services import Services

COLOURINGS = {
    "class": "By class",
    "split": "By split",
    "suspicion": "By suspicion",
    "flag": "By quality flag",
}
SPLITS = {"train": ("training", BLUE), "validation": ("validation", ORANGE), "test": ("test", GREEN)}


class PointStyle(NamedTuple):
    """The legend name and colour of a point; faint points are in the background."""

    name: str
    colour: str
    faint: bool


def point_groups(services: Services, colouring: str, max_points: int) -> list[PointGroup]:
    """The points of the map grouped by style, faint groups first so that they are drawn behind the others."""
    points = services.active_learning.points(max_points)
    captions = services.stores.curation.captions([point.image_id for point in points])
    style_of = STYLES.get(colouring, _class_style)
    points_by_style: dict[PointStyle, list[PlottedPoint]] = {}
    for point in points:
        if point.image_id not in captions:
            continue
        filename, flags = captions[point.image_id]
        plotted = PlottedPoint(point.x, point.y, (point.image_id, point.sha256, filename))
        points_by_style.setdefault(style_of(point, flags), []).append(plotted)
    return [
        PointGroup(style.name, style.colour, plotted_points, style.faint)
        for style, plotted_points in sorted(
            points_by_style.items(), key=lambda pair: (not pair[0].faint, pair[0].name)
        )
    ]


def _class_style(point: ProjectionPoint, flags: int) -> PointStyle:
    return (
        PointStyle(point.label, point.colour, False) if point.label else PointStyle("no class", NEUTRAL, True)
    )


def _split_style(point: ProjectionPoint, flags: int) -> PointStyle:
    name, colour = SPLITS.get(point.split, ("in no split yet", NEUTRAL))
    return PointStyle(name, colour, point.split not in SPLITS)


def _suspicion_style(point: ProjectionPoint, flags: int) -> PointStyle:
    return (
        PointStyle("suspicious", ORANGE, False)
        if point.suspicion
        else PointStyle("not suspicious", NEUTRAL, True)
    )


def _flag_style(point: ProjectionPoint, flags: int) -> PointStyle:
    for bit, name in enumerate(FLAGS):
        if flags >> bit & 1:
            return PointStyle(name, PALETTE[bit], False)
    return PointStyle("no flag", NEUTRAL, True)


STYLES: dict[str, Callable[[ProjectionPoint, int], PointStyle]] = {
    "class": _class_style,
    "split": _split_style,
    "suspicion": _suspicion_style,
    "flag": _flag_style,
}
