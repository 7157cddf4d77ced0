"""Tables that speak of pictures which are there already: their labels and sides are applied."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

from storage.jobs.import_jobs import PRESENT, REJECTED, FileOutcome
from storage.records import ImageRecord
from workbench.catalogue.labelling import Labelling, class_or_none
from workbench.importing.file_index import LOOSE, FileIndex, FileLocation, Match
from workbench.importing.label_tables import TableLine
from workbench.importing.table_faults import TableFault, TableFaultLog
from workbench.stores import Stores

BATCH = 1000
NOWHERE = "{where}: “{name}” is neither among the files of this import nor in the catalogue."
MANY = "{where}: “{name}” is the name of {count} pictures. Add a column sha256 that tells them apart."
AGAIN = "{where} names “{name}” again; the first line counts."
TOP = FileLocation(LOOSE, 0, "")


@dataclass(frozen=True, slots=True)
class TableReference:
    """A line of a table that names none of the files: perhaps a picture that is there already.

    Attributes:
        table: The name of the table.
        line: The line.
        alone: Whether the table came without pictures. With pictures beside it, a name with a folder means one of those.
    """

    table: str
    line: TableLine
    alone: bool


@dataclass(frozen=True)
class _LabelUpdate:
    """What is wanted of a picture."""

    place: int
    image_id: int
    label: str
    split: str
    note: str


class TableUpdates:
    """Finds the pictures that the tables of one import speak of, and does what they say.

    Args:
        stores: Where the pictures are.
        labelling: Gives them their classes.
        actor: Who asks.
    """

    def __init__(self, stores: Stores, labelling: Labelling, actor: str) -> None:
        self._catalogue = stores.catalogue
        self._edits = stores.edits
        self._jobs = stores.import_jobs
        self._labelling = labelling
        self._actor = actor
        self._faults: dict[str, TableFaultLog] = defaultdict(TableFaultLog)
        self._said: dict[int, tuple[str, str | None]] = {}

    def pass_over(self, items: Sequence[FileOutcome | TableReference]) -> None:
        """Know of lines that were applied before this process took the import up."""
        rest = iter(items)
        while batch := list(islice(rest, BATCH)):
            for _ in self._found(batch):
                pass

    def apply(self, items: Sequence[FileOutcome | TableReference]) -> list[FileOutcome | None]:
        """Label pictures and put them on sides of the split, an event for each class and each side.

        Args:
            items: Lines of tables, and outcomes that are known already.

        Returns:
            What became of each; None where :meth:`faults` tells of it, or an earlier line has said the same.
        """
        done: list[FileOutcome | None] = [item if isinstance(item, FileOutcome) else None for item in items]
        wishes: list[_LabelUpdate] = []
        for place, reference, image_id in self._found(items):
            line = reference.line
            label, unnamed = class_or_none(line.label)
            wishes.append(_LabelUpdate(place, image_id, label, line.split or "", unnamed))
            done[place] = FileOutcome(_shown(line), PRESENT, image_id=image_id, label=label)
        for place, label, note in self._grant(wishes):
            outcome = done[place]
            done[place] = outcome and replace(outcome, label=label, note=note)
        return done

    def faults(self) -> list[FileOutcome]:
        """What is wrong with the lines that name no picture, a few sentences for each table."""
        return [
            FileOutcome(table, REJECTED, sentence)
            for table, log in self._faults.items()
            for sentence in log.sentences()
        ]

    def _found(
        self, items: Sequence[FileOutcome | TableReference]
    ) -> Iterator[tuple[int, TableReference, int]]:
        """The lines that name a picture for the first time: the place of each, itself, and the picture."""
        known = self._catalogue.known(
            [item.line.sha256 for item in items if isinstance(item, TableReference)]
        )
        ids: dict[int, int] = {}
        for place, item in enumerate(items):
            if isinstance(item, TableReference) and (
                found := known.get(item.line.sha256) or self._named(item)
            ):
                ids[place] = found
        there = {image.id for image in self._catalogue.several(list(set(ids.values())))}
        for place, image_id in ids.items():
            item = items[place]
            if not isinstance(item, TableReference):
                continue
            if image_id not in there:  # it went to the bin since its name was looked up
                self._refuse(item, NOWHERE, "name no picture of this import or of the catalogue")
            elif self._is_first(item, image_id):
                yield place, item, image_id

    def _named(self, reference: TableReference) -> int | None:
        """The only picture with a name that the line has for it."""
        names = reference.line.names
        found: Match | list[FileLocation] = []
        if names and (reference.alone or "/" not in names[0]):
            found = self._pictures.find(names, TOP)
        if isinstance(found, Match):
            return found.place.upload
        if found:
            self._refuse(reference, MANY, "have a name that several pictures have", len(found))
        else:
            self._refuse(reference, NOWHERE, "name no picture of this import or of the catalogue")
        return None

    @cached_property
    def _pictures(self) -> FileIndex:
        """The pictures of the catalogue by their file names; read once, not for every line."""
        pictures = FileIndex()
        pictures.add(FileLocation(LOOSE, image_id, name) for image_id, name in self._jobs.filenames())
        return pictures

    def _is_first(self, reference: TableReference, image_id: int) -> bool:
        said = (reference.line.label, reference.line.split)
        before = self._said.get(image_id)
        if before is not None and before != said:
            self._refuse(reference, AGAIN, "name a picture again, of which the first line counts")
        self._said.setdefault(image_id, said)
        return before is None

    def _refuse(self, reference: TableReference, sentence: str, kind: str, count: int = 0) -> None:
        line = reference.line
        if self._faults[reference.table].add_another(kind):
            return
        told = sentence.format(where=line.where.capitalize(), name=_shown(line), count=count)
        self._faults[reference.table].add(TableFault(line.where, told, kind))

    def _grant(self, wishes: Sequence[_LabelUpdate]) -> list[tuple[int, str, str]]:
        """Carry wishes out; gives the place of each, the class that it came with, and what changed."""
        before = {image.id: image for image in self._catalogue.several([wish.image_id for wish in wishes])}
        labels = {
            wish.image_id: wish.label
            for wish in wishes
            if wish.label and wish.label != before[wish.image_id].label
        }
        for name in sorted(dict.fromkeys(labels.values()), key=str.casefold):
            self._labelling.label([label for label in labels if labels[label] == name], name, self._actor)
        sides = {
            wish.image_id: wish.split
            for wish in wishes
            if wish.split and wish.split != before[wish.image_id].pin
        }
        for side in sorted(set(sides.values())):
            self._edits.pin([each for each in sides if sides[each] == side], side, self._actor)
        changed = self._catalogue.several(list({*labels, *sides}))
        after = before | {image.id: image for image in changed}
        return [_apply_update(wish, before[wish.image_id], after[wish.image_id]) for wish in wishes]


def _apply_update(wish: _LabelUpdate, was: ImageRecord, now: ImageRecord) -> tuple[int, str, str]:
    """The place of a wish, the class that it came with, and what changed."""
    words = []
    if was.label != now.label:
        words.append(f"Labelled {now.label}" + (f"; it was {was.label}." if was.label else "."))
    if was.pin != now.pin:
        words.append(f"Moved to {now.pin}.")
    label = (now.label or "") if wish.label else ""
    return wish.place, label, join_notes(wish.note, *words) or "It stays as it is."


def _shown(line: TableLine) -> str:
    return line.names[0] if line.names else line.sha256


def join_notes(*notes: str) -> str:
    """Notes one after the other."""
    return " ".join(filter(None, notes))
