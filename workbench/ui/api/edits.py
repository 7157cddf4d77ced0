"""Endpoints that change pictures. Each call is one atomic event, which its actor can undo."""

from collections.abc import Callable
from typing import Any, TypedDict

from storage.catalogue.classes import Classes
from storage.core.errors import DomainError, NotFound
from storage.records import ClassRecord
from workbench.core import validation
from workbench.services import Services
from workbench.ui.api import ACTOR
from workbench.ui.api.arguments import require_actor, require_ids, require_text, require_texts

NO_TAG = "Name at least one tag to add or to remove."
TO_CREATE = "With create=True the class is added."
AUTOMATIC = "automatic"
NO_TEXTS: list[str] = []


class Labelled(TypedDict):
    """What a change touched; ``event_id`` is null where nothing changed."""

    changed: int
    event_id: int | None


class Undone(TypedDict):
    """What was undone, in words, and the id of the event that was."""

    undone: str
    event_id: int


class Redone(TypedDict):
    """What was done again, in words, and the id of the event that was."""

    redone: str
    event_id: int


def endpoints(services: Services) -> list[Callable[..., Any]]:
    """The functions to publish."""
    return [
        *_label_endpoints(services),
        *_placement_endpoints(services),
        *_annotation_endpoints(services),
        *_undo_endpoints(services),
    ]


def _label_endpoints(services: Services) -> list[Callable[..., Any]]:
    stores = services.stores

    def label_images(image_ids: list[int], label: str, by: str = ACTOR, create: bool = False) -> Labelled:
        """Label pictures, all or none of them, as one event that can be undone.

        Where a second opinion disagreed, this settles it.

        Args:
            image_ids: Ids of pictures.
            label: The class; empty clears the label.
            by: Who does it.
            create: Add the class where there is none of this name yet; otherwise that is refused.
        """
        ids, name, actor = require_ids(image_ids), require_text("label", label), require_actor(by)
        if validation.flag("create", create):
            return _edit_result(services.labelling.label(ids, name, actor))
        class_ = _existing_class(stores.classes, name) if name else None
        return _edit_result(stores.edits.label(ids, class_, actor))

    def review_images(image_ids: list[int], label: str, by: str = ACTOR) -> Labelled:
        """Give a second opinion on labelled pictures: agreed where it is their class, disagreed otherwise.

        Args:
            image_ids: Ids of pictures that somebody else labelled.
            label: The class that you see.
            by: Who does it; nobody reviews their own labels.
        """
        ids, class_ = require_ids(image_ids), stores.classes.get(require_text("label", label))
        stores.catalogue.require(ids)
        revisions = {image.id: image.revision for image in stores.catalogue.several(ids)}
        return _edit_result(stores.edits.review(revisions, class_, require_actor(by)))

    def accept_suggestions(image_ids: list[int], by: str = ACTOR) -> Labelled:
        """Label those of the pictures that have no class yet with what the model suggests for each, as one event.

        Args:
            image_ids: Ids of pictures.
            by: Who does it.
        """
        return _edit_result(stores.edits.accept_suggestions(require_ids(image_ids), require_actor(by)))

    return [label_images, review_images, accept_suggestions]


def _placement_endpoints(services: Services) -> list[Callable[..., Any]]:
    edits = services.stores.edits

    def archive_images(image_ids: list[int], by: str = ACTOR) -> Labelled:
        """Move pictures to the bin, as one event that can be undone.

        Args:
            image_ids: Ids of pictures.
            by: Who does it.
        """
        return _edit_result(edits.archive(require_ids(image_ids), require_actor(by)))

    def restore_images(image_ids: list[int], by: str = ACTOR) -> Labelled:
        """Take pictures out of the bin, as one event that can be undone.

        Args:
            image_ids: Ids of pictures in the bin.
            by: Who does it.
        """
        return _edit_result(edits.restore(require_ids(image_ids), require_actor(by)))

    def move_images(image_ids: list[int], split: str, by: str = ACTOR) -> Labelled:
        """Put pictures on a side of the split by hand, as one event that can be undone.

        Args:
            image_ids: Ids of pictures.
            split: train, validation or test (kept out of training and of choosing); automatic leaves them to the split that
                every training makes.
            by: Who does it.
        """
        side = require_text("split", split)
        if side not in {"train", "validation", "test", AUTOMATIC}:
            raise DomainError(f"split is “{side[:40]}”; it can be train, validation, test or automatic.")
        return _edit_result(
            edits.pin(require_ids(image_ids), "" if side == AUTOMATIC else side, require_actor(by))
        )

    return [archive_images, restore_images, move_images]


def _annotation_endpoints(services: Services) -> list[Callable[..., Any]]:
    edits = services.stores.edits

    def tag_images(
        image_ids: list[int], add: list[str] = NO_TEXTS, remove: list[str] = NO_TEXTS, by: str = ACTOR
    ) -> Labelled:
        """Add tags to pictures and take tags from them, as one event that can be undone.

        Args:
            image_ids: Ids of pictures.
            add: Tags that they shall have.
            remove: Tags that they shall not have any more.
            by: Who does it.
        """
        added, removed = require_texts("add", add), require_texts("remove", remove)
        if not added and not removed:
            raise DomainError(NO_TAG)
        return _edit_result(edits.tag(require_ids(image_ids), added, removed, require_actor(by)))

    def note_image(image_id: int, text: str, by: str = ACTOR) -> Labelled:
        """Write the note of a picture, in place of the one it had.

        Args:
            image_id: Id of a picture.
            text: The note; empty removes it.
            by: Who does it.
        """
        checked_id = validation.whole("image_id", image_id)
        return _edit_result(edits.set_note(checked_id, require_text("text", text), require_actor(by)))

    return [tag_images, note_image]


def _undo_endpoints(services: Services) -> list[Callable[..., Any]]:
    journal = services.stores.journal

    def undo(by: str = ACTOR) -> Undone:
        """Undo the newest change that a person made and that is not undone yet.

        Args:
            by: Whose change.
        """
        event = journal.undo(require_actor(by))
        return Undone(undone=event.summary, event_id=event.id)

    def redo(by: str = ACTOR) -> Redone:
        """Do again what a person undid last.

        Args:
            by: Whose change.
        """
        event = journal.redo(require_actor(by))
        return Redone(redone=event.summary, event_id=event.id)

    return [undo, redo]


def _edit_result(change: tuple[int, int | None]) -> Labelled:
    changed, event_id = change
    return Labelled(changed=changed, event_id=event_id)


def _existing_class(classes: Classes, name: str) -> ClassRecord:
    try:
        return classes.get(name)
    except NotFound as error:
        raise NotFound(f"{error} {TO_CREATE}") from error
