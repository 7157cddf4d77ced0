"""Finding a file by what a table calls it."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from workbench.archives import path_of

LOOSE = -1


@dataclass(frozen=True)
class Place:
    """Where a file is: the number of its zip (``LOOSE`` where it is in none), that of its upload, and its name there."""

    zipped: int
    upload: int
    name: str


@dataclass(frozen=True)
class Found:
    """The one file that a name stands for."""

    place: Place


@dataclass(frozen=True)
class Places:
    """All files of an import, by path and by file name, whatever the case."""

    _paths: dict[tuple[int, str], list[Place]] = field(default_factory=lambda: defaultdict(list))
    _bases: dict[str, list[Place]] = field(default_factory=lambda: defaultdict(list))

    def __len__(self) -> int:
        return sum(map(len, self._paths.values()))

    def add(self, places: Iterable[Place]) -> None:
        """Know more files."""
        for place in places:
            key = _key(place.name)
            self._paths[place.zipped, key].append(place)
            self._bases[key.rsplit("/", 1)[-1]].append(place)

    def find(self, names: Sequence[str], table: Place) -> Found | list[Place]:
        """The file that a table names.

        Looked for beside the table, then from the top of its zip, then among all files; a name without its folders, or
        with more of them, counts where only one file can be meant.

        Args:
            names: What the file may be called, the likeliest first.
            table: Where the table is.

        Returns:
            The file, else all that could be meant, which may be none.
        """
        folder = _key(table.name).rpartition("/")[0]
        for name in names:
            key = _key(name)
            beside = f"{folder}/{key}" if folder else key
            tries = [self._paths.get((table.zipped, each), []) for each in (beside, key)]
            base = self._bases.get(key.rsplit("/", 1)[-1], [])
            fitting = [each for each in base if _fits(_key(each.name), key)]
            tries += [[each for each in fitting if each.zipped == table.zipped], fitting]
            for found in filter(None, tries):
                exact = [each for each in found if path_of(each.name).as_posix().endswith(name)]
                best = exact if len(exact) == 1 else found
                # A zip may have two entries of one name; nothing tells them apart.
                return Found(best[0]) if len(set(best)) == 1 else best
        return []


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", path_of(name).as_posix()).casefold()


def _fits(path: str, name: str) -> bool:
    """Whether one is the end of the other."""
    return f"/{path}".endswith(f"/{name}") or f"/{name}".endswith(f"/{path}")
