"""Recognizes folder names that denote a split."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from workbench.importing.label_tables import SPLITS

# As in Hugging Face datasets: the word may be surrounded by digits and separators, as in train2017 or my-test_images.
WORD = re.compile(
    rf"(.*[-._ 0-9])?({'|'.join(sorted(SPLITS, key=len, reverse=True))})([-._ 0-9].*)?", re.IGNORECASE
)
BETWEEN = re.compile("[-._ 0-9]+")
PLAIN = {"train", "training", "validation", "valid", "val"}
"""Folder names whose split is obvious and not reported."""
TOLD = {
    "train": "This folder was read as training.",
    "validation": "This folder was read as validation: it chooses epochs. Only a folder called test is kept out of that.",
    "test": "This folder was read as the test: it is kept out of training and of choosing.",
}
Folders = tuple[str, ...]


def splits_of_folders(folder_paths: Iterable[Folders]) -> dict[Folders, str]:
    """The split of each folder path whose name denotes one.

    A name such as ``train2017`` or ``my_train_images`` counts only if all sibling folders differ just in the split word
    and in digits, and name more than one split: ``train_station`` and ``test_bench`` are classes.
    """
    children: dict[Folders, set[str]] = defaultdict(set)
    for folders in folder_paths:
        for depth, folder in enumerate(folders):
            children[folders[:depth]].add(folder)
    return {
        (*parent, folder): split
        for parent, siblings in children.items()
        for folder, split in _splits_of_siblings(siblings).items()
    }


def _splits_of_siblings(folders: Collection[str]) -> dict[str, str]:
    matches = {folder: WORD.fullmatch(folder) for folder in folders}
    split_by_folder = {folder: SPLITS[match[2].casefold()] for folder, match in matches.items() if match}
    remainders = {
        BETWEEN.sub(" ", f"{match[1] or ''} {match[3] or ''}").casefold().strip()
        for match in matches.values()
        if match
    }
    if (
        len(split_by_folder) == len(folders)
        and len(set(split_by_folder.values())) > 1
        and len(remainders) == 1
    ):
        return split_by_folder
    return {folder: SPLITS[folder.casefold()] for folder in folders if folder.casefold() in SPLITS}


def split_notes(split_by_folders: Mapping[Folders, str]) -> tuple[tuple[str, str], ...]:
    """The folders whose split is not obvious from their name, each with a message."""
    return tuple(
        ("/".join(folders), TOLD[split])
        for folders, split in sorted(split_by_folders.items())
        if folders[-1].casefold() not in PLAIN
    )
