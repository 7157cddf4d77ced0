"""The data that the Label tab's script renders."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from math import ceil
from typing import Any

from storage.core.errors import DomainError
from storage.queries.filters import tags_in_use
from storage.records import Event, Filter, ImageRecord, Page
from workbench.services import Services
from workbench.ui.components.filter_address import address

PAGE = 60
MAX_AHEAD = 40
Answer = dict[str, Any]


@dataclass(frozen=True)
class LabelState:
    """The view of a session: a filter, and the cursors of the pages up to the current one."""

    filter_: Filter = field(default_factory=Filter)
    cursors: tuple[str, ...] = ("",)

    def next(self, cursor: str) -> LabelState:
        """The state of the page after a cursor; idempotent, so that a repeated request turns one page only."""
        if cursor == self.cursors[-1]:
            return self
        return replace(self, cursors=(*self.cursors, cursor))

    def previous(self) -> LabelState:
        """The state of the previous page; the first page stays the first."""
        return replace(self, cursors=self.cursors[:-1] or ("",))


@dataclass(frozen=True)
class Viewer:
    """The user and the requested display: ``mode`` is ``stage`` or ``grid``, ``picture`` the id of a picture to open."""

    me: str
    mode: str = ""
    picture: int = 0


def page_data(services: Services, state: LabelState, viewer: Viewer) -> tuple[LabelState, Answer]:
    """The data of a page of pictures, with the following pictures prefetched.

    Args:
        services: The services to read from.
        state: The requested page; if it is empty by now, an earlier page is shown.
        viewer: The user and the requested display.

    Returns:
        The state that is shown, and the data for the script.
    """
    stores = services.stores
    classes, tags = stores.classes.all(), tags_in_use(stores.database)
    state = _drop_removed(state, [class_.name for class_ in classes], tags)
    state, page = _load_page(services, state)
    opened = stores.catalogue.several([viewer.picture]) if viewer.picture else []
    filter_ = state.filter_
    return state, {
        "filter": asdict(filter_),
        "address": address(filter_),
        "key": [*asdict(filter_).values(), [class_.name for class_ in classes]],
        "items": [picture(item) for item in page.items],
        "ahead": [picture(image) for image in _ahead(services, filter_, page.next_cursor)],
        "opened": [picture(image) for image in opened],
        "next": page.next_cursor,
        "offset": PAGE * (len(state.cursors) - 1),
        "page": len(state.cursors),
        "pages": max(len(state.cursors), ceil(page.total / PAGE)),
        "total": page.total,
        "classes": [{"name": class_.name, "colour": class_.colour} for class_ in classes],
        "tags": tags,
        "mode": "stage" if opened else viewer.mode,
        **facts(services, viewer.me),
    }


def picture(image: ImageRecord) -> Answer:
    """The data of a picture."""
    return {
        "id": image.id,
        "sha": image.sha256,
        "file": image.filename,
        "size": f"{image.width} × {image.height}",
        "label": image.label or "",
        "split": image.split,
        "pin": image.pin,
        "synthetic": image.synthetic,
        "archived": image.archived,
        "revision": image.revision,
        "frames": image.frames,
        "flags": list(image.flags),
        "tags": list(image.tags),
        "notes": image.notes,
        "by": image.labelled_by,
        "review": image.review,
        "reviewed_by": image.reviewed_by,
        "review_label": image.review_label or "",
        "suggestion": "" if image.label else image.suggestion or "",
        "probability": image.probability or 0,
        "suspected": image.suspected or "",
    }


def facts(services: Services, me: str) -> Answer:
    """Counts over all pictures, and the changes that a user can undo and redo; ``serial`` orders the answers."""
    stores = services.stores
    serial = time.time_ns() // 1000
    summary = stores.catalogue.summary(())
    return {
        "serial": serial,
        "me": me,
        "images": summary.images,
        "left": summary.unlabelled,
        "undo": _step_data(stores.journal.undoable(me)),
        "redo": _step_data(stores.journal.redoable(me)),
    }


def _step_data(event: Event | None) -> Answer | None:
    return {"id": event.id, "summary": event.summary} if event else None


def _drop_removed(state: LabelState, names: Sequence[str], tags: Sequence[str]) -> LabelState:
    label = state.filter_.label if state.filter_.label in names else ""
    tag = state.filter_.tag if state.filter_.tag in tags else ""
    filter_ = replace(state.filter_, label=label, tag=tag)
    return state if filter_ == state.filter_ else LabelState(filter_)


def _load_page(services: Services, state: LabelState) -> tuple[LabelState, Page]:
    pages = services.stores.pages
    try:
        page = pages.page(state.filter_, state.cursors[-1], PAGE)
    except DomainError:  # an invalid URL, or a class that was removed concurrently
        state = LabelState()
        page = pages.page(state.filter_, "", PAGE)
    while not page.items and len(state.cursors) > 1:
        state = state.previous()
        page = pages.page(state.filter_, state.cursors[-1], PAGE)
    return state, page


def _ahead(services: Services, filter_: Filter, cursor: str) -> Sequence[ImageRecord]:
    return services.stores.pages.page(filter_, cursor, MAX_AHEAD).items if cursor else ()
