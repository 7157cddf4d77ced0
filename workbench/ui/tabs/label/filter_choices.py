"""The choices of the filter and sort fields of the Label tab."""

from __future__ import annotations

from storage.records import FLAGS, Filter
from workbench.services import Services
from workbench.ui.components.filter_address import fields_of_show_value

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


def show_choices(services: Services) -> list[tuple[str, str]]:
    """The choices of the "Show" field with their counts of pictures."""
    count = services.stores.pages.count
    return [(f"{text} · {count(Filter(**fields_of_show_value(value))):,}", value) for text, value in SHOW]
