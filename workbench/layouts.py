"""What folders say: the class of a picture, and its side of the split."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from workbench.archives import path_of
from workbench.manifests import SPLITS


@dataclass(frozen=True)
class Layout:
    """The folders of one zip, or of one folder on the server.

    Attributes:
        sides: Those that name a side of the split rather than a class.
        tabled: Whether a table names its files, so that its folders name no class.
    """

    sides: frozenset[tuple[str, ...]]
    tabled: bool

    def split(self, name: str) -> str:
        """The side that a file's folders name, empty where they name none."""
        side = self._side(path_of(name).parts[:-1])
        return SPLITS[side[-1].casefold()] if side else ""

    def label(self, name: str) -> str:
        """The class that a file's folder names, empty where it names none."""
        folders = path_of(name).parts[:-1]
        if self.tabled or not folders or folders == self._side(folders):
            return ""
        return folders[-1]

    def _side(self, folders: tuple[str, ...]) -> tuple[str, ...]:
        prefixes = (folders[: end + 1] for end in range(len(folders)))
        return next((each for each in prefixes if each in self.sides), ())


def layout(names: Iterable[str], tabled: bool) -> Layout:
    """How files lie.

    A folder such as ``train`` or ``validation`` names a side of the split where a table names the files, or where it or one
    beside it has folders of its own; otherwise it is a class like any other.

    Args:
        names: Of the files, with their folders.
        tabled: Whether a table names any of them.
    """
    sides, deep = set(), set()
    for folders in {path_of(name).parts[:-1] for name in names}:
        for end, folder in enumerate(folders, 1):
            if folder.casefold() in SPLITS:
                sides.add(folders[:end])
                if end < len(folders):
                    deep.add(folders[: end - 1])
    return Layout(frozenset(each for each in sides if tabled or each[:-1] in deep), tabled)
