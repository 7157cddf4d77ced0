"""What an import will do: which files are taken in, and what tables say of these and of other pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from storage.jobs.import_jobs import READ, REJECTED, FileOutcome
from workbench.core.errors import RejectedPicture, RejectedTable
from workbench.core.settings import MEGABYTE, Limits
from workbench.importing.file_index import LOOSE, FileIndex, FileLocation, Match
from workbench.importing.folder_layout import FolderLayout, layout
from workbench.importing.label_tables import TableLine
from workbench.importing.table_faults import TableFault, TableFaultLog
from workbench.importing.table_reader import read_table
from workbench.importing.table_text import OnProgress
from workbench.importing.table_updates import TableReference
from workbench.importing.uploads import (
    Contents,
    Source,
    TableFile,
    Upload,
    contents,
    is_zip,
    path_of,
    sources,
    table_files,
)

ROWS = (".csv", ".tsv")
READ_TABLES = 2
"""How many times ``Limits.table_mb`` all tables of one import may have together."""
NO_ROOM = "The tables of this import have more than {most:,} MB together, so this one is not read. Import it on its own."


@dataclass(frozen=True)
class ImportPlan:
    """What an import will do, the same each time it is made from the same files.

    Attributes:
        uploads: What was given.
        limits: What is taken in at most.
        files: How many files there are to take in.
        after: What is to be told or done after them.
        said: The line that names a file, with its table.
        layouts: How the files of each zip lie.
        tables: Files that are tables.
        containers: Folders with a table and all pictures of a zip, which name no class.
    """

    uploads: Sequence[Upload]
    limits: Limits
    files: int
    after: tuple[FileOutcome | TableReference, ...]
    said: Mapping[FileLocation, tuple[str, TableLine]]
    layouts: Mapping[int, FolderLayout]
    tables: frozenset[FileLocation]
    containers: frozenset[tuple[int, str]] = frozenset()

    def sources(self) -> Iterator[Source]:
        """The files, each with what is known of it."""
        for number, upload in enumerate(self.uploads):
            zipped = is_zip(upload)
            for source in sources([upload], self.limits):
                place = FileLocation(number if zipped else LOOSE, number, source.name)
                if place not in self.tables:
                    yield self._described(source, place, bool(zipped or upload.root))

    def _described(self, source: Source, place: FileLocation, has_folders: bool) -> Source:
        shape = self.layouts[place.zipped]
        split = shape.split(source.name) if has_folders else ""
        if place in self.said:
            _, line = self.said[place]
            return replace(source, label=line.label, split=split if line.split is None else line.split)
        note = "No table names it, so it has no class." if shape.tabled else ""
        contained = (place.zipped, _folder(source.name)) in self.containers
        label = shape.label(source.name) if has_folders and not contained else ""
        return replace(source, label=label, split=split, note=note)


def plan(uploads: Sequence[Upload], limits: Limits, watch: OnProgress = lambda lines: None) -> ImportPlan:
    """Look through uploads without reading their pictures; tables are read as streams.

    Args:
        uploads: What was given.
        limits: What is taken in at most.
        watch: Given how many lines of tables are read, again and again meanwhile; what it raises ends the planning.
    """
    held = [
        _Held(number if is_zip(upload) else LOOSE, number, contents(upload, limits))
        for number, upload in enumerate(uploads)
    ]
    tables = frozenset(each.place(name) for each in held for name in each.contents.tables)
    drafted = _Draft(limits, watch)
    if tables:  # otherwise nothing is looked for, and 100,000 names need no index
        drafted.places.add(each.place(name) for each in held for name in each.contents.names)
    for each in held:
        if each.contents.tables:
            for table in table_files(uploads[each.upload], limits):
                drafted.read(each.place(table.name), table)
    drafted.assign_likely()
    layouts = _layouts(held, uploads, {place.zipped for place in drafted.said}, bool(tables))
    return ImportPlan(
        uploads=uploads,
        limits=limits,
        files=sum(len(each.contents.names) for each in held),
        after=(*drafted.told, *_notes(layouts, drafted.said), *drafted.references),
        said=drafted.said,
        layouts=layouts,
        tables=tables,
        containers=_containers(held, tables),
    )


@dataclass(frozen=True)
class _Held:
    """What one upload holds."""

    zipped: int
    upload: int
    contents: Contents

    def place(self, name: str) -> FileLocation:
        return FileLocation(self.zipped, self.upload, name)


def _layouts(
    held: Sequence[_Held], uploads: Sequence[Upload], tabled: set[int], any_table: bool
) -> dict[int, FolderLayout]:
    """How the files of each zip lie; those in none only where they come from a folder of the server."""
    names: dict[int, list[str]] = {}
    for each in held:
        has_folders = each.zipped != LOOSE or uploads[each.upload].root
        names.setdefault(each.zipped, []).extend(each.contents.names if has_folders else ())
    return {zipped: layout(found, zipped in tabled, any_table) for zipped, found in names.items()}


def _containers(held: Sequence[_Held], tables: Iterable[FileLocation]) -> frozenset[tuple[int, str]]:
    """Folders in which a table lies beside or above all files of its zip: its name is that of the data, not of a class."""
    folders: dict[int, set[str]] = {}
    for each in held:
        folders.setdefault(each.zipped, set()).update(f"{_folder(name)}/" for name in each.contents.names)
    # What the first and the last in order have in common, all have.
    ends = {zipped: (min(names), max(names)) for zipped, names in folders.items() if names}
    found = {(place.zipped, _folder(place.name)) for place in tables if place.name.lower().endswith(ROWS)}
    return frozenset(
        (zipped, folder)
        for zipped, folder in found
        if all(end.startswith(f"{folder}/") for end in ends.get(zipped, ()))
    )


def _folder(name: str) -> str:
    return path_of(name).parent.as_posix()


def _notes(
    layouts: Mapping[int, FolderLayout], said: Mapping[FileLocation, tuple[str, TableLine]]
) -> list[FileOutcome]:
    """The folders whose side is not that which everyone expects of their name; a table that speaks of sides has the last word."""
    spoken = {place.zipped for place, (_, line) in said.items() if line.split is not None}
    return [
        FileOutcome(f"{folder}/", READ, note=note)
        for zipped, shape in layouts.items()
        if zipped not in spoken
        for folder, note in shape.notes
    ]


@dataclass
class _Table:
    """What one table says, in figures and faults."""

    place: FileLocation
    lines: int = 0
    named: int = 0
    labelled: int = 0
    faults: TableFaultLog = field(default_factory=TableFaultLog)

    def outcomes(self) -> list[FileOutcome]:
        """What is told of it."""
        lines = "1 line" if self.lines == 1 else f"{self.lines:,} lines"
        note = f"{lines}, of which {self.named:,} name a file of this import."
        if self.lines and not self.labelled:
            note += " None of them has a class."
        faults = [FileOutcome(self.place.name, REJECTED, sentence) for sentence in self.faults.sentences()]
        return [FileOutcome(self.place.name, READ, note=note), *faults]


class _Draft:
    """A plan in the making."""

    def __init__(self, limits: Limits, watch: OnProgress) -> None:
        self.places = FileIndex()
        self.references: list[TableReference] = []
        self.said: dict[FileLocation, tuple[str, TableLine]] = {}
        self._limits = limits
        self._watch = watch
        self._lines = 0
        self._bytes = 0
        self._last: tuple[FileLocation, str] | None = None
        self._tables: list[_Table | FileOutcome] = []
        self._likely: list[tuple[_Table, TableLine, FileLocation]] = []

    @property
    def told(self) -> list[FileOutcome]:
        """What is told of the tables."""
        return [
            outcome
            for table in self._tables
            for outcome in ([table] if isinstance(table, FileOutcome) else table.outcomes())
        ]

    def read(self, place: FileLocation, file: TableFile) -> None:
        """Take what a table says."""
        table = _Table(place)
        most = READ_TABLES * self._limits.table_mb
        if self._bytes > most * MEGABYTE:
            self._tables.append(FileOutcome(place.name, REJECTED, NO_ROOM.format(most=most)))
            return
        try:
            with file.open() as stream:
                for item in read_table(place.name, stream, self._count_bytes):
                    if not self._take(table, item):
                        break
        except (RejectedPicture, RejectedTable) as error:
            if not table.lines:
                self._tables.append(FileOutcome(place.name, REJECTED, str(error)))
                return
            table.faults.add(TableFault("", f"{error} What came before counts."))
        self._tables.append(table)

    def assign_likely(self) -> None:
        """Take the lines whose names an uploader has changed, of files that no other line names."""
        for table, line, place in self._likely:
            self._assign(table, line, place)

    def _count_bytes(self, count: int) -> None:
        self._bytes += count
        self._watch(self._lines)

    def _take(self, table: _Table, item: TableLine | TableFault) -> bool:
        """Take a line or a fault of a table; tells whether more may be read."""
        new = bool(item.where) and (table.place, item.where) != self._last
        if new and self._lines >= self._limits.table_lines:
            most = f"{self._limits.table_lines:,}"
            table.faults.add(
                TableFault(
                    "", f"At most {most} lines of tables are read at once; the rest is not. Split the table."
                )
            )
            return False
        self._lines += new
        self._last = (table.place, item.where)
        if isinstance(item, TableFault):
            table.faults.add(item)
            return True
        table.lines += 1
        table.labelled += bool(item.label)
        self._find(table, item)
        return True

    def _find(self, table: _Table, line: TableLine) -> None:
        found = self.places.find(line.names, table.place)
        if isinstance(found, Match) and found.likely:
            self._likely.append((table, line, found.place))
        elif isinstance(found, Match):
            self._assign(table, line, found.place)
        elif found:
            which = ", ".join(place.name for place in found[:3])
            table.faults.add(
                TableFault(
                    line.where,
                    f"{_where(line)}: “{line.names[0]}” could be {len(found):,} files ({which}). Write its folder too.",
                    "could name several files; write their folders too",
                )
            )
        else:
            self.references.append(TableReference(table.place.name, line, alone=not self.places))

    def _assign(self, table: _Table, line: TableLine, place: FileLocation) -> None:
        before = self.said.setdefault(place, (table.place.name, line))[1]
        if before is line:
            table.named += 1
        elif (before.label, before.split) != (line.label, line.split):
            sentence = f"{_where(line)} names “{line.names[0]}” again; the first line counts."
            table.faults.add(
                TableFault(line.where, sentence, "name a file again, of which the first line counts")
            )


def _where(line: TableLine) -> str:
    return line.where.capitalize()
