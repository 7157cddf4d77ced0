"""Applies labels and splits from tables to pictures that are already in the catalogue."""

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
    """A table line that matches no file of the import and may refer to a picture in the catalogue.

    Attributes:
        table: The name of the table.
        line: The line.
        alone: Whether the import has no pictures. Otherwise a name with a folder refers to a picture of the import.
    """

    table: str
    line: TableLine
    alone: bool


@dataclass(frozen=True)
class _LabelUpdate:
    """Requested label and split of a picture; ``index`` is the position of its table line."""

    index: int
    image_id: int
    label: str
    split: str
    note: str


class TableUpdates:
    """Finds the existing pictures that the tables of one import refer to, and updates them.

    Args:
        stores: The stores of the catalogue.
        labelling: Sets the classes.
        actor: User that requested the import.
    """

    def __init__(self, stores: Stores, labelling: Labelling, actor: str) -> None:
        self._catalogue = stores.catalogue
        self._edits = stores.edits
        self._jobs = stores.import_jobs
        self._labelling = labelling
        self._actor = actor
        self._faults: dict[str, TableFaultLog] = defaultdict(TableFaultLog)
        self._applied: dict[int, tuple[str, str | None]] = {}

    def pass_over(self, items: Sequence[FileOutcome | TableReference]) -> None:
        """Register lines that were applied before this process resumed the import."""
        remaining = iter(items)
        while batch := list(islice(remaining, BATCH)):
            for _ in self._resolved(batch):
                pass

    def apply(self, items: Sequence[FileOutcome | TableReference]) -> list[FileOutcome | None]:
        """Set labels and splits, with one journal event per class and per split.

        Args:
            items: Table lines, and outcomes that are passed through.

        Returns:
            The outcome of each item; None if :meth:`faults` reports it or an earlier line was the same.
        """
        outcomes: list[FileOutcome | None] = [
            item if isinstance(item, FileOutcome) else None for item in items
        ]
        updates: list[_LabelUpdate] = []
        for index, reference, image_id in self._resolved(items):
            line = reference.line
            label, label_error = class_or_none(line.label)
            updates.append(_LabelUpdate(index, image_id, label, line.split or "", label_error))
            outcomes[index] = FileOutcome(_display_name(line), PRESENT, image_id=image_id, label=label)
        for index, label, note in self._apply_updates(updates):
            outcome = outcomes[index]
            outcomes[index] = outcome and replace(outcome, label=label, note=note)
        return outcomes

    def faults(self) -> list[FileOutcome]:
        """Faults of the lines that match no picture, at most a few messages per table."""
        return [
            FileOutcome(table, REJECTED, sentence)
            for table, log in self._faults.items()
            for sentence in log.sentences()
        ]

    def _resolved(
        self, items: Sequence[FileOutcome | TableReference]
    ) -> Iterator[tuple[int, TableReference, int]]:
        """The lines that refer to a picture for the first time: index, reference and image id of each."""
        ids_by_sha256 = self._catalogue.known(
            [reference.line.sha256 for reference in items if isinstance(reference, TableReference)]
        )
        ids: dict[int, int] = {}
        for index, reference in enumerate(items):
            if isinstance(reference, TableReference) and (
                match_id := ids_by_sha256.get(reference.line.sha256) or self._find_by_name(reference)
            ):
                ids[index] = match_id
        existing_ids = {image.id for image in self._catalogue.several(list(set(ids.values())))}
        for index, image_id in ids.items():
            reference = items[index]
            if not isinstance(reference, TableReference):
                continue
            if image_id not in existing_ids:  # it went to the bin since its name was looked up
                self._add_fault(reference, NOWHERE, "name no picture of this import or of the catalogue")
            elif self._register_first(reference, image_id):
                yield index, reference, image_id

    def _find_by_name(self, reference: TableReference) -> int | None:
        """The id of the only picture that matches the names of the line; None, and a fault is added, otherwise."""
        names = reference.line.names
        match: Match | list[FileLocation] = []
        if names and (reference.alone or "/" not in names[0]):
            match = self._pictures.find(names, TOP)
        if isinstance(match, Match):
            return match.place.upload
        if match:
            self._add_fault(reference, MANY, "have a name that several pictures have", len(match))
        else:
            self._add_fault(reference, NOWHERE, "name no picture of this import or of the catalogue")
        return None

    @cached_property
    def _pictures(self) -> FileIndex:
        """Index of the pictures of the catalogue by file name; built once."""
        pictures = FileIndex()
        pictures.add(FileLocation(LOOSE, image_id, name) for image_id, name in self._jobs.filenames())
        return pictures

    def _register_first(self, reference: TableReference, image_id: int) -> bool:
        values = (reference.line.label, reference.line.split)
        first_values = self._applied.get(image_id)
        if first_values is not None and first_values != values:
            self._add_fault(reference, AGAIN, "name a picture again, of which the first line counts")
        self._applied.setdefault(image_id, values)
        return first_values is None

    def _add_fault(self, reference: TableReference, sentence: str, kind: str, count: int = 0) -> None:
        line = reference.line
        if self._faults[reference.table].add_another(kind):
            return
        message = sentence.format(where=line.where.capitalize(), name=_display_name(line), count=count)
        self._faults[reference.table].add(TableFault(line.where, message, kind))

    def _apply_updates(self, updates: Sequence[_LabelUpdate]) -> list[tuple[int, str, str]]:
        """Apply updates; returns index, class and change note of each."""
        before = {
            image.id: image for image in self._catalogue.several([update.image_id for update in updates])
        }
        labels = {
            update.image_id: update.label
            for update in updates
            if update.label and update.label != before[update.image_id].label
        }
        for name in sorted(dict.fromkeys(labels.values()), key=str.casefold):
            self._labelling.label(
                [labelled_id for labelled_id in labels if labels[labelled_id] == name], name, self._actor
            )
        splits = {
            update.image_id: update.split
            for update in updates
            if update.split and update.split != before[update.image_id].pin
        }
        for split in sorted(set(splits.values())):
            self._edits.pin(
                [image_id for image_id in splits if splits[image_id] == split], split, self._actor
            )
        changed = self._catalogue.several(list({*labels, *splits}))
        after = before | {image.id: image for image in changed}
        return [
            _describe_update(update, before[update.image_id], after[update.image_id]) for update in updates
        ]


def _describe_update(update: _LabelUpdate, before: ImageRecord, after: ImageRecord) -> tuple[int, str, str]:
    """Index, class and change note of an update."""
    changes = []
    if before.label != after.label:
        changes.append(f"Labelled {after.label}" + (f"; it was {before.label}." if before.label else "."))
    if before.pin != after.pin:
        changes.append(f"Moved to {after.pin}.")
    label = (after.label or "") if update.label else ""
    return update.index, label, join_notes(update.note, *changes) or "It stays as it is."


def _display_name(line: TableLine) -> str:
    return line.names[0] if line.names else line.sha256


def join_notes(*notes: str) -> str:
    """Join the non-empty notes with blanks."""
    return " ".join(filter(None, notes))
