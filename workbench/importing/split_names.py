"""Folders whose names say a side of the split."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from workbench.importing.label_tables import SPLITS

# As in Hugging Face's datasets: the word may stand between digits and separators, as in train2017 or my-test_images.
WORD = re.compile(
    rf"(.*[-._ 0-9])?({'|'.join(sorted(SPLITS, key=len, reverse=True))})([-._ 0-9].*)?", re.IGNORECASE
)
BETWEEN = re.compile("[-._ 0-9]+")
PLAIN = {"train", "training", "validation", "valid", "val"}
"""Words whose side needs no telling."""
TOLD = {
    "train": "This folder was read as training.",
    "validation": "This folder was read as validation: it chooses epochs. Only a folder called test is kept out of that.",
    "test": "This folder was read as the test: it is kept out of training and of choosing.",
}
Folders = tuple[str, ...]


def sides_of(every: Iterable[Folders]) -> dict[Folders, str]:
    """The side that each folder would name, of those whose name says one.

    A name such as ``train2017`` or ``my_train_images`` does so only where all folders beside it are called alike but for the word
    and for digits, and do not all name one side: ``train_station`` and ``test_bench`` are classes.
    """
    inside: dict[Folders, set[str]] = defaultdict(set)
    for folders in every:
        for end, folder in enumerate(folders):
            inside[folders[:end]].add(folder)
    return {
        (*parent, folder): side
        for parent, beside in inside.items()
        for folder, side in _beside(beside).items()
    }


def _beside(folders: Collection[str]) -> dict[str, str]:
    matches = {folder: WORD.fullmatch(folder) for folder in folders}
    read = {folder: SPLITS[match[2].casefold()] for folder, match in matches.items() if match}
    rests = {
        BETWEEN.sub(" ", f"{match[1] or ''} {match[3] or ''}").casefold().strip()
        for match in matches.values()
        if match
    }
    if len(read) == len(folders) and len(set(read.values())) > 1 and len(rests) == 1:
        return read
    return {folder: SPLITS[folder.casefold()] for folder in folders if folder.casefold() in SPLITS}


def told(sides: Mapping[Folders, str]) -> tuple[tuple[str, str], ...]:
    """Of the folders that name a side, those whose side has to be told, each with a sentence."""
    return tuple(
        ("/".join(folders), TOLD[side])
        for folders, side in sorted(sides.items())
        if folders[-1].casefold() not in PLAIN
    )
