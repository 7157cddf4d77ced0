"""Folders of the server that an administrator allowed to import from. Their files are read where they lie."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from storage.errors import DomainError, NotFound
from workbench.archives import Upload, is_noise

NONE_ALLOWED = "No folder of the server may be imported from. Who runs the server allows folders with WORKBENCH_IMPORT_FOLDERS."
NOT_ALLOWED = (
    "“{folder}” is not a folder that may be imported from. Allowed: {allowed}, and what is in there."
)


def files_in(folder: str, allowed: Sequence[Path], most: int) -> list[Upload]:
    """The files of a folder and of those in it, by name; hidden ones and special ones are passed over.

    Args:
        folder: An absolute path, or one from within an allowed folder.
        allowed: The allowed folders, resolved.
        most: Most files that are taken in at once.

    Raises:
        DomainError: The folder is not allowed or not there, or has too many files.
    """
    if not allowed:
        raise DomainError(NONE_ALLOWED)
    place, root = _resolved(folder, allowed)
    found = []
    for path in _walk(place):
        found.append(Upload(path, path.relative_to(place).as_posix(), root))
        if len(found) > most:
            raise DomainError(
                f"The folder has more than {most:,} files, the most that are taken in at once. Import it in parts."
            )
    if not found:
        raise NotFound(f"There is no file in the folder “{folder[:80]}”.")
    return found


def _resolved(folder: str, allowed: Sequence[Path]) -> tuple[Path, Path]:
    """The folder without links, and the allowed one that it is in."""
    if "\0" not in folder:
        for root in allowed:
            place = (root / folder).resolve()
            if place.is_relative_to(root) and place.is_dir():
                return place, root
    raise DomainError(NOT_ALLOWED.format(folder=folder[:80], allowed=", ".join(map(str, allowed))))


def _walk(place: Path) -> Iterator[Path]:
    for folder, inner, names in os.walk(place, followlinks=False):
        inner[:] = sorted(each for each in inner if not each.startswith("."))
        for name in sorted(names):
            path = Path(folder, name)
            if not name.startswith(".") and not is_noise(name) and path.is_file():
                yield path


def offered(allowed: Sequence[Path], most: int = 200) -> list[str]:
    """The allowed folders, each followed by those in it, as many as one can choose from."""
    found: list[str] = []
    for root in allowed:
        try:
            inner = sorted(each for each in root.iterdir() if not each.name.startswith(".") and each.is_dir())
        except OSError:  # not there any more, or not to be read: importing from it says so
            inner = []
        found += map(str, [root, *inner])
    return found[:most]
