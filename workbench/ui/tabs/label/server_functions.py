"""The server functions of the Label tab's script: saving edits, leasing pictures, and details of a picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from storage.core.errors import DomainError
from storage.records import PictureEvent
from workbench.services import Services
from workbench.ui.context import actor
from workbench.ui.error_boundary import sentence
from workbench.ui.tabs.label.edits import parse_filter, parse_whole, save_function
from workbench.ui.tabs.label.view_model import Answer, picture

MAX_LEASED = 100
MAX_SIMILAR = 12
ACTOR_FIELDS = ("labelled by", "reviewed by")


def functions(services: Services) -> list[Callable[..., Answer]]:
    """The functions that the script calls. Errors are returned as sentences, not raised."""

    def hand_out(wish: Any, request: gr.Request) -> Answer:
        """Hand pictures of a filter out to a tab, so that no other gets them; none wanted gives all back."""

        def work() -> Answer:
            return {"items": _lease_pictures(services, wish, actor(request))}

        return _answer(work)

    def look(wish: Any) -> Answer:
        """The history of a picture."""
        return _answer(lambda: {"history": _history(services, _image_id(wish))})

    def similar_to(wish: Any) -> Answer:
        """The pictures that look most like one."""

        def work() -> Answer:
            neighbours = services.active_learning.similar(_image_id(wish), MAX_SIMILAR)
            images = services.stores.catalogue.several([neighbour.image_id for neighbour in neighbours])
            return {"items": [picture(image) for image in images]}

        return _answer(work)

    return [save_function(services), hand_out, look, similar_to]


def _answer(work: Callable[[], Answer]) -> Answer:
    try:
        return {"error": "", **work()}
    except Exception as error:
        return {"error": sentence(error)}


def _image_id(fields: Any) -> int:
    return parse_whole(fields.get("id") if isinstance(fields, dict) else None)


def _lease_pictures(services: Services, fields: Any, by: str) -> list[Answer]:
    holder = str(fields.get("holder", ""))[:80] if isinstance(fields, dict) else ""
    if not holder:
        raise DomainError("Pictures are handed out to a tab that names itself.")
    leases, count = services.stores.leases, parse_whole(fields.get("count"))
    if count < 1:
        leases.release(holder)
        return []
    filter_ = parse_filter(fields.get("filter"))
    but_of = by if filter_.status == "unreviewed" else ""
    ids = leases.take(holder, filter_, min(count, MAX_LEASED), but_of=but_of)
    return [picture(image) for image in services.stores.catalogue.several(ids)]


def _history(services: Services, image_id: int) -> list[Answer]:
    return [
        {
            "who": entry.event.actor,
            "when": entry.event.created_at,
            "what": _event_text(entry),
            "undone": entry.event.undone,
        }
        for entry in services.stores.journal.history(image_id)
    ]


def _event_text(entry: PictureEvent) -> str:
    changes = [
        f"{change.field}: {change.before} → {change.after}"
        for change in entry.changes
        if change.field not in ACTOR_FIELDS
    ]
    return "; ".join(changes) or entry.event.summary
