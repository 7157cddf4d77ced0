"""The formats of exports: where each picture lies, and the table that says what it is."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO

from storage.errors import DomainError
from storage.listings import Listed
from workbench.archives import DRIVE, is_noise
from workbench.file_names import named
from workbench.manifests import shielded

Placed = Sequence[tuple[str, Listed]]
"""Pictures with where they lie."""
IMAGES = "images/"
TRAIN, VALIDATION = "train", "validation"


@dataclass(frozen=True)
class Format:
    """A way to write pictures down.

    Attributes:
        words: What it is, for people.
        folder: The folder of a picture, empty for none.
        tables: The text of each table by its name, given where pictures lie.
        pictures: Whether the pictures themselves are written.
    """

    words: str
    folder: Callable[[Listed], str]
    tables: Callable[[Placed], Mapping[str, str]]
    pictures: bool = True


def placed(pictures: Sequence[Listed], kind: Format) -> list[tuple[str, Listed]]:
    """Where each picture lies, in their order.

    Raises:
        DomainError: A class has a name that cannot be a folder's.
    """
    folders: dict[str, list[Listed]] = {}
    for each in pictures:
        folders.setdefault(kind.folder(each), []).append(each)
    names = {
        each.sha256: f"{folder}{name}"
        for folder, members in folders.items()
        for name, each in zip(named(members), members, strict=True)
    }
    return [(names[each.sha256], each) for each in pictures]


def _class_folder(picture: Listed) -> str:
    name = picture.label
    if name in {".", ".."} or DRIVE.match(f"{name}/") or is_noise(f"{name}/a.jpg"):
        raise DomainError(
            f"The class “{name}” cannot be the name of a folder. Rename it, or choose another format."
        )
    return f"{name}/" if name else ""


def _csv(files: Placed) -> Mapping[str, str]:
    text = StringIO()
    table = csv.writer(text)
    table.writerow(["filename", "label", "split", "sha256", "width", "height"])
    for path, each in files:
        names = [shielded(path), shielded(each.label), each.split, each.sha256]
        table.writerow([*names, each.width, each.height])
    return {"labels.csv": text.getvalue()}


def _metadata(files: Placed) -> Mapping[str, str]:
    tables: dict[str, list[str]] = {}
    for path, each in files:
        folder, _, name = path.rpartition("/")
        row = {
            "file_name": name,
            "label": each.label or None,
            "split": each.split or None,
            "sha256": each.sha256,
        }
        tables.setdefault(f"{folder}/metadata.jsonl", []).append(json.dumps(row, ensure_ascii=False))
    return {name: _lines(lines) for name, lines in tables.items()}


def _tasks(files: Placed) -> Mapping[str, str]:
    tasks = [
        {
            "id": number,
            "data": {
                "image": f"/data/local-files/?d={path}",
                "split": each.split,
                "sha256": each.sha256,
            },
            "annotations": [_annotation(each.label)] if each.label else [],
            "predictions": [],
        }
        for number, (path, each) in enumerate(files, 1)
    ]
    return {"tasks.json": json.dumps(tasks, ensure_ascii=False, separators=(",", ":"))}


def _annotation(label: str) -> dict[str, object]:
    choice = {
        "type": "choices",
        "from_name": "choice",
        "to_name": "image",
        "value": {"choices": [label]},
    }
    return {"was_cancelled": False, "result": [choice]}


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


FORMATS = {
    "folders": Format("A zip with a folder for each class", _class_folder, lambda files: {}),
    "csv": Format("CSV, without the pictures", lambda each: "", _csv, pictures=False),
    "csv-zip": Format("A zip with pictures and a CSV", lambda each: IMAGES, _csv),
    "huggingface": Format(
        "A Hugging Face image folder, zipped", lambda each: f"{each.split or TRAIN}/", _metadata
    ),
    "label-studio": Format("A zip with pictures and Label Studio's tasks", lambda each: IMAGES, _tasks),
}
