"""What an import will do: which files are taken in, and what tables say of these and of other pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from storage.imports import READ, REJECTED, Outcome
from workbench.archives import Contents, Source, Upload, contents, is_zip, sources
from workbench.errors import RejectedPicture, RejectedTable
from workbench.layouts import Layout, layout
from workbench.manifests import Line, parse
from workbench.places import LOOSE, Found, Place, Places
from workbench.references import Reference
from workbench.settings import Limits


@dataclass(frozen=True)
class Plan:
    """What an import will do, the same each time it is made from the same files.

    Attributes:
        uploads: What was given.
        limits: What is taken in at most.
        files: How many files there are to take in.
        after: What is to be told or done after them.
        said: The line that names a file, with its table.
        layouts: How the files of each zip lie.
    """

    uploads: Sequence[Upload]
    limits: Limits
    files: int
    after: tuple[Outcome | Reference, ...]
    said: Mapping[Place, tuple[str, Line]]
    layouts: Mapping[int, Layout]
    tables: frozenset[Place]

    def sources(self) -> Iterator[Source]:
        """The files, each with what is known of it."""
        for number, upload in enumerate(self.uploads):
            zipped = is_zip(upload)
            for source in sources([upload], self.limits):
                place = Place(number if zipped else LOOSE, number, source.name)
                if place not in self.tables:
                    yield self._described(source, place, bool(zipped or upload.root))

    def _described(self, source: Source, place: Place, has_folders: bool) -> Source:
        shape = self.layouts[place.zipped]
        split = shape.split(source.name) if has_folders else ""
        if place in self.said:
            _, line = self.said[place]
            return replace(source, label=line.label, split=split if line.split is None else line.split)
        note = "No table names it, so it has no class." if shape.tabled else ""
        label = shape.label(source.name) if has_folders else ""
        return replace(source, label=label, split=split, note=note)


def plan(uploads: Sequence[Upload], limits: Limits) -> Plan:
    """Look through uploads without reading their pictures."""
    held = [
        _Held(number if is_zip(upload) else LOOSE, number, contents(upload, limits))
        for number, upload in enumerate(uploads)
    ]
    drafted = _Draft()
    tables = {each.place(name): data for each in held for name, data in each.contents.tables.items()}
    if tables:  # otherwise nothing is looked for, and 100,000 names need no index
        drafted.places.add(each.place(name) for each in held for name in each.contents.names)
    for place, data in tables.items():
        drafted.read(place, data)
    layouts = _layouts(held, uploads, {place.zipped for place in drafted.said})
    return Plan(
        uploads=uploads,
        limits=limits,
        files=sum(len(each.contents.names) for each in held),
        after=(*drafted.told, *_notes(layouts, drafted.said), *drafted.references),
        said=drafted.said,
        layouts=layouts,
        tables=frozenset(tables),
    )


@dataclass(frozen=True)
class _Held:
    """What one upload holds."""

    zipped: int
    upload: int
    contents: Contents

    def place(self, name: str) -> Place:
        return Place(self.zipped, self.upload, name)


def _layouts(held: Sequence[_Held], uploads: Sequence[Upload], tabled: set[int]) -> dict[int, Layout]:
    """How the files of each zip lie; those in none only where they come from a folder of the server."""
    names: dict[int, list[str]] = {}
    for each in held:
        has_folders = each.zipped != LOOSE or uploads[each.upload].root
        names.setdefault(each.zipped, []).extend(each.contents.names if has_folders else ())
    return {zipped: layout(found, zipped in tabled) for zipped, found in names.items()}


def _notes(layouts: Mapping[int, Layout], said: Mapping[Place, tuple[str, Line]]) -> list[Outcome]:
    """The folders whose side is not that which everyone expects of their name; a table that speaks of sides has the last word."""
    spoken = {place.zipped for place, (_, line) in said.items() if line.split is not None}
    return [
        Outcome(f"{folder}/", READ, note=note)
        for zipped, shape in layouts.items()
        if zipped not in spoken
        for folder, note in shape.notes
    ]


@dataclass
class _Draft:
    """A plan in the making."""

    places: Places = field(default_factory=Places)
    told: list[Outcome] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    said: dict[Place, tuple[str, Line]] = field(default_factory=dict)

    def read(self, place: Place, data: bytes | RejectedPicture) -> None:
        """Take what a table says."""
        try:
            if isinstance(data, RejectedPicture):
                raise data
            table = parse(place.name, data)
        except (RejectedPicture, RejectedTable) as error:
            self.told.append(Outcome(place.name, REJECTED, str(error)))
            return
        at = len(self.told)
        named = sum([self._assign(place, line) for line in table.lines])
        lines = "1 line" if len(table.lines) == 1 else f"{len(table.lines):,} lines"
        note = f"{lines}, of which {named:,} name a file of this import."
        self.told.insert(at, Outcome(place.name, READ, note=note))
        self.told += [Outcome(place.name, REJECTED, each) for each in table.problems]

    def _assign(self, place: Place, line: Line) -> bool:
        found = self.places.find(line.names, place)
        if isinstance(found, Found):
            before = self.said.setdefault(found.place, (place.name, line))[1]
            if before is not line and (before.label, before.split) != (line.label, line.split):
                self._refuse(place, f"{_where(line)} names “{line.names[0]}” again; the first line counts.")
            return before is line
        if found:
            which = ", ".join(each.name for each in found[:3])
            self._refuse(
                place,
                f"{_where(line)}: “{line.names[0]}” could be {len(found):,} files ({which}). Write its folder too.",
            )
        else:
            self.references.append(Reference(place.name, line, alone=not self.places))
        return False

    def _refuse(self, place: Place, reason: str) -> None:
        self.told.append(Outcome(place.name, REJECTED, reason))


def _where(line: Line) -> str:
    return line.where.capitalize()
