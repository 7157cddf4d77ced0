"""Small datasets that a net learns in seconds: the class is how high a dark bar stands."""

from pathlib import Path

import numpy as np

from workbench.training.dataset import Dataset, write_dataset


def bars(folder: Path, pictures: int = 24, classes: tuple[str, ...] = ("low", "high")) -> Dataset:
    random = np.random.default_rng(0)
    labels = [place % len(classes) for place in range(pictures)]
    items = [
        {
            "image_id": 100 + place,
            "sha256": f"{place:064x}",
            "label": label,
            "group": place,
            "split": _split(place),
        }
        for place, label in enumerate(labels)
    ]
    manifest = {"content_hash": "c" * 64, "fit": "letterbox", "classes": list(classes), "items": items}
    write_dataset(folder, (_bar(label, random) for label in labels), manifest)
    return Dataset.open(folder)


def _split(place: int) -> str:
    return "validation" if place % 3 == 0 else "train"


def _bar(label: int, random: np.random.Generator) -> np.ndarray:
    picture = random.integers(200, 256, (256, 256, 3), dtype=np.uint8)
    picture[200 - 120 * label :, 100:160] = 20
    return picture
