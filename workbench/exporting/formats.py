"""The formats of exports: where each picture lies, and the table that says what it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from urllib.parse import quote

from storage.catalogue.export_rows import ExportRow
from storage.records import TRAIN
from workbench.core.csv_cells import csv_text
from workbench.core.file_names import folders, named

Placed = Sequence[tuple[str, ExportRow]]
"""Pictures with where they lie."""
IMAGES = "images"


@dataclass(frozen=True)
class ExportFormat:
    """A way to write pictures down.

    Attributes:
        words: What it is, for people.
        folder: The folder of a picture, empty for none.
        tables: The text of each table by its name, given where pictures lie.
        pictures: Whether the pictures themselves are written.
    """

    words: str
    folder: Callable[[ExportRow], str]
    tables: Callable[[Placed], Mapping[str, str]]
    pictures: bool = True


def placed(pictures: Sequence[ExportRow], kind: ExportFormat) -> list[tuple[str, ExportRow]]:
    """Where each picture lies, in their order."""
    members: dict[str, list[ExportRow]] = {}
    for picture in pictures:
        members.setdefault(kind.folder(picture), []).append(picture)
    safe = folders(members)
    names = {
        each.sha256: f"{safe[folder]}/{name}" if folder else name
        for folder, inside in members.items()
        for name, each in zip(named(inside), inside, strict=True)
    }
    return [(names[picture.sha256], picture) for picture in pictures]


def renamed(pictures: Iterable[ExportRow], kind: ExportFormat) -> dict[str, str]:
    """The folders that cannot have the name that they should have, each with the one that it has."""
    safe = folders({kind.folder(picture) for picture in pictures} - {""})
    return {name: folder for name, folder in safe.items() if name != folder}


def _csv(files: Placed) -> Mapping[str, str]:
    heading = ("filename", "label", "split", "sha256", "width", "height")
    rows = ((path, each.label, each.split, each.sha256, each.width, each.height) for path, each in files)
    return {"labels.csv": csv_text(chain([heading], rows))}


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
                "image": f"/data/local-files/?d={quote(path)}",
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
    "folders": ExportFormat("A zip with a folder for each class", lambda each: each.label, lambda files: {}),
    "csv": ExportFormat("CSV, without the pictures", lambda each: "", _csv, pictures=False),
    "csv-zip": ExportFormat("A zip with pictures and a CSV", lambda each: IMAGES, _csv),
    "huggingface": ExportFormat(
        "A Hugging Face image folder, zipped", lambda each: each.split or TRAIN, _metadata
    ),
    "label-studio": ExportFormat("A zip with pictures and Label Studio's tasks", lambda each: IMAGES, _tasks),
}
