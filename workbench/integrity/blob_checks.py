"""Checks that database rows and files match: originals, derived pictures, and orphaned files."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image

from storage.core.blobs import Blobs
from storage.core.errors import DomainError
from storage.core.files import PART
from workbench.imaging.decode import SIDE
from workbench.imaging.derivatives import ORIGINALS, STAGES, THUMBNAILS
from workbench.integrity.report import FaultLog, FaultType
from workbench.integrity.temp_files import STRAY_SECONDS
from workbench.stores import Stores

ACTOR = "integrity check"
LOST_AND_FOUND = "lost+found"
CANONICAL = "canonical-"
CANONICAL_BYTES = SIDE * SIDE * 3
EMPTIED = 2
READ_BYTES = 1 << 20
AGAIN = "Import the same files again to get the pictures back."
LOST = FaultType("Pictures whose original file is missing", "picture", "they were moved to the bin.", AGAIN)
LOST_IN_BIN = FaultType(
    "Pictures in the bin whose original file is missing", "picture", "", f"{AGAIN} Or empty the bin."
)
DAMAGED = FaultType(
    "Original files that are not what was imported", "picture",
    f"the pictures were moved to the bin, the files to the folder {LOST_AND_FOUND}.", AGAIN,
)  # fmt: skip
BROKEN = FaultType("Damaged small copies of pictures", "file", "they were made again from the originals.")
UNKNOWN = FaultType(
    "Files that no picture belongs to", "file",
    f"they were moved to the folder {LOST_AND_FOUND}; nothing was deleted.",
)  # fmt: skip
UNREADABLE = FaultType(
    "Pictures whose original cannot be read any more",
    "picture",
    "",
    "Look at them, and archive them if need be.",
)
LEFT_OVER = FaultType(
    "Files of pictures that were emptied from the bin", "file", "the emptying was finished."
)
ROWS = "SELECT id, sha256, filename, bytes, archived FROM images WHERE sha256 >= ? AND sha256 < ?"


@dataclass(frozen=True)
class File:
    """A listed file: path, size in bytes, and age in seconds."""

    path: Path
    size: int
    age: float


class PictureFiles:
    """Checks the files of pictures in 256 parts by hash prefix, to bound memory."""

    def __init__(self, stores: Stores, ledger: FaultLog) -> None:
        self._stores = stores
        self._ledger = ledger
        self._root = stores.root / "blobs"
        self._blobs = Blobs(self._root)
        self._lost_pictures: list[tuple[int, str]] = []

    def check(self) -> None:
        """Check every picture and every file."""
        kinds = sorted(path.name for path in self._root.iterdir() if path.is_dir())
        for prefix in (f"{number:02x}" for number in range(256)):
            # Files are listed first: a file that is added later is not listed, and so not mistaken for an orphan.
            files = {kind: _list_files(self._root / kind / prefix) for kind in kinds}
            # "g" comes after every hexadecimal digit.
            rows = {row["sha256"]: row for row in self._stores.database.rows(ROWS, (prefix, f"{prefix}g"))}
            self._check_part(rows, files)
        if self._lost_pictures:
            self._archive_lost()

    def _check_part(self, rows: dict[str, sqlite3.Row], files: dict[str, dict[str, File]]) -> None:
        kept = {sha256 for sha256, row in rows.items() if row["archived"] != EMPTIED}
        self._ledger.pictures += len(kept)
        for sha256 in kept:
            is_intact = self._check_original(rows[sha256])
            for kind in files if is_intact else ():
                if kind != ORIGINALS and (file := files[kind].get(sha256)):
                    self._check_derived(kind, sha256, file)
        for listed_files in files.values():
            self._ledger.files += len(listed_files)
            for file_name in listed_files.keys() - kept:
                self._check_orphan(listed_files[file_name], emptied=file_name in rows)

    def _check_original(self, row: sqlite3.Row) -> bool:
        """Whether the original of a picture exists and is intact; logs and repairs faults."""
        if self._original_fault(row) is None:
            return True
        # Checked again in a transaction, which excludes concurrent imports, restores and emptying.
        with self._stores.database.write():
            fault_type = self._original_fault(row)
            if fault_type is None or self._archived_state(row["sha256"]) != row["archived"]:
                return fault_type is None
            self._ledger.note(fault_type, f"{row['filename']} (picture {row['id']})")
            if self._ledger.repair and fault_type.remedy:
                self._lost_pictures += [] if row["archived"] else [(row["id"], row["sha256"])]
                if fault_type is DAMAGED:
                    self._move_to_lost_and_found(self._blobs.path(ORIGINALS, row["sha256"]))
        return False

    def _original_fault(self, row: sqlite3.Row) -> FaultType | None:
        path = self._blobs.path(ORIGINALS, row["sha256"])
        try:
            is_intact = path.stat().st_size == row["bytes"]
            is_intact = is_intact and (not self._ledger.deep or _sha256(path) == row["sha256"])
        except FileNotFoundError:
            return LOST_IN_BIN if row["archived"] else LOST
        return None if is_intact else DAMAGED

    def _archive_lost(self) -> None:
        """Move pictures without an original to the bin, except those that were imported again meanwhile."""
        with self._stores.database.write():
            lost = [
                image_id
                for image_id, sha256 in self._lost_pictures
                if self._archived_state(sha256) == 0 and not self._blobs.has(ORIGINALS, sha256)
            ]
            if lost:
                self._stores.edits.archive(lost, ACTOR)

    def _check_derived(self, kind: str, sha256: str, file: File) -> None:
        if kind.startswith(CANONICAL):
            is_intact = file.size == CANONICAL_BYTES
        else:
            is_intact = _is_jpeg(file.path, self._ledger.deep)
        if is_intact or not file.path.exists():
            return
        self._ledger.note(BROKEN, f"{kind}/{sha256[:12]}")
        if self._ledger.repair:
            file.path.unlink(missing_ok=True)
            self._recreate(kind, sha256)

    def _recreate(self, kind: str, sha256: str) -> None:
        derivatives = self._stores.derivatives
        try:
            if kind.startswith(CANONICAL):
                derivatives.canonical(sha256, kind.removeprefix(CANONICAL))
            elif kind == THUMBNAILS:
                derivatives.thumbnail(sha256)
            elif kind == STAGES:
                derivatives.stage(sha256)
        except DomainError as error:
            self._ledger.note(UNREADABLE, f"picture {sha256[:12]}: {error}")

    def _check_orphan(self, file: File, emptied: bool) -> None:
        if file.age < STRAY_SECONDS or file.path.name.startswith(PART):
            return
        # Checked again in a transaction, which excludes concurrent imports.
        with self._stores.database.write():
            if self._archived_state(file.path.name) not in {None, EMPTIED} or not _is_old_file(file.path):
                return
            self._ledger.note(LEFT_OVER if emptied else UNKNOWN, file.path.relative_to(self._root).as_posix())
            if self._ledger.repair and emptied:
                file.path.unlink(missing_ok=True)
            elif self._ledger.repair:
                self._move_to_lost_and_found(file.path)

    def _archived_state(self, sha256: str) -> int | None:
        archived: int | None = self._stores.database.value(
            "SELECT archived FROM images WHERE sha256 = ?", (sha256,)
        )
        return archived

    def _move_to_lost_and_found(self, path: Path) -> Path:
        target = self._stores.root / LOST_AND_FOUND / path.relative_to(self._stores.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        return path.replace(target)


def _is_old_file(path: Path) -> bool:
    """Whether a file exists and is old; an import updates the time of an existing file before it writes the row."""
    try:
        return time.time() - path.stat().st_mtime >= STRAY_SECONDS
    except FileNotFoundError:
        return False


def _list_files(folder: Path) -> dict[str, File]:
    files, now = {}, time.time()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                stat = entry.stat(follow_symlinks=False)
                files[entry.name] = File(Path(entry.path), stat.st_size, now - stat.st_mtime)
    except FileNotFoundError:
        pass
    return files


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(READ_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _is_jpeg(path: Path, deep: bool) -> bool:
    """Whether a file has the start and end markers of a JPEG; with ``deep``, whether it can be decoded."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return True
    if not (data.startswith(b"\xff\xd8") and data.endswith(b"\xff\xd9")):
        return False
    try:
        if deep:
            Image.open(BytesIO(data)).load()
    except Exception:  # decoders raise arbitrary exceptions on damaged files
        return False
    return True
