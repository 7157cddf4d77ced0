"""Export service: writes original image files with their labels in common formats."""

from __future__ import annotations

import hashlib
import re
import uuid
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from storage.catalogue.export_rows import ExportRow
from storage.core.blobs import Blobs
from storage.core.errors import DomainError, NotFound
from storage.core.files import PART, whole_file
from storage.records import Filter
from workbench.core.errors import NotReady
from workbench.exporting.formats import FORMATS, ExportFormat, PlacedPictures, assign_paths, renamed
from workbench.imaging.derivatives import ORIGINALS
from workbench.stores import Stores

KEPT = 5
LONGEST_PATH = 4096
NAME = re.compile(r"waterline-[a-z-]+-\d{8}-\d{6}-[0-9a-f]{6}\.(zip|csv)")
SPARE_BYTES, ROW_BYTES = 1024 * 1024, 1024
LEFT_OUT, RENAMED = "LEFT-OUT.txt", "RENAMED.txt"
NOTHING_TO_EXPORT = "There is no picture to export. Choose another filter, or import pictures first."
TWO_SOURCES = "An export is of a snapshot or of a filter, not of both. Leave one of them out."
UNKNOWN_FORMAT = "format is “{name}”; it can be {formats}."
EPOCH = (1980, 1, 1, 0, 0, 0)
EVERYTHING = Filter()
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ExportOrder:
    """Parameters of an export.

    Attributes:
        format: One of :data:`workbench.exporting.formats.FORMATS`.
        chosen: Filter of the pictures in their current state; all pictures if it is empty.
        snapshot: Id of a snapshot to export instead, with its own labels and splits.
    """

    format: str
    chosen: Filter = EVERYTHING
    snapshot: int | None = None


@dataclass(frozen=True)
class Exported:
    """A finished export.

    Attributes:
        path: The file.
        pictures: Number of exported pictures.
        left_out: Number of pictures without an original file.
        renamed: Classes whose name is not a valid folder name, each with its folder name.
    """

    path: Path
    pictures: int
    left_out: int
    renamed: Mapping[str, str]


@dataclass(frozen=True)
class ExportExtent:
    """Number of pictures of an export, and total size in bytes of their files."""

    pictures: int
    bytes: int


