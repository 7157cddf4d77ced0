"""Infers class and split of each picture from its folders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from posixpath import splitext

from workbench.core.file_names import KNOWN
from workbench.importing.split_names import Folders, split_notes, splits_of_folders

CONTAINERS = frozenset(
    ("images", "image", "imgs", "img", "pictures", "pics", "photos", "jpegimages", "jpg", "jpeg", "png")
)
"""Generic folder names, in lower case, that are not classes if another folder can be."""


@dataclass(frozen=True)
class FolderMeaning:
    """Class and split that the folders of a picture imply; empty if they imply none."""

    label: str = ""
    split: str = ""


@dataclass(frozen=True)
class FolderLayout:
    """The folders of one zip, or of one folder on the server.

    Attributes:
        tabled: Whether a table labels its files, so that its folders name no class.
        meanings: Class and split of each folder path.
        notes: Folders whose split is to be reported, each with a message.
    """

    tabled: bool
    meanings: Mapping[Folders, FolderMeaning] = field(default_factory=dict)
    notes: tuple[tuple[str, str], ...] = ()

    def split(self, name: str) -> str:
        """The split that a file's folders name; empty if they name none."""
        return self._meaning(name).split

    def label(self, name: str) -> str:
        """The class that a file's folders name; empty if they name none."""
        return "" if self.tabled else self._meaning(name).label

    def _meaning(self, name: str) -> FolderMeaning:
        return self.meanings.get(_folders_of(name), FolderMeaning())


@dataclass(frozen=True)
class _SplitPath:
    """A folder path divided at the folder that names a split: the part above it, the split, and the part below it.

    If no folder names a split, the whole path is ``below``.
    """

    above: Folders
    side: str
    below: Folders


def layout(names: Iterable[str], tabled: bool, beside_table: bool = False) -> FolderLayout:
    """Infer class and split of files from their folders.

    A folder such as ``train`` or ``validation`` names a split if a table labels the files, if it or a sibling has
    subfolders, or if every class has such folders; otherwise it is a class. The names of splits are defined by
    :func:`workbench.importing.split_names.splits_of_folders`.

    The class is the last folder. A folder that all classes have in common is skipped, so that in ``n01/images/a.jpg``
    and ``n02/images/b.jpg`` the parent is the class. If the last folders differ, as in ``Full/day``, ``Full/night`` and
    ``Half/day``, the last one is the class.

    Args:
        names: File names with their folders.
        tabled: Whether a table labels any of them.
        beside_table: Whether there is a table, even an unreadable one; its presence makes ``train`` folders splits.
    """
    has_pictures_by_folders: dict[Folders, bool] = {}
    for name in names:
        folder_path = _folders_of(name)
        has_pictures_by_folders[folder_path] = has_pictures_by_folders.get(folder_path, False) or _is_picture(
            name
        )
    picture_folders = {
        folder_path for folder_path, has_pictures in has_pictures_by_folders.items() if has_pictures
    } or set(has_pictures_by_folders)
    split_folders = _split_folders(has_pictures_by_folders, picture_folders, tabled or beside_table)
    divided = {
        folder_path: _divide_at_split(folder_path, split_folders) for folder_path in has_pictures_by_folders
    }
    split_paths = [divided[folder_path] for folder_path in picture_folders if divided[folder_path].side]
    common_below = _common_folders(
        {divided[folder_path].below for folder_path in picture_folders}, bool(split_paths)
    )
    common_above = _common_folders({divided_path.above for divided_path in split_paths}, False)
    class_parents = {_casefolded(divided_path.above) for divided_path in split_paths}
    # Layout class/split instead of split/class.
    splits_inside_classes = len(class_parents - {()}) > 1 and not any(
        _without_suffix(divided_path.below, common_below) for divided_path in split_paths
    )

    def meaning(divided_path: _SplitPath) -> FolderMeaning:
        class_folders = _without_suffix(divided_path.below, common_below) or (
            _without_suffix(divided_path.above, common_above) if splits_inside_classes else ()
        )
        return FolderMeaning(class_folders[-1] if class_folders else "", divided_path.side)

    return FolderLayout(
        tabled,
        {folder_path: meaning(divided_path) for folder_path, divided_path in divided.items()},
        split_notes(split_folders),
    )


def _folders_of(name: str) -> Folders:
    parts = name.replace("\\", "/").split("/")[:-1]
    return tuple(part for part in parts if part not in {"", "."})


def _is_picture(name: str) -> bool:
    return splitext(name)[1].lower() in KNOWN


def _split_folders(
    all_folders: Collection[Folders], picture_folders: set[Folders], tabled: bool
) -> dict[Folders, str]:
    """The folder paths that name a split instead of a class, with the split of each."""
    splits = splits_of_folders(all_folders)
    parents_of_deep_splits = {
        folders[: end - 1]
        for folders in all_folders
        for end in range(1, len(folders))
        if folders[:end] in splits
    }
    leaf_splits = picture_folders & splits.keys()
    class_folders = {folders[:-1] for folders in leaf_splits}
    in_every_class = len(class_folders - {()}) > 1 and picture_folders - leaf_splits <= class_folders | {()}
    return {
        folder_path: split_name
        for folder_path, split_name in splits.items()
        if tabled
        or folder_path[:-1] in parents_of_deep_splits
        or (in_every_class and folder_path in leaf_splits)
    }


def _divide_at_split(folders: Folders, splits: Mapping[Folders, str]) -> _SplitPath:
    ends = range(1, len(folders) + 1)
    end = next((end for end in ends if folders[:end] in splits), 0)
    return (
        _SplitPath(folders[: end - 1], splits[folders[:end]], folders[end:])
        if end
        else _SplitPath((), "", folders)
    )


def _common_folders(paths: Iterable[Folders], below_split: bool) -> list[str]:
    """The trailing folder names that all classes have in common, deepest first, case-folded.

    Args:
        paths: Folder paths of pictures.
        below_split: Whether they lie below folders that name splits.
    """
    remaining = {_casefolded(path) for path in paths} - {()}
    common: list[str] = []
    while (name := _common_last_folder(remaining, below_split)) is not None:
        common.append(name)
        remaining = {_without_suffix(path, [name]) for path in remaining} - {()}
    return common


def _common_last_folder(paths: set[Folders], below_split: bool) -> str | None:
    """The last folder name that all classes have in common; None if there is none.

    With a single class, or if some classes have no subfolder, only the generic names in ``CONTAINERS`` count.
    """
    counts = Counter(path[-1] for path in paths)
    # A folder that every class has is the last one of at least half of the paths.
    for name in [*dict(counts.most_common(2)), *(CONTAINERS & set(counts))]:
        paths_with_name = {path for path in paths if path[-1] == name}
        parents, others = {path[:-1] for path in paths_with_name}, paths - paths_with_name
        if others <= parents and len(parents) > 1 and () not in parents:
            return name
        no_deeper_paths = set(map(len, others)) <= set(map(len, parents))
        if name in CONTAINERS and no_deeper_paths and (below_split or parents != {()}):
            return name
    return None


def _casefolded(folders: Folders) -> Folders:
    return tuple(map(str.casefold, folders))


def _without_suffix(folders: Folders, suffix_names: Iterable[str]) -> Folders:
    """Strip the given names, deepest first, from the end of a folder path."""
    for name in suffix_names:
        if folders and folders[-1].casefold() == name:
            folders = folders[:-1]
    return folders
