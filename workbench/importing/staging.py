"""Staging area for files that wait to be imported; survives server restarts."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Collection, Sequence
from pathlib import Path

from storage.core.disk_space import DiskSpace
from storage.core.errors import DiskFull, DomainError, is_disk_full
from storage.core.file_identity import is_open_database
from workbench.core.errors import NotReady
from workbench.importing.uploads import OUR_DATABASE, Upload

LISTING = "listing.json"
GONE = "The uploaded files are not there any more. Upload them again; what is in already is recognised."


class Staging:
    """A folder with one subfolder, identified by a token, per import that has not ended.

    Args:
        root: The folder; created if missing.
        room: Free space of its disk.
    """

    def __init__(self, root: Path, disk_space: DiskSpace) -> None:
        self._root = root
        self._room = disk_space

    def take(self, uploads: Sequence[Upload]) -> str:
        """Stage uploaded files by hard link, or by copy if the file system has no hard links.

        Returns:
            The token of the staging subfolder.

        Raises:
            DiskFull: There is no space for the files.
            NotReady: A file no longer exists.
        """
        self._room.require()
        token = uuid.uuid4().hex
        folder = self._root / token
        try:
            folder.mkdir(parents=True)
            for number, upload in enumerate(uploads):
                link_or_copy(upload.path, folder / str(number), self._room)
            _write_listing(folder, [[str(number), file.name, ""] for number, file in enumerate(uploads)])
        except DiskFull:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            if is_disk_full(error):
                raise DiskFull from error
            raise NotReady(GONE) from error
        return token

    def note(self, files: Sequence[Upload]) -> str:
        """Stage a listing of files that are read in place.

        Returns:
            The token of the staging subfolder.

        Raises:
            DiskFull: There is no space for the listing.
        """
        folder = self._root / uuid.uuid4().hex
        try:
            folder.mkdir(parents=True)
            _write_listing(folder, [[str(file.path), file.name, str(file.root or "")] for file in files])
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            if is_disk_full(error):
                raise DiskFull from error
            raise
        return folder.name

    def files(self, token: str) -> list[Upload]:
        """The files staged under a token, in upload order.

        Raises:
            NotReady: They no longer exist.
        """
        try:
            entries = json.loads((self._root / token / LISTING).read_text("ascii"))
        except (OSError, ValueError) as error:
            raise NotReady(GONE) from error
        folder = self._root / token
        return [
            Upload(folder / path, name, Path(root))
            if root
            else Upload(folder / path, name, ours=not Path(path).is_absolute())
            for path, name, root in entries
        ]

    def remove(self, token: str) -> None:
        """Remove the staging subfolder of a token."""
        shutil.rmtree(self._root / token, ignore_errors=True)

    def keep_only(self, tokens: Collection[str]) -> None:
        """Remove all staging subfolders except those of the given tokens."""
        if self._root.is_dir():
            for folder in self._root.iterdir():
                if folder.name not in tokens:
                    shutil.rmtree(folder, ignore_errors=True)


def _write_listing(folder: Path, files: list[list[str]]) -> None:
    # ASCII-escaped JSON also keeps file names that are not valid UTF-8.
    (folder / LISTING).write_text(json.dumps(files), "ascii")


def link_or_copy(source: Path, target: Path, disk_space: DiskSpace) -> None:
    """Hard-link a file, or copy it if the file system has no hard links.

    Raises:
        DiskFull: There is no space for a copy.
        DomainError: The file belongs to the open database.
    """
    if is_open_database(source):
        raise DomainError(OUR_DATABASE)
    try:
        os.link(source, target)
    except OSError as error:
        if is_disk_full(error):
            raise
        disk_space.require(source.stat().st_size)
        shutil.copyfile(source, target)  # another file system, or one without links