class Exports:
    """Writes exports to the data folder and keeps the newest ``KEPT`` of them."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._blobs = Blobs(stores.root / "blobs")
        self._root = stores.root / "exports"

    @property
    def folder(self) -> Path:
        """The folder of the exports."""
        return self._root.resolve()

    def holds(self, path: str) -> bool:
        """Whether a path is directly in the folder of exports, existing or not."""
        return len(path) < LONGEST_PATH and "\0" not in path and Path(path).parent == self.folder

    def write(self, order: ExportOrder, progress: Progress = lambda done, total: None) -> Exported:
        """Write an export.

        Args:
            order: What to export.
            progress: Called with the number of pictures written so far and the total.

        Raises:
            DomainError: There is no such format, filter or snapshot.
            NotReady: There is no picture to export.
            DiskFull: There is not enough space; no partial file is left.
        """
        export_format = _get_format(order.format)
        files = assign_paths(self._rows(order), export_format)
        if not files:
            raise NotReady(NOTHING_TO_EXPORT)
        name = f"waterline-{order.format}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:6]}"
        path = self._root / f"{name}.{'zip' if export_format.pictures else 'csv'}"
        left_out = 0
        self._root.mkdir(exist_ok=True)
        with whole_file(path) as part_path:
            self._reserve_space(files, export_format)
            if export_format.pictures:
                left_out = self._write_zip(part_path, files, export_format, progress)
            else:
                part_path.write_text("".join(export_format.tables(files).values()), "utf-8", newline="")
        self._prune()
        return Exported(
            path, len(files) - left_out, left_out, renamed((picture for _, picture in files), export_format)
        )

    def extent(self, order: ExportOrder) -> ExportExtent:
        """Compute the size of an export.

        Raises:
            DomainError: There is no such format, filter or snapshot.
        """
        export_format = _get_format(order.format)
        if order.snapshot is None:
            ids = self._stores.pages.all_ids(order.chosen)
            return ExportExtent(
                len(ids), self._stores.export_rows.bytes(ids) if export_format.pictures else 0
            )
        rows = self._rows(order)
        return ExportExtent(len(rows), sum(row.bytes for row in rows) if export_format.pictures else 0)

    def file(self, name: str) -> Path:
        """The path of an existing export.

        Raises:
            NotFound: There is no such export, or it was pruned.
        """
        if not NAME.fullmatch(name) or not (self._root / name).is_file():
            raise NotFound(f"This export is not kept any more; the newest {KEPT} are. Export again.")
        return self._root / name

    def tidy(self) -> None:
        """Remove partial files left by a killed server."""
        for path in self._root.glob(f"{PART}*"):
            path.unlink(missing_ok=True)

    def _rows(self, order: ExportOrder) -> list[ExportRow]:
        if order.snapshot is None:
            return self._stores.export_rows.of(self._stores.pages.all_ids(order.chosen))
        if order.chosen != EVERYTHING:
            raise DomainError(TWO_SOURCES)
        return self._stores.export_rows.of_snapshot(order.snapshot)

    def _reserve_space(self, files: PlacedPictures, export_format: ExportFormat) -> None:
        """Check for free disk space before writing; deletes older exports if necessary."""
        needed = (
            sum((picture.bytes if export_format.pictures else 0) + ROW_BYTES for _, picture in files)
            + SPARE_BYTES
        )
        older = self._newest_first()
        self._stores.disk_space.require(needed - sum(size for _, size, _ in older))
        while older and not self._stores.disk_space.has(needed):
            older.pop()[2].unlink(missing_ok=True)

    def _newest_first(self) -> list[tuple[float, int, Path]]:
        """Modification time, size in bytes and path of each export, newest first."""
        exports = []
        for path in self._root.glob("waterline-*"):
            with suppress(FileNotFoundError):  # another export has pruned it
                stat = path.stat()
                exports.append((stat.st_mtime, stat.st_size, path))
        return sorted(exports, reverse=True)

    def _write_zip(
        self, part_path: Path, files: PlacedPictures, export_format: ExportFormat, progress: Progress
    ) -> int:
        """Write pictures, then the tables of those whose original exists; returns the number of missing ones."""
        written: list[tuple[str, ExportRow]] = []
        missing: list[str] = []
        with zipfile.ZipFile(part_path, "w", zipfile.ZIP_STORED) as archive:
            for done, (name, picture) in enumerate(files, 1):
                if (data := self._read_original(picture.sha256)) is None:
                    missing.append(f"{picture.sha256} {picture.filename}\n")
                else:
                    archive.writestr(zipfile.ZipInfo(name, EPOCH), data)
                    written.append((name, picture))
                progress(done, len(files))
            tables = dict(export_format.tables(written))
            if missing:
                tables[LEFT_OUT] = "".join(missing)
            if renamed_folders := renamed((picture for _, picture in written), export_format):
                tables[RENAMED] = "".join(f"{name} -> {folder}\n" for name, folder in renamed_folders.items())
            for name, text in tables.items():
                archive.writestr(zipfile.ZipInfo(name, EPOCH), text.encode())
        return len(missing)

    def _read_original(self, sha256: str) -> bytes | None:
        """The original bytes of a picture; None if the file is missing or damaged."""
        try:
            data = self._blobs.read(ORIGINALS, sha256)
        except NotFound:
            return None
        return data if hashlib.sha256(data).hexdigest() == sha256 else None

    def _prune(self) -> None:
        for _, _, path in self._newest_first()[KEPT:]:
            path.unlink(missing_ok=True)


def _get_format(name: str) -> ExportFormat:
    if name not in FORMATS:
        raise DomainError(UNKNOWN_FORMAT.format(name=name[:40], formats=", ".join(FORMATS)))
    return FORMATS[name]
