"""Exports: pictures byte for byte, with what is known of them, in formats that peers read."""

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
from workbench.exporting.formats import FORMATS, ExportFormat, Placed, placed, renamed
from workbench.imaging.derivatives import ORIGINALS
from workbench.stores import Stores

KEPT = 5
LONGEST_PATH = 4096
NAME = re.compile(r"waterline-[a-z-]+-\d{8}-\d{6}-[0-9a-f]{6}\.(zip|csv)")
SPARE_BYTES, ROW_BYTES = 1024 * 1024, 1024
LEFT_OUT, RENAMED = "LEFT-OUT.txt", "RENAMED.txt"
EPOCH = (1980, 1, 1, 0, 0, 0)
EVERYTHING = Filter()
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ExportOrder:
    """What to export.

    Attributes:
        format: One of :data:`workbench.exporting.formats.FORMATS`.
        chosen: Which pictures, as they are now; all of the catalogue where it is empty.
        snapshot: The snapshot to export instead, with its own labels and sides.
    """

    format: str
    chosen: Filter = EVERYTHING
    snapshot: int | None = None


@dataclass(frozen=True)
class Exported:
    """A finished export.

    Attributes:
        path: Its file.
        pictures: How many pictures it has.
        left_out: How many have no original any more.
        renamed: Classes whose name cannot be that of a folder, each with the folder that it has.
    """

    path: Path
    pictures: int
    left_out: int
    renamed: Mapping[str, str]


@dataclass(frozen=True)
class ExportExtent:
    """How many pictures an export would have, and how many bytes of them it would write."""

    pictures: int
    bytes: int


class Exports:
    """Writes exports into a folder of the data folder, where the newest few are kept."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._blobs = Blobs(stores.root / "blobs")
        self._root = stores.root / "exports"

    @property
    def folder(self) -> Path:
        """Where exports are kept."""
        return self._root.resolve()

    def holds(self, path: str) -> bool:
        """Whether a path is that of an export, kept or not."""
        return len(path) < LONGEST_PATH and "\0" not in path and Path(path).parent == self.folder

    def write(self, order: ExportOrder, progress: Progress = lambda done, total: None) -> Exported:
        """Write an export.

        Args:
            order: What to export.
            progress: Called with the pictures written so far and all of them.

        Raises:
            DomainError: There is no such format, filter or snapshot.
            NotReady: There is no picture to export.
            DiskFull: There is no room for it; nothing is left of it.
        """
        kind = _format(order.format)
        files = placed(self._listed(order), kind)
        if not files:
            raise NotReady("There is no picture to export. Choose another filter, or import pictures first.")
        name = f"waterline-{order.format}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:6]}"
        path = self._root / f"{name}.{'zip' if kind.pictures else 'csv'}"
        left_out = 0
        self._root.mkdir(exist_ok=True)
        with whole_file(path) as part:
            self._make_room(files, kind)
            if kind.pictures:
                left_out = self._zip(part, files, kind, progress)
            else:
                part.write_text("".join(kind.tables(files).values()), "utf-8", newline="")
        self._prune()
        return Exported(path, len(files) - left_out, left_out, renamed((each for _, each in files), kind))

    def extent(self, order: ExportOrder) -> ExportExtent:
        """What an export would be.

        Raises:
            DomainError: There is no such format, filter or snapshot.
        """
        kind = _format(order.format)
        if order.snapshot is None:
            ids = self._stores.pages.ids(order.chosen)
            return ExportExtent(len(ids), self._stores.listings.bytes(ids) if kind.pictures else 0)
        listed = self._listed(order)
        return ExportExtent(len(listed), sum(each.bytes for each in listed) if kind.pictures else 0)

    def file(self, name: str) -> Path:
        """The file of an export that is still kept.

        Raises:
            NotFound: It is not.
        """
        if not NAME.fullmatch(name) or not (self._root / name).is_file():
            raise NotFound(f"This export is not kept any more; the newest {KEPT} are. Export again.")
        return self._root / name

    def tidy(self) -> None:
        """Remove what a killed server left half-written."""
        for path in self._root.glob(f"{PART}*"):
            path.unlink(missing_ok=True)

    def _listed(self, order: ExportOrder) -> list[ExportRow]:
        if order.snapshot is None:
            return self._stores.listings.of(self._stores.pages.ids(order.chosen))
        if order.chosen != EVERYTHING:
            raise DomainError(
                "An export is of a snapshot or of a filter, not of both. Leave one of them out."
            )
        return self._stores.listings.of_snapshot(order.snapshot)

    def _make_room(self, files: Placed, kind: ExportFormat) -> None:
        """Before anything is written: a disk that an export fills would stop everybody. Older exports make room for it."""
        needed = sum((each.bytes if kind.pictures else 0) + ROW_BYTES for _, each in files) + SPARE_BYTES
        older = self._newest_first()
        self._stores.room.require(needed - sum(size for _, size, _ in older))
        while older and not self._stores.room.has(needed):
            older.pop()[2].unlink(missing_ok=True)

    def _newest_first(self) -> list[tuple[float, int, Path]]:
        """The exports that are kept: when each was written, its size in bytes, and its place."""
        kept = []
        for path in self._root.glob("waterline-*"):
            with suppress(FileNotFoundError):  # another export has pruned it
                facts = path.stat()
                kept.append((facts.st_mtime, facts.st_size, path))
        return sorted(kept, reverse=True)

    def _zip(self, part: Path, files: Placed, kind: ExportFormat, progress: Progress) -> int:
        """Write pictures, then tables on those that are there; tells how many are not."""
        there: list[tuple[str, ExportRow]] = []
        missing: list[str] = []
        with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
            for done, (name, each) in enumerate(files, 1):
                if (data := self._original(each.sha256)) is None:
                    missing.append(f"{each.sha256} {each.filename}\n")
                else:
                    archive.writestr(zipfile.ZipInfo(name, EPOCH), data)
                    there.append((name, each))
                progress(done, len(files))
            tables = dict(kind.tables(there))
            if missing:
                tables[LEFT_OUT] = "".join(missing)
            if other := renamed((each for _, each in there), kind):
                tables[RENAMED] = "".join(f"{name} -> {folder}\n" for name, folder in other.items())
            for name, text in tables.items():
                archive.writestr(zipfile.ZipInfo(name, EPOCH), text.encode())
        return len(missing)

    def _original(self, sha256: str) -> bytes | None:
        """The bytes of a picture, None where its file is gone or is not what it was."""
        try:
            data = self._blobs.read(ORIGINALS, sha256)
        except NotFound:
            return None
        return data if hashlib.sha256(data).hexdigest() == sha256 else None

    def _prune(self) -> None:
        for _, _, path in self._newest_first()[KEPT:]:
            path.unlink(missing_ok=True)


def _format(name: str) -> ExportFormat:
    if name not in FORMATS:
        raise DomainError(f"format is “{name[:40]}”; it can be {', '.join(FORMATS)}.")
    return FORMATS[name]
