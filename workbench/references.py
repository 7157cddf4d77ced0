"""Tables that speak of pictures which are there already: their labels and sides are applied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from storage.errors import DomainError
from storage.imports import PRESENT, REJECTED, Outcome
from workbench.errors import NotReady
from workbench.labelling import Labelling, class_or_none
from workbench.manifests import Line
from workbench.stores import Stores

NOWHERE = "{where}: “{name}” is neither among the files of this import nor in the catalogue."
MANY = "{where}: “{name}” is the name of {count} pictures. Add a column sha256 that tells them apart."


@dataclass(frozen=True)
class Reference:
    """A line of a table that names none of the files: perhaps a picture that is there already.

    Attributes:
        table: The name of the table.
        line: The line.
        alone: Whether the table came without pictures. With pictures beside it, a name with a folder means one of those.
    """

    table: str
    line: Line
    alone: bool


@dataclass(frozen=True)
class _Wish:
    """What is wanted of a picture."""

    place: int
    image_id: int
    label: str
    split: str
    note: str


class References:
    """Finds the pictures that tables speak of, and does what they say."""

    def __init__(self, stores: Stores, labelling: Labelling) -> None:
        self._catalogue = stores.catalogue
        self._edits = stores.edits
        self._jobs = stores.import_jobs
        self._labelling = labelling

    def apply(self, items: Sequence[Outcome | Reference], actor: str) -> list[Outcome]:
        """Label pictures and put them on sides of the split, an event for each class and each side.

        Args:
            items: Lines of tables, and outcomes that are known already.
            actor: Who asks.

        Returns:
            What became of each.
        """
        done: list[Outcome] = []
        wishes: list[_Wish] = []
        known = self._catalogue.known([each.line.sha256 for each in items if isinstance(each, Reference)])
        for place, each in enumerate(items):
            if isinstance(each, Outcome):
                done.append(each)
                continue
            try:
                wish = self._wish(place, each, known)
            except DomainError as error:
                done.append(Outcome(each.table, REJECTED, str(error)))
            else:
                wishes.append(wish)
                name = each.line.names[0] if each.line.names else each.line.sha256
                done.append(Outcome(name, PRESENT, image_id=wish.image_id, label=wish.label))
        for place, label, note in self._grant(wishes, actor):
            done[place] = replace(done[place], label=label, note=note)
        return done

    def _wish(self, place: int, reference: Reference, known: dict[str, int]) -> _Wish:
        line = reference.line
        label, unnamed = class_or_none(line.label)
        image_id = known.get(line.sha256) or self._named(reference)
        return _Wish(place, image_id, label, line.split or "", unnamed)

    def _named(self, reference: Reference) -> int:
        """The only picture with a name that the line has for it."""
        line = reference.line
        where, shown = line.where.capitalize(), (line.names or (line.sha256,))[0]
        for name in line.names if reference.alone or "/" not in shown else ():
            found = self._jobs.named(name.rsplit("/", 1)[-1])
            if len(found) > 1:
                raise NotReady(MANY.format(where=where, name=shown, count=len(found)))
            if found:
                return found[0]
        raise NotReady(NOWHERE.format(where=where, name=shown))

    def _grant(self, wishes: Sequence[_Wish], actor: str) -> list[tuple[int, str, str]]:
        """Carry wishes out; gives the place of each, the class that it came with, and what changed."""
        before = {each.id: each for each in self._catalogue.several([wish.image_id for wish in wishes])}
        labels = {
            wish.image_id: wish.label
            for wish in wishes
            if wish.label and wish.label != before[wish.image_id].label
        }
        for name in sorted(dict.fromkeys(labels.values()), key=str.casefold):
            self._labelling.label([each for each in labels if labels[each] == name], name, actor)
        sides = {
            wish.image_id: wish.split
            for wish in wishes
            if wish.split and wish.split != before[wish.image_id].pin
        }
        for side in sorted(set(sides.values())):
            self._edits.pin([each for each in sides if sides[each] == side], side, actor)
        changed = self._catalogue.several(list({*labels, *sides}))
        after = before | {each.id: each for each in changed}
        notes = []
        for wish in wishes:
            was, now = before[wish.image_id], after[wish.image_id]
            words = []
            if was.label != now.label:
                words.append(f"Labelled {now.label}" + (f"; it was {was.label}." if was.label else "."))
            if was.pin != now.pin:
                words.append(f"Moved to {now.pin}.")
            label = (now.label or "") if wish.label else ""
            notes.append((wish.place, label, noted(wish.note, *words) or "It stays as it is."))
        return notes


def noted(*notes: str) -> str:
    """Notes one after the other."""
    return " ".join(filter(None, notes))
