"""Imports from server folders that an administrator has allowed; their files are read in place."""

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


def list_files(folder: str, settings: Settings) -> list[Upload]:
    """List the files below a folder, sorted by name.

    Hidden files, system files, special files and the data folder are skipped.

    Args:
        folder: An absolute path, or a path relative to an allowed folder.
        settings: The allowed folders, the limit on the number of files, and the data folder.

    Raises:
        DomainError: The folder is not allowed or does not exist, or has too many files.
        NotFound: The folder has no files.
    """
    if not settings.import_folders:
        raise DomainError(NONE_ALLOWED)
    resolved, root = _resolve(folder, settings)
    max_files = settings.limits.zip_entries
    uploads = []
    for path in _walk(resolved, settings.data):
        uploads.append(Upload(path, path.relative_to(resolved).as_posix(), root))
        if len(uploads) > max_files:
            raise DomainError(
                f"The folder has more than {max_files:,} files, the most that are taken in at once. Import it in parts."
            )
    if not uploads:
        raise NotFound(f"There is no file in the folder “{folder[:80]}”.")
    return uploads


def _resolve(folder: str, settings: Settings) -> tuple[Path, Path]:
    """The resolved folder, and the allowed folder that contains it."""
    allowed = settings.import_folders
    if "\0" not in folder:
        for root in allowed:
            resolved = (root / folder).resolve()
            if not resolved.is_relative_to(root) or not resolved.is_dir():
                continue
            if lies_in(resolved, settings.data):
                raise DomainError(OUR_OWN.format(folder=folder[:80]))
            return resolved, root
    raise DomainError(NOT_ALLOWED.format(folder=folder[:80], allowed=", ".join(map(str, allowed))))


def _walk(top: Path, data: Path) -> Iterator[Path]:
    data_identity = identity(data)
    for folder, subfolders, names in os.walk(top, followlinks=False):
        subfolders[:] = sorted(
            subfolder
            for subfolder in subfolders
            if not is_leftover(subfolder) and not _has_identity(Path(folder, subfolder), data_identity)
        )
        for name in sorted(names):
            path = Path(folder, name)
            if not is_leftover(name) and path.is_file() and not _is_own_file(path, data):
                yield path


def _has_identity(path: Path, own: Identity | None) -> bool:
    return own is not None and identity(path) == own


def _is_own_file(path: Path, data: Path) -> bool:
    """Whether a file belongs to the open database, or is a symlink into the data folder."""
    return is_open_database(path) or (path.is_symlink() and lies_in(path, data))


def selectable_folders(settings: Settings, most: int = 200) -> list[str]:
    """The allowed folders, each followed by its subfolders, at most ``most``."""
    choices: list[str] = []
    for root in settings.import_folders:
        try:
            subfolders = sorted(
                path for path in root.iterdir() if not is_leftover(path.name) and path.is_dir()
            )
        except OSError:  # missing or unreadable: reported when it is imported from
            subfolders = []
        choices += [str(folder) for folder in (root, *subfolders) if not lies_in(folder, settings.data)]
    return choices[:most]
