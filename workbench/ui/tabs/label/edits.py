"""Saves the edits that the script of the Label tab requests: which there are, and how each is applied."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from storage.core.errors import Conflict, DomainError
from storage.core.integers import is_whole
from storage.queries.image_rows import counted
from storage.records import Filter
from workbench.services import Services
from workbench.ui.context import actor
from workbench.ui.error_boundary import sentence
from workbench.ui.tabs.label.view_model import Answer, facts, picture

MAX_PICTURES = 500
MAX_EDITS = 50
FILTER_FIELDS = ("label", "status", "sort", "flag", "tag", "search")


@dataclass(frozen=True)
class EditRequest:
    """One edit requested by the script.

    Attributes:
        services: The services that apply it.
        fields: Its values; not validated.
        by: The acting user.
    """

    services: Services
    fields: Mapping[str, Any]
    by: str

    @property
    def revisions(self) -> dict[int, int]:
        """The expected revision of each picture.

        Raises:
            DomainError: The edit names no pictures, or too many.
        """
        pairs = self.fields.get("pictures")
        if (
            not isinstance(pairs, list)
            or not 1 <= len(pairs) <= MAX_PICTURES
            or not all(map(_is_pair, pairs))
        ):
            raise DomainError(f"An edit names 1 to {MAX_PICTURES} pictures, each by its id and revision.")
        return {parse_whole(image_id): parse_whole(revision) for image_id, revision in pairs}

    @property
    def one(self) -> tuple[int, int]:
        """The id and expected revision of the only picture."""
        ((image_id, revision),) = list(self.revisions.items())[:1]
        return image_id, revision

    @property
    def ids(self) -> list[int]:
        """The ids of the edited pictures: all of a filter, or those that are named.

        Raises:
            Conflict: The number of pictures in the filter has changed.
        """
        if "filter" not in self.fields:
            return list(self.revisions)
        ids = self.services.stores.pages.all_ids(parse_filter(self.fields["filter"]))
        if len(ids) != parse_whole(self.fields.get("expected")):
            raise Conflict(
                f"There are {counted(len(ids))} in this filter by now, so nothing was changed. Look at it again."
            )
        return ids

    @property
    def expected_revisions(self) -> dict[int, int] | None:
        """The expected revisions; None for a whole filter, which is checked by its count instead."""
        return None if "filter" in self.fields else self.revisions

    def text(self, name: str) -> str:
        """A string value; empty if there is none."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""

    def texts(self, name: str) -> list[str]:
        """The strings of a list value."""
        values = self.fields.get(name)
        return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []


@dataclass(frozen=True)
class EditResult:
    """The result of an edit: the ids of its pictures, and a message if the script does not make one itself."""

    ids: list[int]
    message: str = ""


def _label(edit: EditRequest) -> EditResult:
    stores, label, ids = edit.services.stores, edit.text("label"), edit.ids
    class_ = stores.classes.get(label) if label else None
    changed, _ = stores.edits.label(ids, class_, edit.by, edit.expected_revisions)
    name = class_.name if class_ else "not labelled"
    return EditResult(ids, _bulk_message(edit, f"{counted(changed)}: {name}"))


def _review(edit: EditRequest) -> EditResult:
    stores, revisions = edit.services.stores, edit.revisions
    stores.edits.review(revisions, stores.classes.get(edit.text("label")), edit.by)
    return EditResult(list(revisions))


def _archive(edit: EditRequest) -> EditResult:
    ids = edit.ids
    edit.services.stores.edits.archive(ids, edit.by, edit.expected_revisions)
    return EditResult(
        ids,
        _bulk_message(
            edit, f"Moved {counted(len(ids))} to the bin. Undo brings them back.", always=len(ids) > 1
        ),
    )


def _restore(edit: EditRequest) -> EditResult:
    ids = edit.ids
    edit.services.stores.edits.restore(ids, edit.by)
    return EditResult(ids, f"Restored {counted(len(ids))}.")


def _move(edit: EditRequest) -> EditResult:
    side, ids = edit.text("side"), edit.ids
    changed, _ = edit.services.stores.edits.pin(ids, "" if side == "automatic" else side, edit.by)
    where = "the automatic split" if side == "automatic" else f"the {side} split"
    return EditResult(ids, f"Moved {counted(changed)} to {where}.")


def _tag(edit: EditRequest) -> EditResult:
    ids = edit.ids
    changed, _ = edit.services.stores.edits.tag(ids, edit.texts("add"), edit.texts("remove"), edit.by)
    return EditResult(ids, f"Changed the tags of {counted(changed)}.")


