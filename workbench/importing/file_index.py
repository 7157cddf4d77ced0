"""Index for looking up files by the names that label tables use for them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from typing import NamedTuple

from workbench.importing.table_columns import PICTURE_ENDING
from workbench.importing.upload_renames import UNCHANGED, names_before_upload, uploader_variants
from workbench.importing.uploads import path_of

LOOSE = -1
DEEPEST = 8
"""Trailing path components that are indexed, for tables that write only a part of the path."""
MOST_COMPARED = 100
"""Most files with the same name that one lookup compares; bounds the time of a lookup."""
MOST_KEPT_APART = 8
"""Most files with the same name that are disambiguated by case or by folder."""

UNTIDY = re.compile(r"\\|^\.?/|//|/\.?/|/\.?$")
"""Matches paths that need normalization: backslashes, ``./``, doubled or trailing slashes."""


class FileLocation(NamedTuple):
    """Location of a file: the number of its zip (``LOOSE`` if it is in none), the number of its upload, and its name there."""

    zipped: int
    upload: int
    name: str


class Match(NamedTuple):
    """The only file that matches a name; ``likely`` if it only matches after undoing an uploader's renaming."""

    place: FileLocation
    likely: bool = False


class FileIndex:
    """Case-insensitive index of the files of an import, or of the catalogue, by path and by path suffix.

    The time of a lookup depends neither on the number of files nor on the number of files with the same name.
    """

    def __init__(self) -> None:
        self._locations: dict[FileLocation, None] = {}

    def __len__(self) -> int:
        return len(self._locations)

    def add(self, locations: Iterable[FileLocation]) -> None:
        """Add files. All files must be added before the first call of :meth:`find`."""
        # A zip may have two entries of one name; nothing tells them apart.
        self._locations.update(dict.fromkeys(locations))

    def find(self, names: Sequence[str], table: FileLocation) -> Match | list[FileLocation]:
        """Look up the file that a table names.

        Searches the folder of the table, then the root of its zip, then all files. A name with fewer or more folders
        matches if it is unambiguous. After that, names without an image extension and names as changed by uploaders
        (see :mod:`workbench.importing.upload_renames`) are tried.

        Args:
            names: Candidate names of the file, most likely first.
            table: Location of the table.

        Returns:
            The match, or all candidates if it is ambiguous, or an empty list if there is none.
        """
        if not self._locations:
            return []
        keys = [_normalized_path(name) for name in names]
        folder = _normalized_path(table.name).rpartition("/")[0]
        lookups = [(self._by_path, key) for key in keys]
        lookups += [(self._by_stem, key) for key in keys if not PICTURE_ENDING.search(key)]
        for index, key in lookups:
            if matches := index.find(key, folder, table.zipped):
                return _single_match(matches, names)
        for key in keys:
            if matches := self._find_renamed(key):
                return Match(matches[0], likely=True) if len(matches) == 1 else matches
        return []

    def _find_renamed(self, key: str) -> list[FileLocation]:
        """Files whose name becomes this one through an uploader's renaming, or vice versa."""
        folder, _, base = key.rpartition("/")
        for spelling in names_before_upload(base):
            candidates = {
                location: None
                for name in _name_variants(spelling)
                for location in self._by_uploaded_name.get(name, ())
            }
            matches = [
                location
                for location in candidates
                if _folders_match(_normalized_path(location.name).rpartition("/")[0], folder)
            ]
            if matches:
                return matches
        return []

    @cached_property
    def _by_path(self) -> _Index:
        return _Index(self._locations, lambda key: key)

    @cached_property
    def _by_stem(self) -> _Index:
        return _Index(self._locations, _without_extension)

    @cached_property
    def _by_uploaded_name(self) -> dict[str, list[FileLocation]]:
        """Files by the names that uploaders give them; at most ``MOST_KEPT_APART`` for each name."""
        by_name: dict[str, list[FileLocation]] = {}
        for location in self._locations:
            for name in _name_variants(_normalized_path(location.name).rsplit("/", 1)[-1]):
                locations = by_name.setdefault(name, [])
                if len(locations) < MOST_KEPT_APART:
                    locations.append(location)
        return by_name


class _Index:
    """Files by a key that is derived from their path, and by the suffixes of that key.

    Args:
        locations: The files.
        make_key: Derives the key from a normalized, case-folded path.
    """

    def __init__(self, locations: Iterable[FileLocation], make_key: Callable[[str], str]) -> None:
        self._by_key: dict[str, list[FileLocation]] = {}
        for location in locations:
            self._by_key.setdefault(make_key(_normalized_path(location.name)), []).append(location)

    def find(self, key: str, folder: str, zipped: int) -> list[FileLocation]:
        """The first non-empty set of matches: in the table's folder, at the root of its zip, in its zip, or anywhere."""
        for path in (f"{folder}/{key}", key) if folder else (key,):
            if matches := _in_zip(zipped, self._by_key.get(path, [])):
                return matches
        matches = self._by_suffix.get(key, [])
        for suffix in _by_suffix(key):
            matches = matches or self._by_key.get(suffix, [])
        return _in_zip(zipped, matches) or matches

    @cached_property
    def _by_suffix(self) -> dict[str, list[FileLocation]]:
        by_suffix: dict[str, list[FileLocation]] = {}
        for key, locations in self._by_key.items():
            for suffix in _by_suffix(key):
                by_suffix.setdefault(suffix, []).extend(locations)
        return by_suffix


def _in_zip(zipped: int, locations: Sequence[FileLocation]) -> list[FileLocation]:
    return [location for location in locations[:MOST_COMPARED] if location.zipped == zipped]


def _single_match(matches: list[FileLocation], names: Sequence[str]) -> Match | list[FileLocation]:
    """The only match; of several, the one whose case is exactly that of the table."""
    remaining = matches
    if 1 < len(matches) <= MOST_KEPT_APART:
        paths = [path_of(location.name).as_posix() for location in matches]
        exact_matches = [
            location for location, path in zip(matches, paths, strict=True) if path.endswith(tuple(names))
        ]
        remaining = exact_matches if len(exact_matches) == 1 else matches
    return Match(remaining[0]) if len(remaining) == 1 else remaining


@lru_cache(4096)
def _normalized_path(name: str) -> str:
    path = path_of(name).as_posix() if UNTIDY.search(name) else name
    return path.lower() if path.isascii() else unicodedata.normalize("NFC", path).casefold()


def _without_extension(key: str) -> str:
    return PICTURE_ENDING.sub("", key)


def _by_suffix(path: str) -> Iterator[str]:
    """A path and its suffixes of at most ``DEEPEST`` components."""
    parts = path.split("/")
    yield path
    for start in range(max(1, len(parts) - DEEPEST), len(parts)):
        yield "/".join(parts[start:])


def _name_variants(base: str) -> set[str]:
    """A file name and its uploader-renamed variants, each with and without its extension."""
    names = {base} if UNCHANGED.fullmatch(base) else {base, *uploader_variants(base)}
    return {name for name in (names | {_without_extension(name) for name in names}) if name}


def _folders_match(path: str, name: str) -> bool:
    """Whether one folder path is a suffix of the other; an empty one matches any."""
    return not path or not name or f"/{path}".endswith(f"/{name}") or f"/{name}".endswith(f"/{path}")
