"""What folders say: the class of a picture, and its side of the split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from posixpath import splitext

from workbench.core.file_names import KNOWN
from workbench.importing.split_names import Folders, sides_of, told

CONTAINERS = frozenset(
    ("images", "image", "imgs", "img", "pictures", "pics", "photos", "jpegimages", "jpg", "jpeg", "png")
)
"""Folders that hold pictures and name no class where another folder can, in lower case."""


@dataclass(frozen=True)
class FolderMeaning:
    """What the folders of a picture say; empty where they say nothing."""

    label: str = ""
    split: str = ""


@dataclass(frozen=True)
class FolderLayout:
    """The folders of one zip, or of one folder on the server.

    Attributes:
        tabled: Whether a table names its files, so that its folders name no class.
        meanings: What each folder says.
        notes: Folders whose side has to be told, each with a sentence.
    """

    tabled: bool
    meanings: Mapping[Folders, FolderMeaning] = field(default_factory=dict)
    notes: tuple[tuple[str, str], ...] = ()

    def split(self, name: str) -> str:
        """The side that a file's folders name, empty where they name none."""
        return self._meaning(name).split

    def label(self, name: str) -> str:
        """The class that a file's folders name, empty where they name none."""
        return "" if self.tabled else self._meaning(name).label

    def _meaning(self, name: str) -> FolderMeaning:
        return self.meanings.get(_folders(name), FolderMeaning())


@dataclass(frozen=True)
class _Parts:
    """The folders of a picture: above the one that names a side of the split, that side, and below it.

    Where none names a side, all are below.
    """

    above: Folders
    side: str
    below: Folders


def layout(names: Iterable[str], tabled: bool, beside_table: bool = False) -> FolderLayout:
    """How files lie.

    A folder such as ``train`` or ``validation`` names a side of the split where a table names the files, where it or one
    beside it has folders of its own, or where such folders lie in every class; otherwise it is a class like any other. What
    names a side is told by :func:`workbench.importing.split_names.sides_of`.

    The class is named by the last folder. A folder that is the same in every class names none, so that in
    ``n01/images/a.jpg`` and ``n02/images/b.jpg`` the one above does. Where folders of classes differ, as in ``Full/day``,
    ``Full/night`` and ``Half/day``, either could be meant: the last one counts, as it does elsewhere.

    Args:
        names: Of the files, with their folders.
        tabled: Whether a table names any of them.
        beside_table: Whether there is a table, also one that cannot be read: tables lie in folders such as ``train``.
    """
    every: dict[Folders, bool] = {}
    for name in names:
        folders = _folders(name)
        every[folders] = every.get(folders, False) or _is_picture(name)
    pictured = {folders for folders, has_pictures in every.items() if has_pictures} or set(every)
    sides = _sides(every, pictured, tabled or beside_table)
    parts = {folders: _parted(folders, sides) for folders in every}
    sided = [parts[folders] for folders in pictured if parts[folders].side]
    below = _same({parts[folders].below for folders in pictured}, bool(sided))
    above = _same({each.above for each in sided}, False)
    classes = {_folded(each.above) for each in sided}
    # Sides within classes, rather than classes within sides.
    inside = len(classes - {()}) > 1 and not any(_without(each.below, below) for each in sided)

    def meaning(each: _Parts) -> FolderMeaning:
        named = _without(each.below, below) or (_without(each.above, above) if inside else ())
        return FolderMeaning(named[-1] if named else "", each.side)

    return FolderLayout(tabled, {folders: meaning(each) for folders, each in parts.items()}, told(sides))


def _folders(name: str) -> Folders:
    parts = name.replace("\\", "/").split("/")[:-1]
    return tuple(part for part in parts if part not in {"", "."})


def _is_picture(name: str) -> bool:
    return splitext(name)[1].lower() in KNOWN


def _sides(every: Collection[Folders], pictured: set[Folders], tabled: bool) -> dict[Folders, str]:
    """The folders that name a side of the split rather than a class, and which."""
    sides = sides_of(every)
    deep = {
        folders[: end - 1] for folders in every for end in range(1, len(folders)) if folders[:end] in sides
    }
    last = pictured & sides.keys()
    in_classes = {folders[:-1] for folders in last}
    everywhere = len(in_classes - {()}) > 1 and pictured - last <= in_classes | {()}
    return {
        each: side
        for each, side in sides.items()
        if tabled or each[:-1] in deep or (everywhere and each in last)
    }


def _parted(folders: Folders, sides: Mapping[Folders, str]) -> _Parts:
    ends = range(1, len(folders) + 1)
    end = next((end for end in ends if folders[:end] in sides), 0)
    return _Parts(folders[: end - 1], sides[folders[:end]], folders[end:]) if end else _Parts((), "", folders)


def _same(paths: Iterable[Folders], sided: bool) -> list[str]:
    """The last folders that are the same in every class, the lowest first, in lower case.

    Args:
        paths: Folders of pictures.
        sided: Whether they lie below sides of the split.
    """
    left = {_folded(path) for path in paths} - {()}
    same: list[str] = []
    while (name := _same_last(left, sided)) is not None:
        same.append(name)
        left = {_without(path, [name]) for path in left} - {()}
    return same


def _same_last(paths: set[Folders], sided: bool) -> str | None:
    """The last folder that is the same in every class, None where there is none.

    One class alone cannot show which of its folders is the same in others. A usual word for a folder of pictures counts there
    too, and where some classes have it and others have no folders.
    """
    often = Counter(path[-1] for path in paths)
    # What every class has ends at least half of the paths.
    for name in [*dict(often.most_common(2)), *(CONTAINERS & set(often))]:
        ends = {path for path in paths if path[-1] == name}
        parents, others = {path[:-1] for path in ends}, paths - ends
        if others <= parents and len(parents) > 1 and () not in parents:
            return name
        as_deep = set(map(len, others)) <= set(map(len, parents))
        if name in CONTAINERS and as_deep and (sided or parents != {()}):
            return name
    return None


def _folded(folders: Folders) -> Folders:
    return tuple(map(str.casefold, folders))


def _without(folders: Folders, same: Iterable[str]) -> Folders:
    """Folders without those at their end that name no class."""
    for name in same:
        if folders and folders[-1].casefold() == name:
            folders = folders[:-1]
    return folders