def _note(edit: EditRequest) -> EditResult:
    image_id, revision = edit.one
    edit.services.stores.edits.set_note(image_id, edit.text("text"), edit.by, revision)
    return EditResult([image_id], "Notes saved.")


def _accept(edit: EditRequest) -> EditResult:
    ids = edit.ids
    changed, _ = edit.services.stores.edits.accept_suggestions(ids, edit.by, edit.expected_revisions)
    return EditResult(ids, f"Labelled {counted(changed)} as suggested.")


def _dismiss(edit: EditRequest) -> EditResult:
    revisions = edit.revisions
    edit.services.stores.edits.dismiss(list(revisions), edit.by, revisions)
    return EditResult(list(revisions))


def _skip(edit: EditRequest) -> EditResult:
    image_id, _ = edit.one
    edit.services.stores.leases.skip(edit.text("holder"), image_id)
    return EditResult([image_id])


def _add(edit: EditRequest) -> EditResult:
    edit.services.labelling.add(edit.text("name"), edit.by)
    return EditResult([])


def _undo(edit: EditRequest) -> EditResult:
    event = edit.services.stores.journal.undo(edit.by, parse_whole(edit.fields.get("event")))
    return EditResult(_changed_ids(edit, event.id), f"Undone: {event.summary}.")


def _redo(edit: EditRequest) -> EditResult:
    event = edit.services.stores.journal.redo(edit.by, parse_whole(edit.fields.get("event")))
    return EditResult(_changed_ids(edit, event.id), f"Done again: {event.summary}.")


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


def parse_filter(value: Any) -> Filter:
    """Parse a filter sent by the script.

    Raises:
        DomainError: It is not one.
    """
    parts = value if isinstance(value, dict) else {}
    if not all(isinstance(parts.get(field, ""), str) for field in FILTER_FIELDS):
        raise DomainError("A filter is made of texts.")
    return Filter(**{field: parts.get(field, "") for field in FILTER_FIELDS})


def parse_whole(value: Any) -> int:
    """Parse an id or a revision.

    Raises:
        DomainError: It is not one.
    """
    if not is_whole(value, 0):
        raise DomainError("Ids and revisions are whole numbers.")
    return int(value)


def save_function(services: Services) -> Callable[..., Answer]:
    """Build the server function that the script calls to save edits."""

    def save(batch: Any, request: gr.Request) -> Answer:
        """Carry edits out, one after the other, and answer with the true state of their pictures."""
        user = actor(request)
        results = [_apply_edit(services, fields, user) for fields in _requested_edits(batch)]
        image_ids = list(dict.fromkeys(image_id for result in results for image_id in result["ids"]))[
            :MAX_PICTURES
        ]
        return {
            "results": results,
            "items": [picture(image) for image in services.stores.catalogue.several(image_ids)],
            **facts(services, user),
        }

    return save


def _requested_edits(batch: Any) -> list[Any]:
    """The edits of a batch, at most ``MAX_EDITS``; not validated."""
    edits = batch.get("orders") if isinstance(batch, dict) else None
    return edits[:MAX_EDITS] if isinstance(edits, list) else [None]


def _apply_edit(services: Services, fields: Any, by: str) -> Answer:
    """Apply one edit; an error becomes a sentence in its result."""
    try:
        result = _kind(fields)(EditRequest(services, fields, by))
    except Exception as error:
        return {"error": sentence(error), "said": "", "ids": _requested_ids(fields)}
    return {"error": "", "said": result.message, "ids": result.ids[:MAX_PICTURES]}


def _kind(fields: Any) -> Callable[[EditRequest], EditResult]:
    kind = fields.get("kind") if isinstance(fields, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise DomainError(f"An edit is one of {', '.join(KINDS)}.")
    return KINDS[kind]


def _bulk_message(edit: EditRequest, message: str, always: bool = False) -> str:
    return message if always or "filter" in edit.fields else ""


def _changed_ids(edit: EditRequest, event_id: int) -> list[int]:
    changes = edit.services.stores.journal.changes(event_id)
    return list(dict.fromkeys(change.entity_id for change in changes if change.entity == "image"))[
        :MAX_PICTURES
    ]


def _requested_ids(fields: Any) -> list[int]:
    pairs = fields.get("pictures") if isinstance(fields, dict) else None
    ids = [pair[0] for pair in pairs[:MAX_PICTURES] if _is_pair(pair)] if isinstance(pairs, list) else []
    return [image_id for image_id in ids if is_whole(image_id)]


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2
