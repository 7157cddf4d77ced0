"""Recognizes the columns of a table, or the keys of a JSON object, that hold file, label, split and hash."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

FILE = (
    *("filename", "file_name", "file name", "file", "image", "path", "filepath", "file_path", "image_path"),
    *("image_name", "image_file", "imagename", "image_filename", "img", "img_name", "img_path", "image_id"),
    *("photo", "picture", "url", "image_url", "img_url", "uri", "id_code", "isic_id", "id"),
)
"""Names of the file column, most likely first; all names are compared without case."""
LABEL = (
    *(
        "label",
        "class",
        "class_name",
        "category",
        "choice",
        "labels",
        "classes",
        "label_name",
        "category_name",
    ),
    *("level", "diagnosis", "dx", "target", "grade", "severity", "species", "breed", "variety", "condition"),
    *("class_label", "ground_truth", "groundtruth", "annotation", "tag", "class_id", "label_id", "y"),
)
"""Names of the label column, most likely first."""
SPLIT = ("split", "subset")
SHA256 = ("sha256",)
KNOWN = {"file": FILE, "label": LABEL, "split": SPLIT, "sha256": SHA256}
BEFORE_CONTROLS = "id"
AFTER_CONTROLS = ("annotator", "annotation_id", "completed_by", "created_at", "updated_at", "lead_time")
"""Columns of Label Studio's JSON_MIN and CSV exports after the annotations, which are named after their controls."""
MARKS = ({"annotator", "annotation_id"}, {"annotation_id", "lead_time"}, {"annotator", "lead_time"})
OTHER_KEYS = ("agreement", "predictions", "total_annotations", "cancelled_annotations", "project", "inner_id")
PICTURE_ENDING = re.compile(
    r"\.(jpe?g|jpe|jfif|png|apng|webp|bmp|dib|gif|tiff?|hei[cf]|avif|mpo)$", re.IGNORECASE
)


def normalize_column(name: str) -> str:
    """A column name without surrounding blanks and quotes, case-folded."""
    return name.strip().strip('"').strip().casefold()


def find_columns(names: Sequence[str]) -> dict[str, int]:
    """Indices of the columns ``file``, ``label``, ``split`` and ``sha256``; missing ones are left out."""
    normalized = [normalize_column(name) for name in names]
    indices = {
        key: next((normalized.index(alias) for alias in aliases if alias in normalized), None)
        for key, aliases in KNOWN.items()
    }
    return {key: index for key, index in indices.items() if index is not None}


def control_columns(names: Sequence[str]) -> list[str]:
    """The column names that are controls of a Label Studio project, in a JSON_MIN or CSV export.

    Label Studio writes the task data, then ``id``, then one column per control, then ``annotator`` and similar columns.
    If the order was changed, every unknown name counts as a control.

    Returns:
        The names in order; empty if the table is not a Label Studio export.
    """
    normalized = [normalize_column(name) for name in names]
    end_columns = [normalized.index(mark) for mark in AFTER_CONTROLS if mark in normalized]
    if not any(marks <= set(normalized) for marks in MARKS):
        return []
    id_column = normalized.index(BEFORE_CONTROLS) if BEFORE_CONTROLS in normalized else len(names)
    if id_column < min(end_columns):
        return list(names[id_column + 1 : min(end_columns)])
    known_names = {*FILE, *SPLIT, *SHA256, *AFTER_CONTROLS, *OTHER_KEYS}
    return [
        name
        for name, normalized_name in zip(names, normalized, strict=True)
        if normalized_name not in known_names
    ]


def ends_like_a_picture(written: str) -> bool:
    """Whether a path or URL has an image extension."""
    path = written.rpartition("?d=")[2]
    return PICTURE_ENDING.search(re.split(r"[?#]", path, maxsplit=1)[0].strip()) is not None


def find_file_name(data: Mapping[str, object], numbers: bool) -> str:
    """Find the file name among the values of a JSON object.

    Prefers the value with an image extension, or of several the one under a known key; then any value under a known key.

    Args:
        data: The object.
        numbers: Whether an integer under a known key, such as ``id``, counts as well.
    """
    texts = {normalize_column(key): value.strip() for key, value in data.items() if isinstance(value, str)}
    ids = {normalize_column(key): str(value) for key, value in data.items() if numbers and type(value) is int}
    pictures = {key: value for key, value in texts.items() if ends_like_a_picture(value)}
    for candidates in (pictures, texts, ids):
        if file_name := next((candidates[name] for name in FILE if candidates.get(name)), ""):
            return file_name
        if candidates is pictures and len(pictures) == 1:
            return next(iter(pictures.values()))
    with_extension = [value for value in texts.values() if re.search(r"\.\w{1,5}$", value)]
    return with_extension[0] if len(with_extension) == 1 else ""
