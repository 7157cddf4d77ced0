"""What the folders of other people's data sets say."""

import pytest

from workbench.importing.folder_layout import layout

Sides = dict[str, tuple[str, str]]


def class_and_side(names: Sides, tabled: bool = False) -> Sides:
    """The class and the side of each file."""
    shape = layout(names, tabled)
    return {name: (shape.label(name), shape.split(name)) for name in names}


CASES: dict[str, Sides] = {
    "class folders": {"Full/a.jpg": ("Full", ""), "Half/b.jpg": ("Half", ""), "c.jpg": ("", "")},
    "one class": {"Full/a.jpg": ("Full", "")},
    "below a folder of the data set": {"set/Full/a.jpg": ("Full", ""), "set/Half/b.jpg": ("Half", "")},
    "one class below a folder of the data set": {"set/Full/a.jpg": ("Full", ""), "set/b.jpg": ("set", "")},
    "a class within a folder of its name": {"Half/Half/a.jpg": ("Half", ""), "Full/b.jpg": ("Full", "")},
    "a folder of pictures in each class": {
        "Full/images/a.jpg": ("Full", ""),
        "Half/Images/b.jpg": ("Half", ""),
        "cover.jpg": ("", ""),
    },
    "any word in each class": {"Full/x/a.jpg": ("Full", ""), "Half/x/b.jpg": ("Half", "")},
    "several levels": {
        "set/Full/img/raw/a.jpg": ("Full", ""),
        "set/Half/img/raw/b.jpg": ("Half", ""),
    },
    "beside pictures of the class": {
        "Full/a.jpg": ("Full", ""),
        "Full/thumbs/a.jpg": ("Full", ""),
        "Half/b.jpg": ("Half", ""),
        "Half/thumbs/b.jpg": ("Half", ""),
    },
    "one class with a folder of pictures": {"Full/images/a.jpg": ("Full", "")},
    "a folder of pictures alone": {"images/a.jpg": ("images", ""), "images/b.jpg": ("images", "")},
    "a class that is called images": {"images/a.jpg": ("images", ""), "Full/b.jpg": ("Full", "")},
    "labels beside the pictures": {
        "Full/images/a.jpg": ("Full", ""),
        "Full/labels/a.txt": ("labels", ""),
        "Half/images/b.jpg": ("Half", ""),
        "Half/labels/b.txt": ("labels", ""),
    },
    "folders that differ": {
        "Full/day/a.jpg": ("day", ""),
        "Full/night/b.jpg": ("night", ""),
        "Half/day/c.jpg": ("day", ""),
        "Half/night/d.jpg": ("night", ""),
    },
    "a folder of pictures in some classes": {
        "set/n01/images/a.jpg": ("n01", ""),
        "set/n02/images/b.jpg": ("n02", ""),
        "set/n03/c.jpg": ("n03", ""),
    },
    "pictures here and masks there": {
        "Full/images/a.png": ("images", ""),
        "Full/masks/a.png": ("masks", ""),
        "Half/images/b.png": ("images", ""),
        "Half/masks/b.png": ("masks", ""),
    },
    "a folder in some classes": {"Full/x/a.jpg": ("x", ""), "Half/b.jpg": ("Half", "")},
    "sides": {"train/Full/a.jpg": ("Full", "train"), "val/Full/b.jpg": ("Full", "validation")},
    "pictures of no class on a side": {
        "train/Full/a.jpg": ("Full", "train"),
        "valid/b.jpg": ("", "validation"),
    },
    "sides above folders of pictures": {
        "set/train/n01/images/a.JPEG": ("n01", "train"),
        "set/train/n02/images/b.JPEG": ("n02", "train"),
        "set/val/images/c.JPEG": ("", "validation"),
        "set/val/val_annotations.txt": ("", "validation"),
        "set/wnids.txt": ("set", ""),
    },
    "one class on each side": {
        "train/n01/images/a.JPEG": ("n01", "train"),
        "val/n01/images/b.JPEG": ("n01", "validation"),
    },
    "sides without classes": {
        "train/images/a.jpg": ("", "train"),
        "train/labels/a.txt": ("labels", "train"),
        "valid/images/b.jpg": ("", "validation"),
    },
    "sides within classes": {
        "Full/train/a.jpg": ("Full", "train"),
        "Full/val/b.jpg": ("Full", "validation"),
        "Half/train/c.jpg": ("Half", "train"),
        "Half/val/d.jpg": ("Half", "validation"),
    },
    "sides within classes, with folders of pictures": {
        "set/Full/train/images/a.jpg": ("Full", "train"),
        "set/Full/val/images/b.jpg": ("Full", "validation"),
        "set/Half/train/images/c.jpg": ("Half", "train"),
    },
    "sides within folders of pictures": {
        "Full/images/train/a.jpg": ("Full", "train"),
        "Half/images/val/b.jpg": ("Half", "validation"),
    },
    "words of sides that are classes": {"train/a.jpg": ("train", ""), "ship/b.jpg": ("ship", "")},
    "words of sides below a data set": {"set/train/a.jpg": ("train", ""), "set/val/b.jpg": ("val", "")},
}


@pytest.mark.parametrize("names", CASES.values(), ids=CASES.keys())
def test_folders_name_classes_and_sides(names: Sides) -> None:
    assert class_and_side(names) == names


def test_the_order_and_the_case_of_folders_do_not_matter() -> None:
    for names in CASES.values():
        upper = {name.upper(): (label.upper(), side) for name, (label, side) in names.items()}
        assert class_and_side(dict(reversed(upper.items()))) == upper


def test_where_a_table_names_the_files_folders_name_no_class() -> None:
    names = {"train/a.jpg": ("", "train"), "val/b.jpg": ("", "validation"), "Full/c.jpg": ("", "")}
    assert class_and_side(names, tabled=True) == names


def test_a_data_set_of_many_classes_is_looked_through_at_once() -> None:
    names = {f"set/train/n{number:04}/images/a.jpg": (f"n{number:04}", "train") for number in range(5_000)}
    assert class_and_side(names) == names
    plain = {f"n{number:04}/a.jpg": (f"n{number:04}", "") for number in range(5_000)}
    assert class_and_side(plain) == plain
