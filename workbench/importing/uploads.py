"""Reading uploaded files and zips: what is inside, under limits, without unpacking anything to disk."""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, cast

from storage.core.file_identity import is_open_database
from workbench.core.errors import RejectedArchive, RejectedPicture
from workbench.core.settings import MEGABYTE, Limits
from workbench.core.system_files import is_leftover
from workbench.importing.label_tables import is_table, writable

ZIP_STARTS = {b"PK\x03\x04", b"PK\x05\x06"}
DRIVE = re.compile(r"[A-Za-z]:[/\\]")
UTF_8 = 1 << 11
UNICODE_PATH = 0x7075
ONLY_LEFTOVERS = (
    "All that the zip holds is hidden or a leftover of a system or tool, so nothing of it is read. Give its folders names "
    "that do not begin with a dot."
)
DAMAGED = "The file is damaged inside the zip."
NOT_READ = "The file could not be read. Upload it again."
MOST_TABLES = 10
"""Tables that do not count as files of a zip, so that an export of as many pictures as are taken in comes back."""
OUR_DATABASE = "It is a file of Waterline's own database, so it is not read."


@dataclass(frozen=True)
class Upload:
    """A file to import.

    Attributes:
        path: Where it lies.
        name: The name that the sender gave it.
        root: Of a file in a folder on the server, the folder that it must not leave: its name has folders then.
        ours: Whether the file is our own, so that nobody changes it.
    """

    path: Path
    name: str
    root: Path | None = None
    ours: bool = False


@dataclass(frozen=True)
class Source:
    """One file to take in, to be read before the next one is asked for unless it is ``lasting``.

    Attributes:
        name: With its folder within a zip.
        label: The class that its folder or a table gives it; empty where nothing does.
        read: Gives its bytes, or raises why it cannot be taken in.
        split: The side of the split that its folder or a table gives it; empty where nothing does.
        note: What else is to be told of it.
        lasting: Whether it can still be read when the next one was asked for, by any thread.
        file: A file of our own that holds its bytes and that nobody changes, if there is one.
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
    """What an upload holds: the names of its files, and those of its tables."""

    names: tuple[str, ...]
    tables: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableFile:
    """A table, to be read before the next one is asked for.

    Attributes:
        name: With its folder within a zip.
        open: Opens its bytes as a stream, or raises why it cannot be read.
    """

    name: str
    open: Callable[[], IO[bytes]]


def sources(uploads: Iterable[Upload], limits: Limits) -> Iterator[Source]:
    """The files that uploads hold: themselves, or the entries of a zip.

    A source is to be read before the next one is asked for. One that breaks a limit raises when it is read.
    """
    for given in uploads:
        upload = replace(given, name=writable(given.name))
        try:
            yield from _opened(upload, limits)
        except RejectedArchive as error:
            yield Source(upload.name, "", partial(_fail, error))


def contents(given: Upload, limits: Limits) -> Contents:
    """What an upload holds, without its pictures; one that is damaged or breaks a limit holds itself."""
    upload = replace(given, name=writable(given.name))
    try:
        if not is_zip(upload):
            return Contents((), (upload.name,)) if is_table(upload.name) else Contents((upload.name,))
        with _archive(upload) as archive:
            names = [entry.filename for entry in _allowed(archive, limits)]
            tables = tuple(name for name in names if is_table(name))
            return Contents(tuple(name for name in names if not is_table(name)), tables)
    except RejectedArchive:
        return Contents((upload.name,))


def table_files(given: Upload, limits: Limits) -> Iterator[TableFile]:
    """The tables that an upload holds, which are not read as a whole.

    A stream gives no more bytes than the limits allow. One that is damaged raises :class:`RejectedPicture` when it is read.
    """
    upload = replace(given, name=writable(given.name))
    generous = replace(limits, picture_mb=limits.table_mb)
    if not is_zip(upload):
        yield TableFile(upload.name, partial(_open_upload, upload, generous))
        return
    with _archive(upload) as archive:
        for entry in _allowed(archive, limits):
            if is_table(entry.filename):
                yield TableFile(entry.filename, partial(_open_entry, archive, entry, generous))


def _open_upload(upload: Upload, limits: Limits) -> IO[bytes]:
    _stay_inside(upload)
    try:
        if upload.path.stat().st_size > limits.picture_mb * MEGABYTE:
            raise RejectedPicture(_too_big(limits))
        return upload.path.open("rb")
    except OSError as error:
        raise RejectedPicture(NOT_READ) from error


def _open_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limits: Limits) -> IO[bytes]:
    _check_entry(entry, limits)
    try:
        # It gives no more bytes than declared: an entry that lies about its size is found out by its checksum.
        return cast("IO[bytes]", _Guarded(archive.open(entry)))
    except Exception as error:  # zipfile raises whatever hostile bytes lead it to
        raise RejectedPicture(DAMAGED) from error


class _Guarded:
    """An entry of a zip of which every fault is one sentence."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except Exception as error:  # decompressors raise whatever hostile bytes lead them to
            raise RejectedPicture(DAMAGED) from error

    def __enter__(self) -> _Guarded:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def is_zip(upload: Upload) -> bool:
    """Whether it is a zip, by its name or its content."""
    return upload.name.lower().endswith(".zip") or _starts_as_zip(upload.path)


