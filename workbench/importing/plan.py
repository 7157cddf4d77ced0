"""Plans an import: which files to import, and which table lines apply to them or to existing pictures."""

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
    OpenUpload,
    Source,
    TableFile,
    Upload,
    path_of,
)

ROWS = (".csv", ".tsv")
MOST_OPEN = 32
"""Most zips of an import that stay open from the plan until their files are read; of more, each is opened anew."""
READ_TABLES = 2
"""Most total size of the tables of one import, in multiples of ``Limits.table_mb``."""
NO_ROOM = "The tables of this import have more than {most:,} MB together, so this one is not read. Import it on its own."


@dataclass(frozen=True)
class ImportPlan:
    """The plan of an import; deterministic for the same files.

    Attributes:
        uploads: The uploaded files.
        files: Number of files to import.
        after: Outcomes to report and table lines to apply after the files.
        said: The table name and table line for each file that a table names.
        layouts: Folder layout of each zip, by its number.
        tables: Files that are tables.
        containers: Folders that hold a table and all pictures of a zip, and so name no class.
    """

    uploads: Sequence[OpenUpload]
    files: int
    after: tuple[FileOutcome | TableReference, ...]
    lines_by_file: Mapping[FileLocation, tuple[str, TableLine]]
    layouts: Mapping[int, FolderLayout]
    tables: frozenset[FileLocation]
    containers: frozenset[tuple[int, str]] = frozenset()

    def sources(self) -> Iterator[Source]:
        """The files to import, each with its class, split and note."""
        for number, upload in enumerate(self.uploads):
            has_folders = bool(upload.zipped or upload.upload.root)
            for source in upload.sources():
                location = FileLocation(number if upload.zipped else LOOSE, number, source.name)
                if location not in self.tables:
                    yield self._with_metadata(source, location, has_folders)

    def _with_metadata(self, source: Source, location: FileLocation, has_folders: bool) -> Source:
        folder_layout = self.layouts[location.zipped]
        split = folder_layout.split(source.name) if has_folders else ""
        if location in self.lines_by_file:
            _, line = self.lines_by_file[location]
            return replace(source, label=line.label, split=split if line.split is None else line.split)
        note = "No table names it, so it has no class." if folder_layout.tabled else ""
        in_container = (location.zipped, _parent_folder(source.name)) in self.containers
        label = folder_layout.label(source.name) if has_folders and not in_container else ""
        return replace(source, label=label, split=split, note=note)


def build_plan(
    uploads: Sequence[Upload], limits: Limits, watch: OnProgress = lambda lines: None
) -> ImportPlan:
    """Build the plan of an import without reading pictures; tables are streamed.

    Args:
        uploads: The uploaded files.
        limits: Size limits of an import.
        watch: Progress callback, called with the number of table lines read so far; an exception from it cancels the
            planning.
    """
    opened = [OpenUpload(upload, limits) for upload in uploads]
    many = sum(upload.zipped for upload in opened) > MOST_OPEN
    upload_contents = [_contents(upload, number, many) for number, upload in enumerate(opened)]
    tables = frozenset(entry.place(name) for entry in upload_contents for name in entry.contents.tables)
    builder = _PlanBuilder(limits, watch)
    if tables:  # without tables there are no lookups, so no index is built
        builder.places.add(entry.place(name) for entry in upload_contents for name in entry.contents.names)
    for entry in upload_contents:
        if entry.contents.tables:
            for table in opened[entry.upload].tables():
                builder.read(entry.place(table.name), table)
            if many:
                opened[entry.upload].close()
    builder.assign_likely()
    layouts = _layouts(
        upload_contents, uploads, {location.zipped for location in builder.lines_by_file}, bool(tables)
    )
    return ImportPlan(
        uploads=opened,
        files=sum(len(entry.contents.names) for entry in upload_contents),
        after=(*builder.table_outcomes, *_split_notes(layouts, builder.lines_by_file), *builder.references),
        lines_by_file=builder.lines_by_file,
        layouts=layouts,
        tables=tables,
        containers=_container_folders(upload_contents, tables),
    )


@dataclass(frozen=True)
class _UploadContents:
    """The contents of one upload, with the numbers of its zip and upload."""

    zipped: int
    upload: int
    contents: Contents

    def place(self, name: str) -> FileLocation:
        return FileLocation(self.zipped, self.upload, name)


def _contents(upload: OpenUpload, number: int, close: bool) -> _UploadContents:
    contents = upload.list_names()
    if close:
        upload.close()
    return _UploadContents(number if upload.zipped else LOOSE, number, contents)


def _layouts(
    upload_contents: Sequence[_UploadContents],
    uploads: Sequence[Upload],
    zips_with_table: set[int],
    any_table: bool,
) -> dict[int, FolderLayout]:
    """The folder layout of each zip; loose files have folders only if they come from a server folder."""
    names: dict[int, list[str]] = {}
    for entry in upload_contents:
        has_folders = entry.zipped != LOOSE or uploads[entry.upload].root
        names.setdefault(entry.zipped, []).extend(entry.contents.names if has_folders else ())
    return {
        zipped: layout(zip_names, zipped in zips_with_table, any_table) for zipped, zip_names in names.items()
    }


def _container_folders(
    upload_contents: Sequence[_UploadContents], tables: Iterable[FileLocation]
) -> frozenset[tuple[int, str]]:
    """Folders with a table that contain all files of its zip: their name is that of the data set, not a class."""
    folders: dict[int, set[str]] = {}
    for entry in upload_contents:
        folders.setdefault(entry.zipped, set()).update(
            f"{_parent_folder(name)}/" for name in entry.contents.names
        )
    # A prefix that the first and last of sorted names share is shared by all names.
    bounds = {zipped: (min(names), max(names)) for zipped, names in folders.items() if names}
    table_folders = {
        (location.zipped, _parent_folder(location.name))
        for location in tables
        if location.name.lower().endswith(ROWS)
    }
    return frozenset(
        (zipped, folder)
        for zipped, folder in table_folders
        if all(bound.startswith(f"{folder}/") for bound in bounds.get(zipped, ()))
    )


