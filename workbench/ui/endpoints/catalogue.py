"""Endpoints on pictures and labels."""

from collections.abc import Callable
from typing import Any, TypedDict

from storage.errors import DomainError
from storage.records import Filter, ImageRecord
from workbench.services import Services
from workbench.ui.endpoints import ACTOR


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
    """A picture; ``label`` is null where it has none, ``split`` that of the newest snapshot."""

    id: int
    sha256: str
    filename: str
    label: str | None
    split: str
    width: int
    height: int
    synthetic: bool
    revision: int


class Pictures(TypedDict):
    """A page of pictures."""

    items: list[Picture]
    next_cursor: str
    total: int


class Labelled(TypedDict):
    """What labelling changed; ``event_id`` is null where nothing did."""

    changed: int
    event_id: int | None


class Undone(TypedDict):
    """What was undone, in words, and the id of the event that was."""

    undone: str
    event_id: int


def endpoints(services: Services) -> list[Callable[..., Any]]:
    """The functions to publish."""
    stores = services.stores

    def dataset_summary() -> DatasetSummary:
        """Count pictures, labelled and unlabelled ones, and pictures per class."""
        found = stores.catalogue.summary(stores.classes.all())
        return DatasetSummary(
            images=found.images,
            labelled=found.labelled,
            unlabelled=found.unlabelled,
            classes=[ClassCount(name=each.name, count=each.count) for each in found.classes],
        )

    def list_images(
        label: str = "", status: str = "", sort: str = "", cursor: str = "", limit: int = 60
    ) -> Pictures:
        """List pictures page by page.

        Args:
            label: Only pictures of this class.
            status: Only labelled, unlabelled, train, validation or synthetic pictures.
            sort: newest (default), oldest or name.
            cursor: next_cursor of the page before; empty for the first page.
            limit: Most pictures on the page, 1 to 500.
        """
        wanted = Filter(_text("label", label), _text("status", status), _text("sort", sort))
        page = stores.pages.page(wanted, _text("cursor", cursor), limit)
        return Pictures(
            items=[_picture(each) for each in page.items], next_cursor=page.next_cursor, total=page.total
        )

    def label_images(image_ids: list[int], label: str) -> Labelled:
        """Label pictures, all or none of them, as one event that can be undone.

        Args:
            image_ids: Ids of pictures.
            label: The class, added where it is new; empty clears the label.
        """
        changed, event_id = services.labelling.label(_ids(image_ids), _text("label", label), ACTOR)
        return Labelled(changed=changed, event_id=event_id)

    def undo() -> Undone:
        """Undo the newest change of labels or classes that is not undone yet."""
        event = stores.journal.undo(ACTOR)
        return Undone(undone=event.summary, event_id=event.id)

    return [dataset_summary, list_images, label_images, undo]


def _picture(image: ImageRecord) -> Picture:
    return Picture(
        id=image.id,
        sha256=image.sha256,
        filename=image.filename,
        label=image.label,
        split=image.split,
        width=image.width,
        height=image.height,
        synthetic=image.synthetic,
        revision=image.revision,
    )


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise DomainError(f"{name} must be a text.")
    return value


def _ids(values: Any) -> list[int]:
    whole = isinstance(values, list) and all(
        isinstance(each, int) and not isinstance(each, bool) for each in values
    )
    if not whole or not values:
        raise DomainError("image_ids must be a list with at least one picture id (a whole number).")
    return list(dict.fromkeys(values))
