"""Endpoints for the catalogue: listing pictures, their history, and the activity of users."""

from collections.abc import Callable
from typing import Any, TypedDict

from storage.records import Filter, PictureEvent
from workbench.core import validation
from workbench.services import Services
from workbench.ui.api import classes, edits
from workbench.ui.api.answers import answer
from workbench.ui.api.arguments import require_text


class ClassCount(TypedDict):
    """A class and how many pictures have it."""

    name: str
    count: int


class DatasetSummary(TypedDict):
    """Counts over the whole catalogue."""

    images: int
    labelled: int
    unlabelled: int
    classes: list[ClassCount]


class Picture(TypedDict):
    """A picture; ``label``, ``review_label``, ``suggestion``, ``probability`` and ``suspected`` are null where there is none."""

    id: int
    sha256: str
    filename: str
    label: str | None
    split: str
    width: int
    height: int
    synthetic: bool
    revision: int
    flags: list[str]
    tags: list[str]
    notes: str
    pin: str
    archived: bool
    frames: int
    labelled_by: str
    review: str
    reviewed_by: str
    review_label: str | None
    suggestion: str | None
    probability: float | None
    suspected: str | None


class Pictures(TypedDict):
    """A page of pictures."""

    items: list[Picture]
    next_cursor: str
    total: int


class FieldChanged(TypedDict):
    """One field of a picture before and after, in words."""

    field: str
    before: str
    after: str


class Happened(TypedDict):
    """What one event did to a picture, and by whom."""

    event_id: int
    kind: str
    by: str
    summary: str
    at: str
    undone: bool
    changes: list[FieldChanged]


class PictureHistory(TypedDict):
    """Every event that touched a picture, newest first."""

    items: list[Happened]


class DayOfWork(TypedDict):
    """What one person did on one day (UTC) and did not undo."""

    by: str
    day: str
    events: int
    pictures: int
    labelled: int


class ActivityReport(TypedDict):
    """What each person did by day, newest day first."""

    items: list[DayOfWork]


def endpoints(services: Services) -> list[Callable[..., Any]]:
    """The functions to publish."""
    return [
        *_picture_endpoints(services),
        *_history_endpoints(services),
        *edits.endpoints(services),
        *classes.endpoints(services),
    ]


def _picture_endpoints(services: Services) -> list[Callable[..., Any]]:
    stores = services.stores

    def dataset_summary() -> DatasetSummary:
        """Count pictures, labelled and unlabelled ones, and pictures per class."""
        summary = stores.catalogue.summary(stores.classes.all())
        classes = [answer(ClassCount, class_) for class_ in summary.classes]
        return answer(DatasetSummary, summary, classes=classes)

    def list_images(
        label: str = "",
        status: str = "",
        sort: str = "",
        cursor: str = "",
        limit: int = 60,
        flag: str = "",
        tag: str = "",
        search: str = "",
    ) -> Pictures:
        """List pictures page by page. All filters combine.

        Args:
            label: Only pictures of this class.
            status: Only labelled, unlabelled, train, validation, test, synthetic, agreed, disagreed, unreviewed or
                suspicious pictures; bin lists those in the bin.
            sort: newest (default), oldest, name, blurred, dark, bright, next (most useful to label), unsure or suspicious.
            cursor: next_cursor of the page before; empty for the first page.
            limit: Most pictures on the page, 1 to 500.
            flag: Only pictures with this quality flag: too small, blurred, dark, bright, uniform, odd aspect, transparent
                or grayscale.
            tag: Only pictures with this tag.
            search: Only pictures with this part in their file name, whatever its case.
        """
        texts = {"label": label, "status": status, "sort": sort, "flag": flag, "tag": tag, "search": search}
        filter_ = Filter(**{name: require_text(name, value) for name, value in texts.items()})
        page = stores.pages.page(filter_, require_text("cursor", cursor), limit)
        return answer(Pictures, page, items=[answer(Picture, image) for image in page.items])

    return [dataset_summary, list_images]


def _history_endpoints(services: Services) -> list[Callable[..., Any]]:
    journal = services.stores.journal

    def picture_history(image_id: int) -> PictureHistory:
        """Tell what became of a picture: every event that touched it, newest first.

        Args:
            image_id: Id of a picture.
        """
        history = journal.history(validation.whole("image_id", image_id))
        return PictureHistory(items=[_happened(entry) for entry in history])

    def activity(days: int = 30) -> ActivityReport:
        """Count what each person did on each of the last days on which anything was done.

        Args:
            days: How many days, 1 to 366.
        """
        rows = journal.activity(validation.whole("days", days, 1, 366))
        return ActivityReport(items=[answer(DayOfWork, row, by=row.actor) for row in rows])

    return [picture_history, activity]


def _happened(entry: PictureEvent) -> Happened:
    event = entry.event
    changes = [answer(FieldChanged, change) for change in entry.changes]
    return answer(Happened, event, event_id=event.id, by=event.actor, at=event.created_at, changes=changes)
