"""What the Label tab's script shows, as data, and what it asks the server for."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Any

import gradio as gr

from storage.errors import DomainError
from storage.records import Filter, ImageRecord, Page
from workbench.services import Services
from workbench.ui.guard import sentence
from workbench.ui.place import actor

PAGE = 60
AHEAD = 40
MOST = 500
Answer = dict[str, Any]


@dataclass(frozen=True)
class View:
    """What a session looks at: a filter, and the cursor of each page up to the present one."""

    wanted: Filter = field(default_factory=Filter)
    cursors: tuple[str, ...] = ("",)

    def next(self, cursor: str) -> View:
        """The page that begins after a cursor; asked for twice, it is turned to once."""
        if cursor == self.cursors[-1]:
            return self
        return replace(self, cursors=(*self.cursors, cursor))

    def previous(self) -> View:
        """The page before; before the first one there is only the first one."""
        return replace(self, cursors=self.cursors[:-1] or ("",))


def present(services: Services, view: View, mode: str = "") -> tuple[View, Answer]:
    """The page of a view, with what follows it, so that the stage never waits.

    Args:
        services: Where the pictures are.
        view: Where it turned out to be empty because its pictures left the filter, an earlier page is shown.
        mode: ``stage`` or ``grid`` to switch to, empty to stay.

    Returns:
        The view that is shown, and the data for the script.
    """
    stores = services.stores
    classes = stores.classes.all()
    view = _without_lost_class(view, [each.name for each in classes])
    view, page = _filled(services, view)
    ahead = stores.pages.page(view.wanted, page.next_cursor, AHEAD).items if page.next_cursor else ()
    wanted = view.wanted
    return view, {
        "status": wanted.status,
        "key": [wanted.label, wanted.status, wanted.sort, [each.name for each in classes]],
        "items": [picture(each) for each in page.items],
        "ahead": [picture(each) for each in ahead],
        "next": page.next_cursor,
        "offset": PAGE * (len(view.cursors) - 1),
        "page": len(view.cursors),
        "pages": max(len(view.cursors), ceil(page.total / PAGE)),
        "total": page.total,
        "filtered": bool(wanted.label or wanted.status),
        "classes": [{"name": each.name, "colour": each.colour} for each in classes],
        "mode": mode,
        **facts(services),
    }


def picture(image: ImageRecord) -> Answer:
    """A picture as the script holds it."""
    return {
        "id": image.id,
        "sha": image.sha256,
        "file": image.filename,
        "size": f"{image.width} × {image.height}",
        "label": image.label or "",
        "split": image.split,
        "synthetic": image.synthetic,
        "revision": image.revision,
    }


def facts(services: Services) -> Answer:
    """Counts over all pictures, and what can be undone; ``serial`` tells a newer answer from an older one."""
    stores = services.stores
    serial = time.time_ns() // 1000
    summary = stores.catalogue.summary(())
    last = stores.journal.undoable()
    return {
        "serial": serial,
        "images": summary.images,
        "left": summary.unlabelled,
        "undo": {"id": last.id, "summary": last.summary} if last else None,
    }


def asked(services: Services) -> list[Callable[..., Answer]]:
    """The functions that the script calls. Each answers with the true state of the pictures and, refused, a sentence."""

    def save_labels(edit: Any, by: str) -> list[int]:
        revisions = _revisions(edit)
        services.labelling.relabel(revisions, str(edit.get("label") or ""), by)
        return list(revisions)

    def remove_pictures(edit: Any, by: str) -> list[int]:
        ids = list(_revisions(edit))
        services.stores.edits.archive(ids, by)
        return ids

    def add_class(edit: Any, by: str) -> list[int]:
        services.labelling.add(str(edit.get("name", "") if isinstance(edit, dict) else ""), by)
        return []

    def take_back(edit: Any, by: str) -> list[int]:
        journal = services.stores.journal
        event = journal.undo(by, _whole(edit.get("event") if isinstance(edit, dict) else None))
        changed = [each.entity_id for each in journal.changes(event.id) if each.entity == "image"]
        return changed[:MOST]

    return [_answering(services, each) for each in (save_labels, remove_pictures, add_class, take_back)]


def _answering(services: Services, work: Callable[[Any, str], list[int]]) -> Callable[..., Answer]:
    def answer(edit: Any, request: gr.Request) -> Answer:
        refusal = ""
        try:
            ids = work(edit, actor(request))
        except Exception as error:
            ids, refusal = _named(edit), sentence(error)
        items = [picture(each) for each in services.stores.catalogue.several(ids)]
        return {"error": refusal, "ids": ids, "items": items, **facts(services)}

    answer.__name__ = work.__name__
    return answer


def _pairs(edit: Any) -> list[Any]:
    pairs = edit.get("pictures") if isinstance(edit, dict) else None
    return pairs if isinstance(pairs, list) else []


def _named(edit: Any) -> list[int]:
    return [pair[0] for pair in _pairs(edit)[:MOST] if _is_pair(pair) and isinstance(pair[0], int)]


def _revisions(edit: Any) -> dict[int, int]:
    pairs = _pairs(edit)
    if not 1 <= len(pairs) <= MOST or not all(map(_is_pair, pairs)):
        raise DomainError(f"An edit names 1 to {MOST} pictures, each by its id and revision.")
    return {_whole(image_id): _whole(revision) for image_id, revision in pairs}


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise DomainError("Ids and revisions are whole numbers.")
    return value


def _without_lost_class(view: View, names: Sequence[str]) -> View:
    if view.wanted.label in {"", *names}:
        return view
    return View(replace(view.wanted, label=""))


def _filled(services: Services, view: View) -> tuple[View, Page]:
    page = services.stores.pages.page(view.wanted, view.cursors[-1], PAGE)
    while not page.items and len(view.cursors) > 1:
        view = view.previous()
        page = services.stores.pages.page(view.wanted, view.cursors[-1], PAGE)
    return view, page
