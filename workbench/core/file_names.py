"""File and folder names for exports: valid on every operating system, and unique within a folder."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, count
from pathlib import PurePosixPath

from storage.catalogue.export_rows import ExportRow
from workbench.core.path_names import name_problem, safe_name, sanitized

SUFFIXES = {
    **{"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp", "BMP": ".bmp", "GIF": ".gif"},
    **{"TIFF": ".tiff", "HEIF": ".heic", "AVIF": ".avif"},
}
KNOWN = {*SUFFIXES.values(), ".jpeg", ".jpe", ".jfif", ".tif", ".heif", ".dib", ".apng"}
LONGEST_STEM = 120
"""Most bytes of a file name without its extension."""
LONGEST_FOLDER = 200
"""Most bytes of a folder name."""


def unique_file_names(pictures: Iterable[ExportRow]) -> list[str]:
    """Unique file names for the pictures of one folder, in order; original names are kept if possible.

    Of two names that are equal without case, the later one gets a part of its sha256 appended.
    """
    taken_names: set[str] = set()
    return [_unique_name(_valid_name(picture), picture.sha256, taken_names) for picture in pictures]


def safe_folder_names(classes: Iterable[str]) -> dict[str, str]:
    """A folder name per class: the class name if it is valid on every system, else a similar unique one."""
    names = sorted(set(classes))
    folder_names = {class_name: class_name for class_name in names if not name_problem(class_name)}
    taken_names = {class_name.casefold() for class_name in folder_names}
    for class_name in (candidate for candidate in names if candidate not in folder_names):
        base_name = safe_name(class_name, LONGEST_FOLDER)
        numbered = (f"{base_name}-{number}" for number in count(2))
        folder_names[class_name] = next(
            candidate for candidate in chain([base_name], numbered) if candidate.casefold() not in taken_names
        )
        taken_names.add(folder_names[class_name].casefold())
    return folder_names


def _valid_name(picture: ExportRow) -> str:
    name = sanitized(picture.filename)
    if PurePosixPath(name).suffix.lower() not in KNOWN:
        name = f"{name or 'picture'}{SUFFIXES.get(picture.format, '.jpg')}"
    path = PurePosixPath(name)
    return f"{safe_name(path.stem, LONGEST_STEM)}{path.suffix}"


def _unique_name(name: str, sha256: str, taken_names: set[str]) -> str:
    path = PurePosixPath(name)
    for suffix in ("", f"-{sha256[:8]}", f"-{sha256}"):
        # The suffix fits within LONGEST_STEM, so that the name is unchanged when it is imported again.
        stem = safe_name(path.stem, LONGEST_STEM - len(suffix))
        candidate = f"{stem}{suffix}{path.suffix}"
        if candidate.casefold() not in taken_names:
            taken_names.add(candidate.casefold())
            return candidate
    raise AssertionError("no two pictures have the same sha256")
