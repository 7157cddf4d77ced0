"""Which colour a picture has on the map."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from storage.learning.suggestions import Point
from storage.records import FLAGS
from workbench.charts.layout import BLUE, GREEN, NEUTRAL, ORANGE
from workbench.charts.projection import Kind, Spot
from workbench.core.palette import PALETTE
from workbench.services import Services

COLOURINGS = {
    "class": "By class",
    "split": "By split",
    "suspicion": "By suspicion",
    "flag": "By quality flag",
}
SPLITS = {"train": ("training", BLUE), "validation": ("validation", ORANGE), "test": ("test", GREEN)}


class Looks(NamedTuple):
    """What a point is called and coloured; faint ones are not what is asked for."""

    name: str
    colour: str
    faint: bool


def kinds(services: Services, colouring: str, most: int) -> list[Kind]:
    """The points of the map by what they have in common, the faint ones first so that they lie behind."""
    points = services.insight.points(most)
    captions = services.stores.curation.captions([each.image_id for each in points])
    looks = LOOKS.get(colouring, _class)
    found: dict[Looks, list[Spot]] = {}
    for each in points:
        if each.image_id not in captions:
            continue
        filename, flags = captions[each.image_id]
        spot = Spot(each.x, each.y, (each.image_id, each.sha256, filename))
        found.setdefault(looks(each, flags), []).append(spot)
    return [
        Kind(each.name, each.colour, spots, each.faint)
        for each, spots in sorted(found.items(), key=lambda pair: (not pair[0].faint, pair[0].name))
    ]


def _class(point: Point, flags: int) -> Looks:
    return Looks(point.label, point.colour, False) if point.label else Looks("no class", NEUTRAL, True)


def _split(point: Point, flags: int) -> Looks:
    name, colour = SPLITS.get(point.split, ("in no split yet", NEUTRAL))
    return Looks(name, colour, point.split not in SPLITS)


def _suspicion(point: Point, flags: int) -> Looks:
    return Looks("suspicious", ORANGE, False) if point.suspicion else Looks("not suspicious", NEUTRAL, True)


def _flag(point: Point, flags: int) -> Looks:
    for bit, name in enumerate(FLAGS):
        if flags >> bit & 1:
            return Looks(name, PALETTE[bit], False)
    return Looks("no flag", NEUTRAL, True)


LOOKS: dict[str, Callable[[Point, int], Looks]] = {
    "class": _class,
    "split": _split,
    "suspicion": _suspicion,
    "flag": _flag,
}
