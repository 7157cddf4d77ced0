"""Whether rows and files agree: originals, what is made from them, and files that nothing knows."""

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
    """A file of a picture, as it was listed."""

    path: Path
    size: int
    age: float


class PictureFiles:
    """Checks the files of pictures, 1/256 of them at a time, so that memory stays small."""

    def __init__(self, stores: Stores, ledger: FaultLog) -> None:
        self._stores = stores
        self._ledger = ledger
        self._root = stores.root / "blobs"
        self._blobs = Blobs(self._root)
        self._to_bin: list[tuple[int, str]] = []

    def check(self) -> None:
        """Look at every picture and every file."""
        kinds = sorted(path.name for path in self._root.iterdir() if path.is_dir())
        for prefix in (f"{number:02x}" for number in range(256)):
            # Files first: one that comes later has no row yet, and is not among those judged.
            files = {kind: _listed(self._root / kind / prefix) for kind in kinds}
            # "g" comes after every hexadecimal digit.
            rows = {row["sha256"]: row for row in self._stores.database.rows(ROWS, (prefix, f"{prefix}g"))}
            self._prefix(rows, files)
        if self._to_bin:
            self._archive_lost()

    def _prefix(self, rows: dict[str, sqlite3.Row], files: dict[str, dict[str, File]]) -> None:
        kept = {sha256 for sha256, row in rows.items() if row["archived"] != EMPTIED}
        self._ledger.pictures += len(kept)
        for sha256 in kept:
            whole = self._original(rows[sha256])
            for kind in files if whole else ():
                if kind != ORIGINALS and (file := files[kind].get(sha256)):
                    self._derived(kind, sha256, file)
        for found in files.values():
            self._ledger.files += len(found)
            for name in found.keys() - kept:
                self._stranger(found[name], emptied=name in rows)

    def _original(self, row: sqlite3.Row) -> bool:
        """Whether the original of a picture is there and whole; faults are noted."""
        if self._fault(row) is None:
            return True
        # Again within a write, so that in this moment no import brings it and nobody restores or empties it.
        with self._stores.database.write():
            kind = self._fault(row)
            if kind is None or self._state(row["sha256"]) != row["archived"]:
                return kind is None
            self._ledger.note(kind, f"{row['filename']} (picture {row['id']})")
            if self._ledger.repair and kind.remedy:
                self._to_bin += [] if row["archived"] else [(row["id"], row["sha256"])]
                if kind is DAMAGED:
                    self._put_aside(self._blobs.path(ORIGINALS, row["sha256"]))
        return False

    def _fault(self, row: sqlite3.Row) -> FaultType | None:
        path = self._blobs.path(ORIGINALS, row["sha256"])
        try:
            whole = path.stat().st_size == row["bytes"]
            whole = whole and (not self._ledger.deep or _sha256(path) == row["sha256"])
        except FileNotFoundError:
            return LOST_IN_BIN if row["archived"] else LOST
        return None if whole else DAMAGED

    def _archive_lost(self) -> None:
        """Move pictures without an original to the bin; not those that an import has brought meanwhile."""
        with self._stores.database.write():
            lost = [
                image_id
                for image_id, sha256 in self._to_bin
                if self._state(sha256) == 0 and not self._blobs.has(ORIGINALS, sha256)
            ]
            if lost:
                self._stores.edits.archive(lost, ACTOR)

    def _derived(self, kind: str, sha256: str, file: File) -> None:
        if kind.startswith(CANONICAL):
            whole = file.size == CANONICAL_BYTES
        else:
            whole = _is_jpeg(file.path, self._ledger.deep)
        if whole or not file.path.exists():
            return
        self._ledger.note(BROKEN, f"{kind}/{sha256[:12]}")
        if self._ledger.repair:
            file.path.unlink(missing_ok=True)
            self._make(kind, sha256)

    def _make(self, kind: str, sha256: str) -> None:
        media = self._stores.media
        try:
            if kind.startswith(CANONICAL):
                media.canonical(sha256, kind.removeprefix(CANONICAL))
            elif kind == THUMBNAILS:
                media.thumbnail(sha256)
            elif kind == STAGES:
                media.stage(sha256)
        except DomainError as error:
            self._ledger.note(UNREADABLE, f"picture {sha256[:12]}: {error}")

    def _stranger(self, file: File, emptied: bool) -> None:
        if file.age < STRAY_SECONDS or file.path.name.startswith(PART):
            return
        # Again within a write, so that no import brings it in this moment.
        with self._stores.database.write():
            if self._state(file.path.name) not in {None, EMPTIED} or not _is_stray(file.path):
                return
            self._ledger.note(LEFT_OVER if emptied else UNKNOWN, file.path.relative_to(self._root).as_posix())
            if self._ledger.repair and emptied:
                file.path.unlink(missing_ok=True)
            elif self._ledger.repair:
                self._put_aside(file.path)

    def _state(self, sha256: str) -> int | None:
        found: int | None = self._stores.database.value(
            "SELECT archived FROM images WHERE sha256 = ?", (sha256,)
        )
        return found

    def _put_aside(self, path: Path) -> Path:
        aside = self._stores.root / LOST_AND_FOUND / path.relative_to(self._stores.root)
        aside.parent.mkdir(parents=True, exist_ok=True)
        return path.replace(aside)


def _is_stray(path: Path) -> bool:
    """Whether a file is there and old: an import makes what it finds young before it writes a row."""
    try:
        return time.time() - path.stat().st_mtime >= STRAY_SECONDS
    except FileNotFoundError:
        return False


def _listed(folder: Path) -> dict[str, File]:
    files, now = {}, time.time()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                facts = entry.stat(follow_symlinks=False)
                files[entry.name] = File(Path(entry.path), facts.st_size, now - facts.st_mtime)
    except FileNotFoundError:
        pass
    return files


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(READ_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def _is_jpeg(path: Path, deep: bool) -> bool:
    """Whether it begins and ends as a JPEG does; with ``deep``, whether it can be decoded."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return True
    if not (data.startswith(b"\xff\xd8") and data.endswith(b"\xff\xd9")):
        return False
    try:
        if deep:
            Image.open(BytesIO(data)).load()
    except Exception:  # decoders raise whatever damaged bytes lead them to
        return False
    return True
