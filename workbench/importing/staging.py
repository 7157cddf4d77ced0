"""Where files wait for their import: a folder of the data folder, which outlives the upload and the server."""

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
    """A folder with a folder of its own for each import that has not ended.

    Args:
        root: The folder; made where it is missing.
        room: Of its disk.
    """

    def __init__(self, root: Path, room: DiskSpace) -> None:
        self._root = root
        self._room = room

    def take(self, uploads: Sequence[Upload]) -> str:
        """Keep uploaded files, by a second name for the same bytes where the file system can, else by a copy.

        Returns:
            The name of the place that holds them.

        Raises:
            DiskFull: There is no room for them.
            NotReady: One of them is gone already.
        """
        self._room.require()
        token = uuid.uuid4().hex
        place = self._root / token
        try:
            place.mkdir(parents=True)
            for number, upload in enumerate(uploads):
                link_or_copy(upload.path, place / str(number), self._room)
            _list(place, [[str(number), each.name, ""] for number, each in enumerate(uploads)])
        except DiskFull:
            shutil.rmtree(place, ignore_errors=True)
            raise
        except OSError as error:
            shutil.rmtree(place, ignore_errors=True)
            if is_disk_full(error):
                raise DiskFull from error
            raise NotReady(GONE) from error
        return token

    def note(self, files: Sequence[Upload]) -> str:
        """Keep a list of files that stay where they are.

        Returns:
            The name of the place that holds the list.

        Raises:
            DiskFull: There is no room for it.
        """
        place = self._root / uuid.uuid4().hex
        try:
            place.mkdir(parents=True)
            _list(place, [[str(file.path), file.name, str(file.root or "")] for file in files])
        except OSError as error:
            shutil.rmtree(place, ignore_errors=True)
            if is_disk_full(error):
                raise DiskFull from error
            raise
        return place.name

    def files(self, token: str) -> list[Upload]:
        """The files of one place, in the order in which they came.

        Raises:
            NotReady: They are gone.
        """
        try:
            listed = json.loads((self._root / token / LISTING).read_text("ascii"))
        except (OSError, ValueError) as error:
            raise NotReady(GONE) from error
        place = self._root / token
        return [
            Upload(place / path, name, Path(root))
            if root
            else Upload(place / path, name, ours=not Path(path).is_absolute())
            for path, name, root in listed
        ]

    def remove(self, token: str) -> None:
        """Give the room of one place back."""
        shutil.rmtree(self._root / token, ignore_errors=True)

    def keep_only(self, tokens: Collection[str]) -> None:
        """Remove every place but these: what a killed server left."""
        if self._root.is_dir():
            for place in self._root.iterdir():
                if place.name not in tokens:
                    shutil.rmtree(place, ignore_errors=True)


def _list(place: Path, files: list[list[str]]) -> None:
    # ASCII, so that a name with stray bytes of an old file system survives.
    (place / LISTING).write_text(json.dumps(files), "ascii")


def link_or_copy(source: Path, target: Path, room: DiskSpace) -> None:
    """Give a file a second name, or copy it where the file system cannot.

    Raises:
        NoRoom: There is no room for a copy.
        DomainError: It is a file of our own database.
    """
    if is_open_database(source):
        raise DomainError(OUR_DATABASE)
    try:
        os.link(source, target)
    except OSError as error:
        if is_disk_full(error):
            raise
        room.require(source.stat().st_size)
        shutil.copyfile(source, target)  # another file system, or one without links
