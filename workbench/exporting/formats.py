"""Export formats: path of each picture, and label tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from urllib.parse import quote

from storage.catalogue.export_rows import ExportRow
from storage.records import TRAIN
from workbench.core.csv_cells import csv_text
from workbench.core.file_names import safe_folder_names, unique_file_names

PlacedPictures = Sequence[tuple[str, ExportRow]]
"""Pictures with their paths in the export."""
IMAGES = "images"


@dataclass(frozen=True)
class ExportFormat:
    """An export format.

    Attributes:
        words: Description for users.
        folder: Returns the folder of a picture; empty for none.
        tables: Returns the text of each label table by its file name.
        pictures: Whether the image files are written too.
    """

    words: str
    folder: Callable[[ExportRow], str]
    tables: Callable[[PlacedPictures], Mapping[str, str]]
    pictures: bool = True


def assign_paths(pictures: Sequence[ExportRow], kind: ExportFormat) -> list[tuple[str, ExportRow]]:
    """Assign a path to each picture, in order."""
    pictures_by_folder: dict[str, list[ExportRow]] = {}
    for picture in pictures:
        pictures_by_folder.setdefault(kind.folder(picture), []).append(picture)
    folder_names = safe_folder_names(pictures_by_folder)
    paths = {
        member.sha256: f"{folder_names[folder]}/{file_name}" if folder else file_name
        for folder, members in pictures_by_folder.items()
        for file_name, member in zip(unique_file_names(members), members, strict=True)
    }
    return [(paths[picture.sha256], picture) for picture in pictures]


def renamed(pictures: Iterable[ExportRow], kind: ExportFormat) -> dict[str, str]:
    """Folders whose class name is not a valid folder name, each with the replacement."""
    folder_names = safe_folder_names({kind.folder(picture) for picture in pictures} - {""})
    return {name: folder for name, folder in folder_names.items() if name != folder}


def _csv_table(files: PlacedPictures) -> Mapping[str, str]:
    heading = ("filename", "label", "split", "sha256", "width", "height")
    rows = (
        (path, picture.label, picture.split, picture.sha256, picture.width, picture.height)
        for path, picture in files
    )
    return {"labels.csv": csv_text(chain([heading], rows))}


def _metadata_jsonl(files: PlacedPictures) -> Mapping[str, str]:
    lines_by_table: dict[str, list[str]] = {}
    for path, picture in files:
        folder, _, name = path.rpartition("/")
        row = {
            "file_name": name,
            "label": picture.label or None,
            "split": picture.split or None,
            "sha256": picture.sha256,
        }
        lines_by_table.setdefault(f"{folder}/metadata.jsonl", []).append(json.dumps(row, ensure_ascii=False))
    return {name: _join_lines(table_lines) for name, table_lines in lines_by_table.items()}


def _label_studio_tasks(files: PlacedPictures) -> Mapping[str, str]:
    tasks = [
        {
            "id": number,
            "data": {
                "image": f"/data/local-files/?d={quote(path)}",
                "split": picture.split,
                "sha256": picture.sha256,
            },
            "annotations": [_annotation(picture.label)] if picture.label else [],
            "predictions": [],
        }
        for number, (path, picture) in enumerate(files, 1)
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


def _join_lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


FORMATS = {
    "folders": ExportFormat(
        "A zip with a folder for each class", lambda picture: picture.label, lambda files: {}
    ),
    "csv": ExportFormat("CSV, without the pictures", lambda picture: "", _csv_table, pictures=False),
    "csv-zip": ExportFormat("A zip with pictures and a CSV", lambda picture: IMAGES, _csv_table),
    "huggingface": ExportFormat(
        "A Hugging Face image folder, zipped", lambda picture: picture.split or TRAIN, _metadata_jsonl
    ),
    "label-studio": ExportFormat(
        "A zip with pictures and Label Studio's tasks", lambda picture: IMAGES, _label_studio_tasks
    ),
}
