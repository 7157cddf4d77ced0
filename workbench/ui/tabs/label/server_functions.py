"""What the Label tab's script asks the server for: to carry edits out, to hand pictures out, to tell more of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from storage.core.errors import Conflict, DomainError
from storage.core.integers import is_whole
from storage.journal.image_edits import accept_suggestions
from storage.queries.image_rows import counted
from storage.records import Filter, PictureEvent
from workbench.services import Services
from workbench.ui.context import actor
from workbench.ui.error_boundary import sentence
from workbench.ui.tabs.label.view_model import Answer, facts, picture

MOST = 500
MOST_ORDERS = 50
MOST_HANDED = 100
SIMILAR = 12
WHO = ("labelled by", "reviewed by")
FIELDS = ("label", "status", "sort", "flag", "tag", "search")


@dataclass(frozen=True)
class EditRequest:
    """One edit that the script asks for.

    Attributes:
        services: What carries it out.
        fields: What came with it; nothing of it is trusted.
        by: Who asks.
    """

    services: Services
    fields: Mapping[str, Any]
    by: str

    @property
    def revisions(self) -> dict[int, int]:
        """The revision of each picture as it was seen."""
        pairs = self.fields.get("pictures")
        if not isinstance(pairs, list) or not 1 <= len(pairs) <= MOST or not all(map(_is_pair, pairs)):
            raise DomainError(f"An edit names 1 to {MOST} pictures, each by its id and revision.")
        return {whole(image_id): whole(revision) for image_id, revision in pairs}

    @property
    def one(self) -> tuple[int, int]:
        """The only picture, and its revision."""
        ((image_id, revision),) = list(self.revisions.items())[:1]
        return image_id, revision

    @property
    def ids(self) -> list[int]:
        """The pictures of a filter, if there are still as many as were seen; else those that are named."""
        if "filter" not in self.fields:
            return list(self.revisions)
        found = self.services.stores.pages.ids(wanted(self.fields["filter"]))
        if len(found) != whole(self.fields.get("expected")):
            raise Conflict(
                f"There are {counted(len(found))} in this filter by now, so nothing was changed. Look at it again."
            )
        return found

    @property
    def seen(self) -> dict[int, int] | None:
        """The revisions that must still hold; a whole filter is held by its count instead."""
        return None if "filter" in self.fields else self.revisions

    def text(self, name: str) -> str:
        """A text that came with the edit, empty where there is none."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""

    def texts(self, name: str) -> list[str]:
        """The texts of a list that came with the edit."""
        values = self.fields.get(name)
        return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []


@dataclass(frozen=True)
class EditResult:
    """What became of an edit: the pictures it touched, and a sentence where the script cannot say it itself."""

    ids: list[int]
    said: str = ""


def _label(asked: EditRequest) -> EditResult:
    name, stores = asked.text("label"), asked.services.stores
    to = stores.classes.get(name) if name else None
    ids = asked.ids
    changed, _ = stores.edits.label(ids, to, asked.by, asked.seen)
    return EditResult(ids, _many(asked, f"{counted(changed)}: {to.name if to else 'not labelled'}"))


def _review(asked: EditRequest) -> EditResult:
    stores, revisions = asked.services.stores, asked.revisions
    stores.edits.review(revisions, stores.classes.get(asked.text("label")), asked.by)
    return EditResult(list(revisions))


def _archive(asked: EditRequest) -> EditResult:
    ids = asked.ids
    asked.services.stores.edits.archive(ids, asked.by, asked.seen)
    return EditResult(
        ids,
        _many(asked, f"Moved {counted(len(ids))} to the bin. Undo brings them back.", always=len(ids) > 1),
    )


def _restore(asked: EditRequest) -> EditResult:
    ids = asked.ids
    asked.services.stores.edits.restore(ids, asked.by)
    return EditResult(ids, f"Restored {counted(len(ids))}.")


def _move(asked: EditRequest) -> EditResult:
    side, ids = asked.text("side"), asked.ids
    changed, _ = asked.services.stores.edits.pin(ids, "" if side == "automatic" else side, asked.by)
    where = "the automatic split" if side == "automatic" else f"the {side} split"
    return EditResult(ids, f"Moved {counted(changed)} to {where}.")


def _tag(asked: EditRequest) -> EditResult:
    ids = asked.ids
    changed, _ = asked.services.stores.edits.tag(ids, asked.texts("add"), asked.texts("remove"), asked.by)
    return EditResult(ids, f"Changed the tags of {counted(changed)}.")


def _note(asked: EditRequest) -> EditResult:
    image_id, revision = asked.one
    asked.services.stores.edits.note(image_id, asked.text("text"), asked.by, revision)
    return EditResult([image_id], "Notes saved.")


def _accept(asked: EditRequest) -> EditResult:
    ids = asked.ids
    changed, _ = accept_suggestions(asked.services.stores.database, ids, asked.by, asked.seen)
    return EditResult(ids, f"Labelled {counted(changed)} as suggested.")


def _dismiss(asked: EditRequest) -> EditResult:
    revisions = asked.revisions
    asked.services.stores.edits.dismiss(list(revisions), asked.by, revisions)
    return EditResult(list(revisions))


def _skip(asked: EditRequest) -> EditResult:
    image_id, _ = asked.one
    asked.services.stores.handouts.skip(asked.text("holder"), image_id)
    return EditResult([image_id])


def _add(asked: EditRequest) -> EditResult:
    asked.services.labelling.add(asked.text("name"), asked.by)
    return EditResult([])