def _parent_folder(name: str) -> str:
    return path_of(name).parent.as_posix()


def _split_notes(
    layouts: Mapping[int, FolderLayout], lines_by_file: Mapping[FileLocation, tuple[str, TableLine]]
) -> list[FileOutcome]:
    """Notes on folders whose split may be unexpected; none for zips with a table that has a split column."""
    zips_with_split_column = {
        location.zipped for location, (_, line) in lines_by_file.items() if line.split is not None
    }
    return [
        FileOutcome(f"{folder}/", READ, note=note)
        for zipped, folder_layout in layouts.items()
        if zipped not in zips_with_split_column
        for folder, note in folder_layout.notes
    ]


@dataclass
class _TableSummary:
    """Line counts and faults of one table."""

    place: FileLocation
    lines: int = 0
    named: int = 0
    labelled: int = 0
    faults: TableFaultLog = field(default_factory=TableFaultLog)

    def outcomes(self) -> list[FileOutcome]:
        """The outcomes to report for the table."""
        lines = "1 line" if self.lines == 1 else f"{self.lines:,} lines"
        note = f"{lines}, of which {self.named:,} name a file of this import."
        if self.lines and not self.labelled:
            note += " None of them has a class."
        faults = [FileOutcome(self.place.name, REJECTED, sentence) for sentence in self.faults.sentences()]
        return [FileOutcome(self.place.name, READ, note=note), *faults]


class _PlanBuilder:
    """Accumulates table lines and faults while the plan is built."""

    def __init__(self, limits: Limits, watch: OnProgress) -> None:
        self.places = FileIndex()
        self.references: list[TableReference] = []
        self.lines_by_file: dict[FileLocation, tuple[str, TableLine]] = {}
        self._limits = limits
        self._on_progress = watch
        self._lines_read = 0
        self._bytes_read = 0
        self._last_location: tuple[FileLocation, str] | None = None
        self._table_results: list[_TableSummary | FileOutcome] = []
        self._likely_matches: list[tuple[_TableSummary, TableLine, FileLocation]] = []

    @property
    def table_outcomes(self) -> list[FileOutcome]:
        """The outcomes to report for all tables."""
        return [
            outcome
            for result in self._table_results
            for outcome in ([result] if isinstance(result, FileOutcome) else result.outcomes())
        ]

    def read(self, location: FileLocation, file: TableFile) -> None:
        """Read a table and match its lines to files."""
        table = _TableSummary(location)
        max_mb = READ_TABLES * self._limits.table_mb
        if self._bytes_read > max_mb * MEGABYTE:
            self._table_results.append(FileOutcome(location.name, REJECTED, NO_ROOM.format(most=max_mb)))
            return
        try:
            with file.open() as stream:
                for item in read_table(location.name, stream, self._add_bytes):
                    if not self._add_item(table, item):
                        break
        except (RejectedPicture, RejectedTable) as error:
            if not table.lines:
                self._table_results.append(FileOutcome(location.name, REJECTED, str(error)))
                return
            table.faults.add(TableFault("", f"{error} What came before counts."))
        self._table_results.append(table)

    def assign_likely(self) -> None:
        """Assign lines that match only by a renamed file name, to files that no other line names."""
        for table, line, location in self._likely_matches:
            self._assign_line(table, line, location)

    def _add_bytes(self, count: int) -> None:
        self._bytes_read += count
        self._on_progress(self._lines_read)

    def _add_item(self, table: _TableSummary, item: TableLine | TableFault) -> bool:
        """Add a line or a fault of a table; returns False once the line limit is reached."""
        is_new_line = bool(item.where) and (table.place, item.where) != self._last_location
        if is_new_line and self._lines_read >= self._limits.table_lines:
            max_lines = f"{self._limits.table_lines:,}"
            table.faults.add(
                TableFault(
                    "",
                    f"At most {max_lines} lines of tables are read at once; the rest is not. Split the table.",
                )
            )
            return False
        self._lines_read += is_new_line
        self._last_location = (table.place, item.where)
        if isinstance(item, TableFault):
            table.faults.add(item)
            return True
        table.lines += 1
        table.labelled += bool(item.label)
        self._match_file(table, item)
        return True

    def _match_file(self, table: _TableSummary, line: TableLine) -> None:
        match = self.places.find(line.names, table.place)
        if isinstance(match, Match) and match.likely:
            self._likely_matches.append((table, line, match.place))
        elif isinstance(match, Match):
            self._assign_line(table, line, match.place)
        elif match:
            candidates = ", ".join(location.name for location in match[:3])
            table.faults.add(
                TableFault(
                    line.where,
                    f"{_location_name(line)}: “{line.names[0]}” could be {len(match):,} files ({candidates}). Write its folder too.",
                    "could name several files; write their folders too",
                )
            )
        else:
            self.references.append(TableReference(table.place.name, line, alone=not self.places))

    def _assign_line(self, table: _TableSummary, line: TableLine, location: FileLocation) -> None:
        first_line = self.lines_by_file.setdefault(location, (table.place.name, line))[1]
        if first_line is line:
            table.named += 1
        elif (first_line.label, first_line.split) != (line.label, line.split):
            message = f"{_location_name(line)} names “{line.names[0]}” again; the first line counts."
            table.faults.add(
                TableFault(line.where, message, "name a file again, of which the first line counts")
            )


def _location_name(line: TableLine) -> str:
    return line.where.capitalize()
