"""Folders of the server that an administrator allowed to import from. Their files are read where they lie."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from storage.core.errors import DomainError, NotFound
from storage.core.file_identity import Identity, identity, is_open_database, lies_in
from workbench.core.settings import Settings
from workbench.core.system_files import is_leftover
from workbench.importing.uploads import Upload

NONE_ALLOWED = "No folder of the server may be imported from. Who runs the server allows folders with WORKBENCH_IMPORT_FOLDERS."
NOT_ALLOWED = (
    "“{folder}” is not a folder that may be imported from. Allowed: {allowed}, and what is in there."
)
OUR_OWN = "“{folder}” belongs to Waterline's own data, which is not imported from. Choose another folder."


def files_in(folder: str, settings: Settings) -> list[Upload]:
    """The files of a folder and of those in it, by name.

    Passed over are hidden ones, leftovers of systems and tools, special ones and the data folder.

    Args:
        folder: An absolute path, or one from within an allowed folder.
        settings: Which folders are allowed, how many files are taken in at once, and where the data folder is.

    Raises:
        DomainError: The folder is not allowed or not there, or has too many files.
    """
    if not settings.import_folders:
        raise DomainError(NONE_ALLOWED)
    place, root = _resolved(folder, settings)
    most = settings.limits.zip_entries
    found = []
    for path in _walk(place, settings.data):
        found.append(Upload(path, path.relative_to(place).as_posix(), root))
        if len(found) > most:
            raise DomainError(
                f"The folder has more than {most:,} files, the most that are taken in at once. Import it in parts."
            )
    if not found:
        raise NotFound(f"There is no file in the folder “{folder[:80]}”.")
    return found


def _resolved(folder: str, settings: Settings) -> tuple[Path, Path]:
    """The folder without links, and the allowed one that it is in."""
    allowed = settings.import_folders
    if "\0" not in folder:
        for root in allowed:
            place = (root / folder).resolve()
            if not place.is_relative_to(root) or not place.is_dir():
                continue
            if lies_in(place, settings.data):
                raise DomainError(OUR_OWN.format(folder=folder[:80]))
            return place, root
    raise DomainError(NOT_ALLOWED.format(folder=folder[:80], allowed=", ".join(map(str, allowed))))


def _walk(place: Path, data: Path) -> Iterator[Path]:
    own = identity(data)
    for folder, inner, names in os.walk(place, followlinks=False):
        inner[:] = sorted(
            each for each in inner if not is_leftover(each) and not _is(Path(folder, each), own)
        )
        for name in sorted(names):
            path = Path(folder, name)
            if not is_leftover(name) and path.is_file() and not _is_ours(path, data):
                yield path


def _is(path: Path, own: Identity | None) -> bool:
    return own is not None and identity(path) == own


def _is_ours(path: Path, data: Path) -> bool:
    """Whether a file is one of our database, or a link into our data."""
    return is_open_database(path) or (path.is_symlink() and lies_in(path, data))


def offered(settings: Settings, most: int = 200) -> list[str]:
    """The allowed folders, each followed by those in it, as many as one can choose from."""
    found: list[str] = []
    for root in settings.import_folders:
        try:
            inner = sorted(path for path in root.iterdir() if not is_leftover(path.name) and path.is_dir())
        except OSError:  # not there any more, or not to be read: importing from it says so
            inner = []
        found += [str(each) for each in (root, *inner) if not lies_in(each, settings.data)]
    return found[:most]
