"""Reading uploaded files and zips: what is inside, under limits, without unpacking anything to disk."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from workbench.errors import RejectedArchive, RejectedPicture
from workbench.settings import MEGABYTE, Limits

DRIVE = re.compile(r"[A-Za-z]:[/\\]")
SYSTEM_NAMES = {".ds_store", "thumbs.db", "desktop.ini"}


@dataclass(frozen=True)
class Upload:
    """An uploaded file: where it lies, and the name that the sender gave it."""

    path: Path
    name: str


@dataclass(frozen=True)
class Source:
    """One file to take in, to be read before the next one is asked for.

    Attributes:
        name: With its folder within a zip.
        label: The class that its folder or a table gives it; empty where nothing does.
        read: Gives its bytes, or raises why it cannot be taken in.
        split: The side of the split that its folder or a table gives it; empty where nothing does.
        note: What else is to be told of it.
    """

    name: str
    label: str
    read: Callable[[], bytes]
    split: str = ""
    note: str = ""


def sources(uploads: Iterable[Upload], limits: Limits) -> Iterator[Source]:
    """The files that uploads hold: themselves, or the entries of a zip.

    A source is to be read before the next one is asked for. One that breaks a limit raises when it is read.
    """
    for upload in uploads:
        name = _writable(upload.name)
        try:
            yield from _opened(replace(upload, name=name), limits)
        except RejectedArchive as error:
            yield Source(name, "", partial(_fail, error))


def _writable(name: str) -> str:
    """A name as UTF-8 can hold it; stray bytes of an old file system become question marks."""
    return name.encode("utf-8", "replace").decode()


def _opened(upload: Upload, limits: Limits) -> Iterator[Source]:
    if not (upload.name.lower().endswith(".zip") or zipfile.is_zipfile(upload.path)):
        yield Source(upload.name, "", partial(read_file, upload.path, limits))
        return
    try:
        archive = zipfile.ZipFile(upload.path)
    except Exception as error:  # zipfile raises whatever hostile bytes lead it to
        raise RejectedArchive("The zip is damaged and cannot be opened. Make it again.") from error
    with archive:
        yield from _entries(archive, limits)


def count(upload: Upload) -> int:
    """How many files an upload holds, for a progress bar; a damaged zip counts as one."""
    try:
        with zipfile.ZipFile(upload.path) as archive:
            return sum(1 for entry in archive.infolist() if not _is_noise(entry))
    except Exception:  # not a zip, or a damaged one: sources() says so
        return 1


def _entries(archive: zipfile.ZipFile, limits: Limits) -> Iterator[Source]:
    entries = [entry for entry in archive.infolist() if not _is_noise(entry)]
    if len(entries) > limits.zip_entries:
        raise RejectedArchive(
            f"The zip has {len(entries):,} files; at most {limits.zip_entries:,} are taken in at once. Split it."
        )
    for entry in entries:
        yield Source(entry.filename, _path(entry).parent.name, partial(_read_entry, archive, entry, limits))


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limits: Limits) -> bytes:
    _check_entry(entry, limits)
    try:
        with archive.open(entry) as file:
            # One byte more than declared: an entry that lies about its size is found out, not unpacked.
            data = file.read(entry.file_size + 1)
    except Exception as error:  # decompressors raise whatever hostile bytes lead them to
        raise RejectedPicture("The file is damaged inside the zip.") from error
    if len(data) != entry.file_size:
        raise RejectedPicture("The file is damaged inside the zip.")
    return data


def _check_entry(entry: zipfile.ZipInfo, limits: Limits) -> None:
    path = _path(entry)
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
        raise RejectedPicture("The file could not be read. Upload it again.") from error


def _too_big(limits: Limits) -> str:
    return f"The file is larger than {limits.picture_mb} MB, the most that a picture may have."


def _is_noise(entry: zipfile.ZipInfo) -> bool:
    """Folders, and the files that macOS and Windows add by themselves."""
    path = _path(entry)
    return entry.is_dir() or "__MACOSX" in path.parts or path.name.lower() in SYSTEM_NAMES


def _path(entry: zipfile.ZipInfo) -> PurePosixPath:
    return PurePosixPath(entry.filename.replace("\\", "/"))
