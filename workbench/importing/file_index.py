"""Finding a file by what a table calls it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from typing import NamedTuple

from workbench.importing.table_columns import PICTURE_ENDING
from workbench.importing.upload_renames import UNCHANGED, renamed, written_names
from workbench.importing.uploads import path_of

LOOSE = -1
DEEPEST = 8
"""Folders of a path that are looked at where a table does not write all of them."""
MOST_COMPARED = 100
"""Files with the same name that are compared one by one; a look-up takes no longer where there are more."""
MOST_KEPT_APART = 8
"""Files with the same name that are told apart by their capitals or their folders."""

UNTIDY = re.compile(r"\\|^\.?/|//|/\.?/|/\.?$")
"""What a path may have that does not change where it leads."""


class FileLocation(NamedTuple):
    """Where a file is: the number of its zip (``LOOSE`` where it is in none), that of its upload, and its name there."""

    zipped: int
    upload: int
    name: str


class Match(NamedTuple):
    """The one file that a name stands for; ``likely`` where it is the name as an uploader changes it."""

    place: FileLocation
    likely: bool = False


class FileIndex:
    """All files of an import, or of the catalogue, by path and by the ends of paths, whatever the case.

    A look-up takes the same time however many files there are, and however many of them are called alike.
    """

    def __init__(self) -> None:
        self._places: dict[FileLocation, None] = {}

    def __len__(self) -> int:
        return len(self._places)

    def add(self, places: Iterable[FileLocation]) -> None:
        """Know more files; all of them are to be known before the first one is looked for."""
        # A zip may have two entries of one name; nothing tells them apart.
        self._places.update(dict.fromkeys(places))

    def find(self, names: Sequence[str], table: FileLocation) -> Match | list[FileLocation]:
        """The file that a table names.

        Looked for beside the table, then from the top of its zip, then among all files; a name without its folders, or
        with more of them, counts where only one file can be meant. So does, after that, a name without the ending of a
        picture, and one as uploaders change it (see :mod:`workbench.importing.upload_renames`).

        Args:
            names: What the file may be called, the likeliest first.
            table: Where the table is.

        Returns:
            The file, else all that could be meant, which may be none.
        """
        if not self._places:
            return []
        keys = [_key(name) for name in names]
        folder = _key(table.name).rpartition("/")[0]
        tries = [(self._names, key) for key in keys]
        tries += [(self._stems, key) for key in keys if not PICTURE_ENDING.search(key)]
        for index, key in tries:
            if found := index.find(key, folder, table.zipped):
                return _one(found, names)
        for key in keys:
            if found := self._changed(key):
                return Match(found[0], likely=True) if len(found) == 1 else found
        return []

    def _changed(self, key: str) -> list[FileLocation]:
        """Those whose names an uploader makes into this one, or the other way round."""
        folder, _, base = key.rpartition("/")
        for spelling in written_names(base):
            found = {place: None for name in _variants(spelling) for place in self._renamed.get(name, ())}
            fitting = [place for place in found if _fits(_key(place.name).rpartition("/")[0], folder)]
            if fitting:
                return fitting
        return []

    @cached_property
    def _names(self) -> _Index:
        return _Index(self._places, lambda key: key)

    @cached_property
    def _stems(self) -> _Index:
        return _Index(self._places, _stem)

    @cached_property
    def _renamed(self) -> dict[str, list[FileLocation]]:
        """Files by what uploaders make of their names; of each name as many as show that it is not the only one."""
        found: dict[str, list[FileLocation]] = {}
        for place in self._places:
            for name in _variants(_key(place.name).rsplit("/", 1)[-1]):
                same = found.setdefault(name, [])
                if len(same) < MOST_KEPT_APART:
                    same.append(place)
        return found


class _Index:
    """Files by a key made of their path, and by the ends of that key.

    Args:
        places: The files.
        made: Makes a path, of which capitals do not count, into the key.
    """

    def __init__(self, places: Iterable[FileLocation], made: Callable[[str], str]) -> None:
        self._whole: dict[str, list[FileLocation]] = {}
        for place in places:
            self._whole.setdefault(made(_key(place.name)), []).append(place)

    def find(self, key: str, folder: str, zipped: int) -> list[FileLocation]:
        """Those beside the table, from the top of its zip, of its zip, or of all, whichever are the first that there are."""
        for path in (f"{folder}/{key}", key) if folder else (key,):
            if found := _within(zipped, self._whole.get(path, [])):
                return found
        found = self._ends.get(key, [])
        for end in _ends(key):
            found = found or self._whole.get(end, [])
        return _within(zipped, found) or found

    @cached_property
    def _ends(self) -> dict[str, list[FileLocation]]:
        ends: dict[str, list[FileLocation]] = {}
        for key, places in self._whole.items():
            for end in _ends(key):
                ends.setdefault(end, []).extend(places)
        return ends


def _within(zipped: int, places: Sequence[FileLocation]) -> list[FileLocation]:
    return [place for place in places[:MOST_COMPARED] if place.zipped == zipped]


def _one(found: list[FileLocation], names: Sequence[str]) -> Match | list[FileLocation]:
    """The only one; of several the one whose capitals are those of the table."""
    best = found
    if 1 < len(found) <= MOST_KEPT_APART:
        written = [path_of(place.name).as_posix() for place in found]
        exact = [place for place, path in zip(found, written, strict=True) if path.endswith(tuple(names))]
        best = exact if len(exact) == 1 else found
    return Match(best[0]) if len(best) == 1 else best


@lru_cache(4096)
def _key(name: str) -> str:
    path = path_of(name).as_posix() if UNTIDY.search(name) else name
    return path.lower() if path.isascii() else unicodedata.normalize("NFC", path).casefold()


def _stem(key: str) -> str:
    return PICTURE_ENDING.sub("", key)


def _ends(path: str) -> Iterator[str]:
    """A path, and what is left of it without its first folders."""
    parts = path.split("/")
    yield path
    for first in range(max(1, len(parts) - DEEPEST), len(parts)):
        yield "/".join(parts[first:])


def _variants(base: str) -> set[str]:
    """A name and what uploaders make of it, with and without its ending."""
    names = {base} if UNCHANGED.fullmatch(base) else {base, *renamed(base)}
    return {name for name in (names | {_stem(name) for name in names}) if name}


def _fits(path: str, name: str) -> bool:
    """Whether one folder is the end of the other; none at all may be any."""
    return not path or not name or f"/{path}".endswith(f"/{name}") or f"/{name}".endswith(f"/{path}")