def _starts_as_zip(path: Path) -> bool:
    if is_open_database(path):
        return False
    try:
        with path.open("rb", buffering=0) as file:
            return file.read(4) in ZIP_STARTS
    except OSError:  # said when it is read
        return False


def _opened(upload: Upload, limits: Limits) -> Iterator[Source]:
    if not is_zip(upload):
        folder = path_of(upload.name).parent.name if upload.root else ""
        file = upload.path if upload.ours else None
        yield Source(upload.name, folder, partial(_read_upload, upload, limits), lasting=True, file=file)
        return
    with _archive(upload) as archive:
        for entry in _allowed(archive, limits):
            folder = path_of(entry.filename).parent.name
            yield Source(entry.filename, folder, partial(_read_entry, archive, entry, limits))


def _archive(upload: Upload) -> zipfile.ZipFile:
    try:
        _stay_inside(upload)
        return _renamed(zipfile.ZipFile(upload.path))
    except RejectedPicture as error:
        raise RejectedArchive(str(error)) from error
    except Exception as error:  # zipfile raises whatever hostile bytes lead it to
        raise RejectedArchive("The zip is damaged and cannot be opened. Make it again.") from error


def count(upload: Upload) -> int:
    """How many files an upload holds, for a progress bar; a damaged zip counts as one."""
    try:
        with _archive(upload) as archive:
            return len(_entries(archive))
    except Exception:  # not a zip, or a damaged one: sources() says so
        return 1


def _entries(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The files in a zip that are somebody's own."""
    return [
        entry for entry in archive.infolist() if not _is_folder(entry) and not is_leftover(entry.filename)
    ]


def _allowed(archive: zipfile.ZipFile, limits: Limits) -> list[zipfile.ZipInfo]:
    entries = _entries(archive)
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
            # One byte more than declared: an entry that lies about its size is found out, not unpacked.
            data = file.read(entry.file_size + 1)
    except Exception as error:  # decompressors raise whatever hostile bytes lead them to
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
        raise RejectedPicture(_too_big(limits))
    if entry.file_size > limits.zip_ratio * max(1, entry.compress_size) and entry.file_size > MEGABYTE:
        raise RejectedPicture(
            f"It unpacks to more than {limits.zip_ratio} times its size, which no picture does, so it is not read."
        )


def _fail(error: RejectedArchive) -> bytes:
    raise error


def _read_upload(upload: Upload, limits: Limits) -> bytes:
    _stay_inside(upload)
    return read_file(upload.path, limits)


def _stay_inside(upload: Upload) -> None:
    """A link may have been put in the way since the folder was looked through."""
    if is_open_database(upload.path):
        raise RejectedPicture(OUR_DATABASE)
    if upload.root and not upload.path.resolve().is_relative_to(upload.root):
        raise RejectedPicture("It lies outside the folder that may be read, so it is not read.")


def read_file(path: Path, limits: Limits) -> bytes:
    """The bytes of a picture file.

    Raises:
        RejectedPicture: It is larger than a picture may be, or cannot be read.
    """
    try:
        if path.stat().st_size > limits.picture_mb * MEGABYTE:
            raise RejectedPicture(_too_big(limits))
        return path.read_bytes()
    except OSError as error:
        raise RejectedPicture(NOT_READ) from error


def _too_big(limits: Limits) -> str:
    return f"The file is larger than {limits.picture_mb} MB, the most that one may have."


def _is_folder(entry: zipfile.ZipInfo) -> bool:
    return entry.filename.replace("\\", "/").endswith("/")


def _renamed(archive: zipfile.ZipFile) -> zipfile.ZipFile:
    for entry in archive.infolist():
        entry.filename = _name(entry)
    return archive


def _name(entry: zipfile.ZipInfo) -> str:
    """What an entry is called.

    A name that is flagged as UTF-8 is that. Otherwise the Unicode path of its extra fields counts where it was made for
    this name, then the name as UTF-8 where it is valid, else as code page 437 (APPNOTE.TXT of PKWARE, 4.6.9 and D.1).
    """
    name = entry.orig_filename
    if not entry.flag_bits & UTF_8:
        raw = name.encode("cp437")
        with suppress(UnicodeDecodeError):
            name = raw.decode("utf-8")
        name = _unicode_path(entry.extra, zlib.crc32(raw)) or name
    return writable(name.split("\0", 1)[0])


def _unicode_path(extra: bytes, crc: int) -> str:
    """The name in Info-ZIP's Unicode path field; empty where there is none, or it was made for another name."""
    while len(extra) >= 4:
        kind, size = struct.unpack("<HH", extra[:4])
        field, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == UNICODE_PATH and field[:5] == struct.pack("<BL", 1, crc):
            with suppress(UnicodeDecodeError):
                return field[5:].decode("utf-8")
    return ""


def path_of(name: str) -> PurePosixPath:
    """A name within a zip as a path."""
    return PurePosixPath(name.replace("\\", "/"))
