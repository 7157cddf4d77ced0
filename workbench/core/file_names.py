"""Names of files and folders for exports: safe on every system, and no two alike in one folder."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, count
from pathlib import PurePosixPath

from storage.catalogue.export_rows import ExportRow
from workbench.core.path_names import fault, plain, repaired

SUFFIXES = {
    **{"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp", "BMP": ".bmp", "GIF": ".gif"},
    **{"TIFF": ".tiff", "HEIF": ".heic", "AVIF": ".avif"},
}
KNOWN = {*SUFFIXES.values(), ".jpeg", ".jpe", ".jfif", ".tif", ".heif", ".dib", ".apng"}
LONGEST_STEM = 120
"""Bytes of a name without its ending."""
LONGEST_FOLDER = 200
"""Bytes of a folder's name."""


def named(pictures: Iterable[ExportRow]) -> list[str]:
    """Names for pictures of one folder, in their order: those that they came with where that is possible.

    Of two alike, also by case alone, the later one gets a part of its sha256.
    """
    taken: set[str] = set()
    return [_free(_safe(picture), picture.sha256, taken) for picture in pictures]


def folders(classes: Iterable[str]) -> dict[str, str]:
    """A folder for each class: its own name where every system can have that, else one near it that no other has."""
    names = sorted(set(classes))
    given = {name: name for name in names if not fault(name)}
    taken = {name.casefold() for name in given}
    for name in (each for each in names if each not in given):
        near = repaired(name, LONGEST_FOLDER)
        numbered = (f"{near}-{number}" for number in count(2))
        given[name] = next(each for each in chain([near], numbered) if each.casefold() not in taken)
        taken.add(given[name].casefold())
    return given


def _safe(picture: ExportRow) -> str:
    name = plain(picture.filename)
    if PurePosixPath(name).suffix.lower() not in KNOWN:
        name = f"{name or 'picture'}{SUFFIXES.get(picture.format, '.jpg')}"
    path = PurePosixPath(name)
    return f"{repaired(path.stem, LONGEST_STEM)}{path.suffix}"


def _free(name: str, sha256: str, taken: set[str]) -> str:
    path = PurePosixPath(name)
    for mark in ("", f"-{sha256[:8]}", f"-{sha256}"):
        # Within the longest stem, so that the name stays as it is when it comes back.
        stem = repaired(path.stem, LONGEST_STEM - len(mark))
        free = f"{stem}{mark}{path.suffix}"
        if free.casefold() not in taken:
            taken.add(free.casefold())
            return free
    raise AssertionError("no two pictures have the same sha256")
