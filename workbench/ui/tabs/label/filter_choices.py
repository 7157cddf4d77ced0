"""The choices of the filter and sort fields of the Label tab."""

from __future__ import annotations

from storage.records import FLAGS, Filter
from workbench.services import Services

SHOW = (
    ("All pictures", ""),
    ("Left to label", "unlabelled"),
    ("Labelled", "labelled"),
    ("In the training split", "train"),
    ("In the validation split", "validation"),
    ("In the test split", "test"),
    ("Synthetic", "synthetic"),
    ("Not reviewed", "unreviewed"),
    ("Agreed", "agreed"),
    ("Disagreed", "disagreed"),
    ("Suspicious labels", "suspicious"),
    *((f"Quality: {flag}", f"flag:{flag}") for flag in FLAGS),
    ("In the bin", "bin"),
)
ORDER = [
    ("Newest first", "newest"),
    ("Oldest first", "oldest"),
    ("By name", "name"),
    ("Blurred first", "blurred"),
    ("Dark first", "dark"),
    ("Bright first", "bright"),
    ("Most useful to label next", "next"),
    ("Least sure suggestion first", "unsure"),
    ("Most suspicious first", "suspicious"),
]
ANY_CLASS = ("Any class", "")
ANY_TAG = ("Any tag", "")


def show_value(filter_: Filter) -> str:
    """The value of the "Show" field for a filter."""
    return f"flag:{filter_.flag}" if filter_.flag else filter_.status


def filter_fields(value: str) -> dict[str, str]:
    """The filter fields for a value of the "Show" field."""
    flag = value.removeprefix("flag:") if value.startswith("flag:") else ""
    return {"status": "" if flag else value, "flag": flag}


def show_choices(services: Services) -> list[tuple[str, str]]:
    """The choices of the "Show" field with their counts of pictures."""
    count = services.stores.pages.count
    return [(f"{text} · {count(Filter(**filter_fields(value))):,}", value) for text, value in SHOW]
