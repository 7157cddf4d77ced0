"""The journal's rules once more, in memory and without SQL, to compare the storage with."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

ORDINARY_NOT = {"import", "undo", "redo", "empty"}
NEW = {
    **{"class_id": None, "archived": 0, "pin": "", "tags": [], "notes": "", "labelled_by": "", "review": ""},
    **{"reviewed_by": "", "review_class_id": None, "cleared_class_id": None},
}
State = dict[tuple[str, int], dict[str, Any]]


class Refused(Exception):
    """The change is not allowed; nothing was changed."""


@dataclass
class Entry:
    """One event: what it changed, by entity and field, and what became of it."""

    kind: str
    actor: str
    changes: dict[tuple[str, int, str], tuple[Any, Any]]
    undoes: int | None = None
    undone: bool = False


@dataclass
class Replica:
    """Pictures and classes by id, and all events in order; the id of an event is its place from 1."""

    state: State = field(default_factory=dict)
    events: list[Entry] = field(default_factory=list)

    def images(self) -> dict[int, dict[str, Any]]:
        return {key: values for (entity, key), values in self.state.items() if entity == "image"}

    def classes(self) -> dict[int, dict[str, Any]]:
        return {key: values for (entity, key), values in self.state.items() if entity == "class"}

    def do(self, kind: str, actor: str, work: Callable[[Replica], None]) -> None:
        """Carry out one change as one event, or as none where nothing differs."""
        after = Replica(copy.deepcopy(self.state))
        work(after)
        changes = {
            (*entity, name): (self.state[entity][name], value)
            for entity, values in after.state.items()
            for name, value in values.items()
            if self.state[entity][name] != value
        }
        if changes:
            self.state = after.state
            self.events.append(Entry(kind, actor, changes))

    def undoable(self, actor: str) -> int | None:
        event_numbers = (
            number
            for number, entry in enumerate(self.events, 1)
            if entry.actor == actor and entry.kind not in ORDINARY_NOT and not entry.undone
        )
        return max(event_numbers, default=None)

    def redoable(self, actor: str) -> int | None:
        """The undo that can be taken back."""
        own_events = [(number, entry) for number, entry in enumerate(self.events, 1) if entry.actor == actor]
        last = max((number for number, entry in own_events if entry.kind not in ORDINARY_NOT), default=0)
        undone = (
            number
            for number, entry in own_events
            if entry.kind == "undo" and not entry.undone and number > last
        )
        return max(undone, default=None)

    def undo(self, actor: str) -> None:
        number = self.undoable(actor)
        self._reverse(number, "undo", actor)
        self.events[(number or 0) - 1].undone = True

    def redo(self, actor: str) -> None:
        number = self.redoable(actor)
        self._reverse(number, "redo", actor)
        undoing = self.events[(number or 0) - 1]
        undoing.undone = True
        self.events[(undoing.undoes or 0) - 1].undone = False

    def _reverse(self, number: int | None, kind: str, actor: str) -> None:
        if number is None:
            raise Refused
        changes = self.events[number - 1].changes
        after = copy.deepcopy(self.state)
        for (entity, key, name), (old, new) in changes.items():
            if after[entity, key][name] != new:
                raise Refused
            after[entity, key][name] = old
        _refuse_broken(after, changes)
        self.state = after
        turned = {key: (new, old) for key, (old, new) in changes.items()}
        self.events.append(Entry(kind, actor, turned, undoes=number))


def _refuse_broken(after: State, changes: dict[tuple[str, int, str], tuple[Any, Any]]) -> None:
    there = [
        values["name"].casefold()
        for (kind, _), values in after.items()
        if kind == "class" and not values["removed"]
    ]
    if len(there) > len(set(there)):
        raise Refused
    used = [
        values[name]
        for (kind, _), values in after.items()
        if kind == "image"
        for name in ("class_id", "review_class_id")
    ]
    for (entity, key, name), (old, _) in changes.items():
        if entity == "class" and name == "removed" and old and key in used:
            raise Refused
        if (
            entity == "image"
            and name in {"class_id", "review_class_id"}
            and old is not None
            and after["class", old]["removed"]
        ):
            raise Refused


def label(replica: Replica, ids: list[int], to: int | None, actor: str) -> None:
    if to is not None and replica.classes()[to]["removed"]:
        raise Refused
    for picture in (replica.images()[key] for key in ids):
        settles = picture["review"] == "disagreed"
        if picture["class_id"] == to and not settles:
            continue
        if to is None:
            picture["labelled_by"] = ""
        elif picture["class_id"] != to:
            picture["labelled_by"] = actor
        agreed = settles and to is not None
        picture.update(review="agreed" if agreed else "", reviewed_by=actor if agreed else "")
        picture.update(review_class_id=None, class_id=to)


def review(replica: Replica, ids: list[int], to: int, actor: str) -> None:
    pictures = [replica.images()[key] for key in ids]
    if replica.classes()[to]["removed"]:
        raise Refused
    if any(picture["class_id"] is None or picture["labelled_by"] == actor for picture in pictures):
        raise Refused
    for picture in pictures:
        agreed = picture["class_id"] == to
        picture.update(review="agreed" if agreed else "disagreed", reviewed_by=actor)
        picture["review_class_id"] = None if agreed else to


def remove_class(replica: Replica, class_id: int, into: int | None) -> None:
    classes = replica.classes()
    if class_id == into or classes[class_id]["removed"] or (into is not None and classes[into]["removed"]):
        raise Refused
    for image in replica.images().values():
        if class_id not in (image["class_id"], image["review_class_id"]):
            continue
        for name in ("class_id", "review_class_id"):
            image[name] = into if image[name] == class_id else image[name]
        if image["class_id"] is None:
            image.update(labelled_by="", review="")
        elif image["review"] == "disagreed" and image["review_class_id"] in (None, image["class_id"]):
            image["review"] = "" if image["review_class_id"] is None else "agreed"
        if image["review"] != "disagreed":
            image["review_class_id"] = None
        if not image["review"]:
            image["reviewed_by"] = ""
    classes[class_id]["removed"] = 1


def rename(replica: Replica, key: int, name: str) -> None:
    classes = replica.classes()
    others = (class_ for other, class_ in classes.items() if other != key and not class_["removed"])
    if any(other["name"].casefold() == name.casefold() for other in others) or classes[key]["removed"]:
        raise Refused
    classes[key]["name"] = name


def revive(replica: Replica, key: int, class_id: int) -> None:
    """The picture comes in once more, with a class; one that is there already stays as it is."""
    picture = replica.images()[key]
    if picture["archived"]:
        present = not replica.classes()[class_id]["removed"]
        fresh = {
            name: NEW[name]
            for name in ("archived", "labelled_by", "review", "reviewed_by", "review_class_id")
        }
        picture.update(fresh, class_id=class_id if present else None)