def _undo(asked: EditRequest) -> EditResult:
    event = asked.services.stores.journal.undo(asked.by, whole(asked.fields.get("event")))
    return EditResult(_touched(asked, event.id), f"Undone: {event.summary}.")


def _redo(asked: EditRequest) -> EditResult:
    event = asked.services.stores.journal.redo(asked.by, whole(asked.fields.get("event")))
    return EditResult(_touched(asked, event.id), f"Done again: {event.summary}.")


KINDS: dict[str, Callable[[EditRequest], EditResult]] = {
    "label": _label,
    "review": _review,
    "archive": _archive,
    "restore": _restore,
    "move": _move,
    "tag": _tag,
    "note": _note,
    "accept": _accept,
    "dismiss": _dismiss,
    "skip": _skip,
    "add": _add,
    "undo": _undo,
    "redo": _redo,
}


def functions(services: Services) -> list[Callable[..., Answer]]:
    """The functions that the script calls. What is refused is answered with a sentence."""

    def save(batch: Any, request: gr.Request) -> Answer:
        """Carry edits out, one after the other, and answer with the true state of their pictures."""
        by = actor(request)
        results = [_carried_out(services, order, by) for order in _orders(batch)]
        named = list(dict.fromkeys(each for result in results for each in result["ids"]))[:MOST]
        return {
            "results": results,
            "items": [picture(each) for each in services.stores.catalogue.several(named)],
            **facts(services, by),
        }

    def hand_out(wish: Any, request: gr.Request) -> Answer:
        """Hand pictures of a filter out to a tab, so that no other gets them; none wanted gives all back."""

        def work() -> Answer:
            return {"items": _handed(services, wish, actor(request))}

        return _answered(work)

    def look(wish: Any) -> Answer:
        """The history of a picture."""
        return _answered(lambda: {"history": _history(services, _named(wish))})

    def similar_to(wish: Any) -> Answer:
        """The pictures that look most like one."""

        def work() -> Answer:
            found = services.insight.similar(_named(wish), SIMILAR)
            near = services.stores.catalogue.several([each.image_id for each in found])
            return {"items": [picture(each) for each in near]}

        return _answered(work)

    return [save, hand_out, look, similar_to]


def wanted(value: Any) -> Filter:
    """The filter that a script names.

    Raises:
        DomainError: It is not one.
    """
    parts = value if isinstance(value, dict) else {}
    if not all(isinstance(parts.get(field, ""), str) for field in FIELDS):
        raise DomainError("A filter is made of texts.")
    return Filter(**{field: parts.get(field, "") for field in FIELDS})


def whole(value: Any) -> int:
    """A whole number, as ids and revisions are.

    Raises:
        DomainError: It is not one.
    """
    if not is_whole(value, 0):
        raise DomainError("Ids and revisions are whole numbers.")
    return int(value)


def _orders(batch: Any) -> list[Any]:
    orders = batch.get("orders") if isinstance(batch, dict) else None
    return orders[:MOST_ORDERS] if isinstance(orders, list) else [None]


def _carried_out(services: Services, fields: Any, by: str) -> Answer:
    try:
        done = _kind(fields)(EditRequest(services, fields, by))
    except Exception as error:
        return {"error": sentence(error), "said": "", "ids": _mentioned(fields)}
    return {"error": "", "said": done.said, "ids": done.ids[:MOST]}


def _kind(fields: Any) -> Callable[[EditRequest], EditResult]:
    kind = fields.get("kind") if isinstance(fields, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise DomainError(f"An edit is one of {', '.join(KINDS)}.")
    return KINDS[kind]


def _answered(work: Callable[[], Answer]) -> Answer:
    try:
        return {"error": "", **work()}
    except Exception as error:
        return {"error": sentence(error)}


def _many(asked: EditRequest, said: str, always: bool = False) -> str:
    return said if always or "filter" in asked.fields else ""


def _touched(asked: EditRequest, event_id: int) -> list[int]:
    changes = asked.services.stores.journal.changes(event_id)
    return list(dict.fromkeys(change.entity_id for change in changes if change.entity == "image"))[:MOST]


def _mentioned(fields: Any) -> list[int]:
    pairs = fields.get("pictures") if isinstance(fields, dict) else None
    found = [pair[0] for pair in pairs[:MOST] if _is_pair(pair)] if isinstance(pairs, list) else []
    return [each for each in found if is_whole(each)]


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2


def _named(wish: Any) -> int:
    return whole(wish.get("id") if isinstance(wish, dict) else None)


def _handed(services: Services, wish: Any, by: str) -> list[Answer]:
    holder = str(wish.get("holder", ""))[:80] if isinstance(wish, dict) else ""
    if not holder:
        raise DomainError("Pictures are handed out to a tab that names itself.")
    handouts, count = services.stores.handouts, whole(wish.get("count"))
    if count < 1:
        handouts.release(holder)
        return []
    chosen = wanted(wish.get("filter"))
    but_of = by if chosen.status == "unreviewed" else ""
    ids = handouts.take(holder, chosen, min(count, MOST_HANDED), but_of=but_of)
    return [picture(each) for each in services.stores.catalogue.several(ids)]


def _history(services: Services, image_id: int) -> list[Answer]:
    return [
        {
            "who": each.event.actor,
            "when": each.event.created_at,
            "what": _in_words(each),
            "undone": each.event.undone,
        }
        for each in services.stores.journal.history(image_id)
    ]


def _in_words(each: PictureEvent) -> str:
    told = [f"{c.field}: {c.before} → {c.after}" for c in each.changes if c.field not in WHO]
    return "; ".join(told) or each.event.summary
