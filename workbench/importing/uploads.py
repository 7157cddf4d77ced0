"""Reads uploaded files and zips within limits, without unpacking to disk."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, cast

from storage.core.file_identity import is_open_database
from workbench.core.errors import RejectedArchive, RejectedPicture
from workbench.core.settings import MEGABYTE, Limits
from workbench.core.system_files import is_leftover
from workbench.importing.label_tables import is_table, utf8_encodable
from workbench.importing.zip_names import with_decoded_names

ZIP_STARTS = {b"PK\x03\x04", b"PK\x05\x06"}
DRIVE = re.compile(r"[A-Za-z]:[/\\]")
ONLY_LEFTOVERS = (
    "All that the zip holds is hidden or a leftover of a system or tool, so nothing of it is read. Give its folders names "
    "that do not begin with a dot."
)
DAMAGED = "The file is damaged inside the zip."
NOT_READ = "The file could not be read. Upload it again."
MOST_TABLES = 10
"""Tables not counted against the file limit of a zip, so that an export of the maximum size can be imported again."""
OUTSIDE = "It lies outside the folder that may be read, so it is not read."
OUR_DATABASE = "It is a file of Waterline's own database, so it is not read."


@dataclass(frozen=True)
class Upload:
    """A file to import.

    Attributes:
        path: Path of the file.
        name: Name given by the sender.
        root: For files of a server folder, the folder that the resolved path must stay in; ``name`` then has folders.
        ours: Whether the file is in our own staging area, so that no other program changes it.
    """

    path: Path
    name: str
    root: Path | None = None
    ours: bool = False


@dataclass(frozen=True)
class Source:
    """One file to import; must be read before the iterator advances unless it is ``lasting``.

    Attributes:
        name: File name, with its folder within a zip.
        label: Class from its folder or a table; empty if there is none.
        read: Returns the bytes, or raises a domain error with the reason for rejection.
        split: Split from its folder or a table; empty if there is none.
        note: Note for the report.
        lasting: Whether it can be read later, and by any thread.
        file: An immutable file of our own with the same bytes, if there is one.
    """

    name: str
    label: str
    read: Callable[[], bytes]
    split: str = ""
    note: str = ""
    lasting: bool = False
    file: Path | None = None


@dataclass(frozen=True)
class Contents:
    """Names of the files and of the tables in an upload."""

    names: tuple[str, ...]
    tables: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableFile:
    """A table; must be read before the iterator advances.

    Attributes:
        name: File name, with its folder within a zip.
        open: Opens a binary stream, or raises a domain error with the reason for rejection.
    """

    name: str
    open: Callable[[], IO[bytes]]


class OpenUpload:
    """The files and tables of one upload: itself, or the entries of a zip.

    A zip is opened once and stays open until :meth:`close`, or until :meth:`sources` is through.

    Args:
        original: The upload.
        limits: Size limits of an import.
    """

    def __init__(self, original: Upload, limits: Limits) -> None:
        self.upload = replace(original, name=utf8_encodable(original.name))
        self.zipped = _is_zip(self.upload)
        self._limits = limits
        self._archive: zipfile.ZipFile | None = None
        self._entries: list[zipfile.ZipInfo] = []

    def list_names(self) -> Contents:
        """List the names; a damaged zip, or one that exceeds a limit, is listed as one file."""
        name = self.upload.name
        if not self.zipped:
            return Contents((), (name,)) if is_table(name) else Contents((name,))
        try:
            names = [entry.filename for entry in self._open()[1]]
        except RejectedArchive:
            return Contents((name,))
        tables = tuple(entry_name for entry_name in names if is_table(entry_name))
        return Contents(tuple(entry_name for entry_name in names if not is_table(entry_name)), tables)

    def tables(self) -> Iterator[TableFile]:
        """Iterate over the tables.

        A stream yields no more bytes than the limits allow. Reading a damaged one raises :class:`RejectedPicture`.
        """
        limits = replace(self._limits, picture_mb=self._limits.table_mb)
        if not self.zipped:
            yield TableFile(self.upload.name, partial(_open_upload, self.upload, limits))
            return
        archive, entries = self._open()
        for entry in entries:
            if is_table(entry.filename):
                yield TableFile(entry.filename, partial(_open_entry, archive, entry, limits))

    def sources(self) -> Iterator[Source]:
        """Iterate over the files, tables included, and close the zip at the end.

        A source must be read before the iterator advances. A source that exceeds a limit raises when it is read.
        """
        try:
            yield from self._entry_sources() if self.zipped else [self._loose_source()]
        except RejectedArchive as error:
            yield Source(self.upload.name, "", partial(_raise, error))
        finally:
            self.close()

    def close(self) -> None:
        """Close the zip; it is opened again when it is needed."""
        if self._archive is not None:
            self._archive.close()
        self._archive, self._entries = None, []

    def _open(self) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
        if self._archive is None:
            archive = _open_archive(self.upload)
            try:
                self._entries = _checked_entries(archive, self._limits)
            except RejectedArchive:
                archive.close()
                raise
            self._archive = archive
        return self._archive, self._entries

    def _loose_source(self) -> Source:
        upload = self.upload
        folder = path_of(upload.name).parent.name if upload.root else ""
        file = upload.path if upload.ours else None
        return Source(
            upload.name, folder, partial(_read_upload, upload, self._limits), lasting=True, file=file
        )

    def _entry_sources(self) -> Iterator[Source]:
        archive, entries = self._open()
        for entry in entries:
            folder = path_of(entry.filename).parent.name
            yield Source(entry.filename, folder, partial(_read_entry, archive, entry, self._limits))


def sources(uploads: Iterable[Upload], limits: Limits) -> Iterator[Source]:
    """Iterate over the files of uploads, as :meth:`OpenUpload.sources` does for each."""
    for upload in uploads:
        yield from OpenUpload(upload, limits).sources()


def _open_upload(upload: Upload, limits: Limits) -> IO[bytes]:
    _check_path(upload)
    try:
        if upload.path.stat().st_size > limits.picture_mb * MEGABYTE:
            raise RejectedPicture(_too_large_message(limits))
        return upload.path.open("rb")
    except OSError as error:
        raise RejectedPicture(NOT_READ) from error


def _open_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limits: Limits) -> IO[bytes]:
    _check_entry(entry, limits)
    try:
        # Yields at most the declared size; a wrong size is detected by the checksum.
        return cast("IO[bytes]", _EntryStream(archive.open(entry)))
    except Exception as error:  # zipfile raises arbitrary exceptions on malformed input
        raise RejectedPicture(DAMAGED) from error


class _EntryStream:
    """A zip entry stream that raises every error as :class:`RejectedPicture`."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except Exception as error:  # decompressors raise arbitrary exceptions on malformed input
            raise RejectedPicture(DAMAGED) from error

    def __enter__(self) -> _EntryStream:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _is_zip(upload: Upload) -> bool:
    """Whether an upload is a zip, by its extension or its signature."""
    return upload.name.lower().endswith(".zip") or _has_zip_signature(upload.path)


