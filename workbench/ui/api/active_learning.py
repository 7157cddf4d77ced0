"""Endpoints for active learning: suggestions, what to label next, suspicious labels, similar pictures, the map."""

import base64
import json
from collections.abc import Callable
from typing import Any, TypedDict

from storage.core.errors import DomainError
from storage.learning.suggestions import Suggestion
from workbench.core import validation
from workbench.services import Services
from workbench.ui.api import ACTOR
from workbench.ui.api.answers import answer
from workbench.ui.api.arguments import require_ids
from workbench.ui.api.curation import UNKNOWN_CURSOR
from workbench.ui.context import typed_name

MAX_PAGE_SIZE = 500
MAX_POINTS = 20_000


class InsightStatus(TypedDict):
    """Where the model's help stands; ``sentence`` says it in words."""

    enabled: bool
    running: bool
    phase: str
    embedder: str
    kind: str
    embedded: int
    pictures: int
    unreadable: int
    labels: int
    trained_at: str
    accuracy: float | None
    suggestions: int
    next_up: int
    suspicious: int
    mapped: int
    sentence: str


class Suggested(TypedDict):
    """The likely class of a picture that is left to label."""

    id: int
    label: str
    probability: float


class SuggestedPage(TypedDict):
    """A page of suggestions; ``next_cursor`` is empty on the last one."""

    items: list[Suggested]
    next_cursor: str


class NextImages(TypedDict):
    """Pictures that are left to label, the most useful first."""

    image_ids: list[int]


class SuspiciousLabel(TypedDict):
    """A label that looks wrong; ``score`` (0 to 1) is 1 less the probability of its class."""

    id: int
    filename: str
    label: str
    likely: str
    score: float
    revision: int


class Suspects(TypedDict):
    """Labels that look wrong, worst first."""

    items: list[SuspiciousLabel]
    total: int


class Changed(TypedDict):
    """What was changed, and the events that can be undone."""

    changed: int
    event_ids: list[int]


class SimilarImage(TypedDict):
    """A picture that looks like another; ``similarity`` is at most 1."""

    id: int
    similarity: float


class SimilarImages(TypedDict):
    """The pictures that look most like one."""

    items: list[SimilarImage]


class MapPoint(TypedDict):
    """A picture on the map; ``label`` is null where it has none, ``suspicion`` 0 where its label is not suspicious."""

    id: int
    x: float
    y: float
    label: str | None
    split: str
    suspicion: float
    sha256: str


class MapPoints(TypedDict):
    """The map, or an even part of it; ``total`` counts all its pictures."""

    items: list[MapPoint]
    total: int


def endpoints(services: Services) -> list[Callable[..., Any]]:
    """The functions to publish."""
    return [*_overview_endpoints(services), *_label_endpoints(services)]


def _overview_endpoints(services: Services) -> list[Callable[..., Any]]:
    """The endpoints on the status, on similar pictures and on the map."""
    active_learning = services.active_learning

    def insight_status() -> InsightStatus:
        """Say where the model's help stands: what made the embeddings, how many are done, what was learnt from how many labels."""
        return answer(InsightStatus, active_learning.status())

    def refresh_insight() -> InsightStatus:
        """Ask that embeddings, suggestions, suspicions and the map be brought up to date now, also while a run trains."""
        return answer(InsightStatus, active_learning.refresh())

    def similar_images(image_id: int, count: int = 12) -> SimilarImages:
        """List the pictures that look most like one, nearest first.

        Args:
            image_id: Id of a picture.
            count: Most pictures, 1 to 500.
        """
        neighbours = active_learning.similar(
            validation.whole("image_id", image_id), _page_size("count", count)
        )
        return SimilarImages(
            items=[answer(SimilarImage, neighbour, id=neighbour.image_id) for neighbour in neighbours]
        )

    def map_points(limit: int = 5000) -> MapPoints:
        """Give the map: every picture in two dimensions, those that look alike close to one another.

        Args:
            limit: Most points, 1 to 20000; of more pictures an even part is given.
        """
        page = active_learning.points(validation.whole("limit", limit, 1, MAX_POINTS))
        points = [answer(MapPoint, point, id=point.image_id, label=point.label or None) for point in page]
        return MapPoints(items=points, total=active_learning.status().mapped)

    return [insight_status, refresh_insight, similar_images, map_points]


def _label_endpoints(services: Services) -> list[Callable[..., Any]]:
    """The endpoints on suggested and on suspicious labels."""
    active_learning = services.active_learning

    def suggestions(cursor: str = "", limit: int = 60) -> SuggestedPage:
        """List the likely class of each picture that is left to label, the least sure first.

        Args:
            cursor: next_cursor of the page before; empty for the first page.
            limit: Most suggestions on the page, 1 to 500.
        """
        limit = _page_size("limit", limit)
        page = active_learning.suggestions(limit + 1, _decode_cursor(cursor))
        return SuggestedPage(
            items=[answer(Suggested, suggestion, id=suggestion.image_id) for suggestion in page[:limit]],
            next_cursor=_encode_cursor(page[limit - 1]) if len(page) > limit else "",
        )

    def next_images(count: int = 60) -> NextImages:
        """List the pictures that are worth most to be labelled next: those the model is unsure of, unlike one another.

        Args:
            count: Most pictures, 1 to 500.
        """
        return NextImages(image_ids=active_learning.next_images(_page_size("count", count)))

    def suspicious_labels(limit: int = 60) -> Suspects:
        """List labels that look wrong, worst first.

        Args:
            limit: Most labels, 1 to 500.
        """
        suspicions = active_learning.suspicious(_page_size("limit", limit))
        return Suspects(
            items=[
                answer(SuspiciousLabel, suspicion, id=suspicion.image_id, label=suspicion.given)
                for suspicion in suspicions
            ],
            total=active_learning.status().suspicious,
        )

    def accept_suspicions(image_ids: list[int], by: str = ACTOR) -> Changed:
        """Label suspicious pictures with their likely class, all or none of them; one event for each class.

        Args:
            image_ids: Ids of pictures that /suspicious_labels gave.
            by: Who does it, for the journal.
        """
        changed, events = active_learning.accept(require_ids(image_ids), _actor(by))
        return Changed(changed=changed, event_ids=events)

    def dismiss_suspicions(image_ids: list[int], by: str = ACTOR) -> Changed:
        """Say that labels are right; they are not suspected again while they stay as they are.

        Args:
            image_ids: Ids of pictures.
            by: Who does it, for the journal.
        """
        changed, event = active_learning.dismiss(require_ids(image_ids), _actor(by))
        return Changed(changed=changed, event_ids=[] if event is None else [event])

    return [suggestions, next_images, suspicious_labels, accept_suspicions, dismiss_suspicions]


def _encode_cursor(last: Suggestion) -> str:
    return base64.urlsafe_b64encode(json.dumps([last.probability, last.image_id]).encode()).decode()


def _decode_cursor(cursor: Any) -> Suggestion | None:
    if cursor == "":
        return None
    try:
        probability, image_id = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        validation.whole("cursor", image_id)
        return Suggestion(image_id, "", "", validation.number("cursor", probability, 0, 1))
    except (ValueError, TypeError, AttributeError, RecursionError, DomainError):
        raise DomainError(UNKNOWN_CURSOR) from None


def _page_size(name: str, value: Any) -> int:
    return validation.whole(name, value, 1, MAX_PAGE_SIZE)


def _actor(value: Any) -> str:
    if not isinstance(value, str):
        raise DomainError("by must be a text.")
    return typed_name(value) or ACTOR
