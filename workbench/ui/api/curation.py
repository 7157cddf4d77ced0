"""Endpoints for near-duplicates, the bin and quality flags."""

from collections.abc import Callable
from typing import Any, TypedDict

from storage.core.errors import DomainError
from workbench.core import validation
from workbench.services import Services
from workbench.ui.api import ACTOR
from workbench.ui.api.arguments import require_actor, require_ids, require_text

UNKNOWN_CURSOR = "cursor is not one that this list gave. Start again without it."
MAX_GROUPS = 500
MAX_COUNT = 10**9


class LookAlike(TypedDict):
    """Pictures that look alike, the best one to keep first; ``different_classes`` is often a label error."""

    image_ids: list[int]
    different_classes: bool


class LookAlikeGroups(TypedDict):
    """A page of groups; ``spare`` is how many pictures keep_best would put into the bin."""

    items: list[LookAlike]
    next_cursor: str
    total: int
    pictures: int
    spare: int


class Curated(TypedDict):
    """What was changed; ``event_id`` is null where nothing was."""

    changed: int
    event_id: int | None


class Emptied(TypedDict):
    """How many pictures were removed for good."""

    removed: int


class Flagged(TypedDict):
    """A quality flag, and how many pictures have it."""

    flag: str
    count: int


class QualitySummary(TypedDict):
    """Every quality flag with its count."""

    items: list[Flagged]


def endpoints(services: Services) -> list[Callable[..., Any]]:
    """The functions to publish."""

    def lookalikes(cursor: str = "", limit: int = 60) -> LookAlikeGroups:
        """List groups of near-duplicates that nobody has settled yet: those of different classes first, then the largest.

        Args:
            cursor: next_cursor of the page before; empty for the first page.
            limit: Most groups on the page, 1 to 500.
        """
        page_size, duplicates = (
            validation.whole("limit", limit, 1, MAX_GROUPS),
            services.near_duplicates.unresolved(),
        )
        start = _parse_cursor(require_text("cursor", cursor))
        end = start + page_size
        return LookAlikeGroups(
            items=[
                LookAlike(image_ids=list(group.image_ids), different_classes=group.mixed)
                for group in duplicates.groups[start:end]
            ],
            next_cursor=str(end) if end < len(duplicates.groups) else "",
            total=len(duplicates.groups),
            pictures=duplicates.pictures,
            spare=len(duplicates.spare),
        )

    def keep_one(image_ids: list[int], keep: int, by: str = ACTOR) -> Curated:
        """Keep one picture of a group and put the others into the bin, as one event that can be undone.

        Args:
            image_ids: Ids of the pictures of a group.
            keep: The id of the one to keep.
            by: Who the history says did it.
        """
        keep_id = validation.whole("keep", keep)
        return _curation_result(
            services.near_duplicates.keep_one(require_ids(image_ids), keep_id, require_actor(by))
        )

    def keep_all(image_ids: list[int], by: str = ACTOR) -> Curated:
        """Keep all pictures of a group: it is not listed again until another picture joins it.

        Args:
            image_ids: Ids of the pictures of a group.
            by: Who the history says did it.
        """
        return _curation_result(services.near_duplicates.keep_all(require_ids(image_ids), require_actor(by)))

    def keep_best(expected: int, by: str = ACTOR) -> Curated:
        """Keep the best picture of every group of one class and put the others into the bin, as one event.

        Args:
            expected: How many pictures go to the bin, as lookalikes says in spare; with another number nothing is changed.
            by: Who the history says did it.
        """
        expected_count = validation.whole("expected", expected, 0, MAX_COUNT)
        return _curation_result(services.near_duplicates.keep_best(expected_count, require_actor(by)))

    def empty_bin(confirm: str, by: str = ACTOR) -> Emptied:
        """Remove all pictures of the bin with their files. This cannot be undone, and is refused while a run is active.

        Args:
            confirm: How many pictures are in the bin, as digits, or the words: empty the bin.
            by: Who the history says did it.
        """
        return Emptied(removed=services.trash.empty(require_text("confirm", confirm), require_actor(by)))

    def quality_summary() -> QualitySummary:
        """Count the pictures with each quality flag; list_images lists them by flag."""
        counts = services.stores.curation.flagged()
        return QualitySummary(items=[Flagged(flag=name, count=count) for name, count in counts.items()])

    return [lookalikes, keep_one, keep_all, keep_best, empty_bin, quality_summary]


def _parse_cursor(cursor: str) -> int:
    if not cursor:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
        raise DomainError(UNKNOWN_CURSOR)
    return int(cursor)


def _curation_result(change: tuple[int, int | None]) -> Curated:
    return Curated(changed=change[0], event_id=change[1])