def _has_zip_signature(path: Path) -> bool:
    if is_open_database(path):
        return False
    try:
        with path.open("rb", buffering=0) as file:
            return file.read(4) in ZIP_STARTS
    except OSError:  # reported when the file is read
        return False


def _open_archive(upload: Upload) -> zipfile.ZipFile:
    try:
        _check_path(upload)
        return with_decoded_names(zipfile.ZipFile(upload.path))
    except RejectedPicture as error:
        raise RejectedArchive(str(error)) from error
    except Exception as error:  # zipfile raises arbitrary exceptions on malformed input
        raise RejectedArchive("The zip is damaged and cannot be opened. Make it again.") from error


def count(upload: Upload) -> int:
    """The number of files in an upload, for progress; a damaged zip counts as one."""
    try:
        with _open_archive(upload) as archive:
            return len(_file_entries(archive))
    except Exception:  # not a zip, or a damaged one, which sources() reports
        return 1


def _file_entries(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The file entries of a zip without system files."""
    return [
        entry for entry in archive.infolist() if not _is_folder(entry) and not is_leftover(entry.filename)
    ]


def _checked_entries(archive: zipfile.ZipFile, limits: Limits) -> list[zipfile.ZipInfo]:
    entries = _file_entries(archive)
    if not entries and not all(map(_is_folder, archive.infolist())):
        raise RejectedArchive(ONLY_LEFTOVERS)
    tables = sum(is_table(entry.filename) for entry in entries)
    files = len(entries) - min(tables, MOST_TABLES)
    if files > limits.zip_entries:
        raise RejectedArchive(
            f"The zip has {files:,} files; at most {limits.zip_entries:,} are taken in at once. Split it."
        )
    return entries


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limits: Limits) -> bytes:
    _check_entry(entry, limits)
    try:
        with archive.open(entry) as file:
            # Reads at most one byte more than declared, to detect a wrong size without unpacking everything.
            data = file.read(entry.file_size + 1)
    except Exception as error:  # decompressors raise arbitrary exceptions on malformed input
        raise RejectedPicture(DAMAGED) from error
    if len(data) != entry.file_size:
        raise RejectedPicture(DAMAGED)
    return data


def _check_entry(entry: zipfile.ZipInfo, limits: Limits) -> None:
    path = path_of(entry.filename)
    if path.is_absolute() or ".." in path.parts or DRIVE.match(entry.filename):
        raise RejectedPicture("Its path points outside the zip, so it is not read.")
    if entry.flag_bits & 1:
        raise RejectedPicture("The file is locked with a password. Make the zip without one.")
    if path.suffix.lower() == ".zip":
        raise RejectedPicture("A zip inside a zip is not opened. Upload it on its own.")
    if entry.file_size > limits.picture_mb * MEGABYTE:
        raise RejectedPicture(_too_large_message(limits))
    if entry.file_size > limits.zip_ratio * max(1, entry.compress_size) and entry.file_size > MEGABYTE:
        raise RejectedPicture(
            f"It unpacks to more than {limits.zip_ratio} times its size, which no picture does, so it is not read."
        )


def _raise(error: RejectedArchive) -> bytes:
    raise error


def _read_upload(upload: Upload, limits: Limits) -> bytes:
    _check_path(upload)
    return read_file(upload.path, limits)


def _check_path(upload: Upload) -> None:
    """Reject database files and symlinks out of the root, which may have appeared since the folder was listed."""
    if is_open_database(upload.path):
        raise RejectedPicture(OUR_DATABASE)
    if upload.root and not upload.path.resolve().is_relative_to(upload.root):
        raise RejectedPicture(OUTSIDE)


def read_file(path: Path, limits: Limits) -> bytes:
    """Read a picture file.

    Raises:
        RejectedPicture: The file exceeds the size limit, or cannot be read.
    """
    try:
        if path.stat().st_size > limits.picture_mb * MEGABYTE:
            raise RejectedPicture(_too_large_message(limits))
        return path.read_bytes()
    except OSError as error:
        raise RejectedPicture(NOT_READ) from error


def _too_large_message(limits: Limits) -> str:
    return f"The file is larger than {limits.picture_mb} MB, the most that one may have."


def _is_folder(entry: zipfile.ZipInfo) -> bool:
    return entry.filename.replace("\\", "/").endswith("/")


def path_of(name: str) -> PurePosixPath:
    """A name within a zip as a POSIX path."""
    return PurePosixPath(name.replace("\\", "/"))
