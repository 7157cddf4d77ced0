"""Which column of a table, or which name of a JSON object, says what: the file, its class, its side of the split."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

FILE = (
    *("filename", "file_name", "file name", "file", "image", "path", "filepath", "file_path", "image_path"),
    *("image_name", "image_file", "imagename", "image_filename", "img", "img_name", "img_path", "image_id"),
    *("photo", "picture", "url", "image_url", "img_url", "uri", "id_code", "isic_id", "id"),
)
"""Names of the column with the file, the likeliest first; capitals do not count, here and below."""
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
"""Names of the column with the class, the likeliest first."""
SPLIT = ("split", "subset")
SHA256 = ("sha256",)
KNOWN = {"file": FILE, "label": LABEL, "split": SPLIT, "sha256": SHA256}
BEFORE_CONTROLS = "id"
AFTER_CONTROLS = ("annotator", "annotation_id", "completed_by", "created_at", "updated_at", "lead_time")
"""What Label Studio's JSON_MIN and CSV write around the answers, each of which stands under its control's own name."""
MARKS = ({"annotator", "annotation_id"}, {"annotation_id", "lead_time"}, {"annotator", "lead_time"})
OTHER_KEYS = ("agreement", "predictions", "total_annotations", "cancelled_annotations", "project", "inner_id")
PICTURE_ENDING = re.compile(
    r"\.(jpe?g|jpe|jfif|png|apng|webp|bmp|dib|gif|tiff?|hei[cf]|avif|mpo)$", re.IGNORECASE
)


def plain(name: str) -> str:
    """A column's name without blanks, quotes and capitals."""
    return name.strip().strip('"').strip().casefold()


def columns(names: Sequence[str]) -> dict[str, int]:
    """Where the columns for ``file``, ``label``, ``split`` and ``sha256`` are, as far as they are there."""
    tidied = [plain(name) for name in names]
    places = {
        key: next((tidied.index(spelling) for spelling in spellings if spelling in tidied), None)
        for key, spellings in KNOWN.items()
    }
    return {key: place for key, place in places.items() if place is not None}


def controls(names: Sequence[str]) -> list[str]:
    """The names of a Label Studio project's controls among those of a row of JSON_MIN or CSV, which has no fixed name for them.

    Label Studio writes the data of the task, then ``id``, then an answer under the name of each control, then
    ``annotator`` and the like. Where the order was changed, every name that is not known counts.

    Returns:
        The names in their order; none where the row is not one of Label Studio.
    """
    tidied = [plain(name) for name in names]
    ends = [tidied.index(mark) for mark in AFTER_CONTROLS if mark in tidied]
    if not any(marks <= set(tidied) for marks in MARKS):
        return []
    begin = tidied.index(BEFORE_CONTROLS) if BEFORE_CONTROLS in tidied else len(names)
    if begin < min(ends):
        return list(names[begin + 1 : min(ends)])
    known = {*FILE, *SPLIT, *SHA256, *AFTER_CONTROLS, *OTHER_KEYS}
    return [name for name, tidy in zip(names, tidied, strict=True) if tidy not in known]


def ends_like_a_picture(written: str) -> bool:
    """Whether a path or address ends like the name of a picture."""
    path = written.rpartition("?d=")[2]
    return PICTURE_ENDING.search(re.split(r"[?#]", path, maxsplit=1)[0].strip()) is not None


def file_in(data: Mapping[str, object], numbers: bool) -> str:
    """Of the texts of a JSON object the one that is the file.

    That is the one that ends like a picture, under a usual name where there are several, else the one under a usual name.

    Args:
        data: The object.
        numbers: Whether a whole number under a usual name counts as well, as the ``id`` of a picture does.
    """
    texts = {plain(key): value.strip() for key, value in data.items() if isinstance(value, str)}
    ids = {plain(key): str(value) for key, value in data.items() if numbers and type(value) is int}
    pictures = {key: value for key, value in texts.items() if ends_like_a_picture(value)}
    for candidates in (pictures, texts, ids):
        if named := next((candidates[name] for name in FILE if candidates.get(name)), ""):
            return named
        if candidates is pictures and len(pictures) == 1:
            return next(iter(pictures.values()))
    likely = [value for value in texts.values() if re.search(r"\.\w{1,5}$", value)]
    return likely[0] if len(likely) == 1 else ""
