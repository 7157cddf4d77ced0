"""A catalogue of any size, made of rows alone: no files lie behind its pictures."""

from __future__ import annotations

import hashlib
import json
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from storage.records import FLAGS
from workbench.core.settings import Settings
from workbench.stores import Stores, open_stores

CLASSES = 20
FLAGGED = dict(zip(FLAGS, (0.01, 0.08, 0.05, 0.04, 0.002, 0.01, 0.02, 0.05), strict=True))
TAGGED = {"half": 0.5, "some": 0.05, "rare": 0.0005}
COLUMNS = (
    *("id", "sha256", "filename", "name_key", "width", "height", "bytes", "format", "phash", "created_at"),
    *(
        "synthetic",
        "archived",
        "class_id",
        "split",
        "labelled_by",
        "review",
        "reviewed_by",
        "review_class_id",
    ),
    *("flags", "sharpness", "brightness", "contrast"),
)


def filled(folder: Path, pictures: int) -> Stores:
    """Stores with so many pictures, and a twentieth more in the bin.

    Three of five have one of 20 classes of very different sizes; splits, reviews, flags, tags, names, suggestions for
    all, suspicions and a queue are mixed at random, always the same way.
    """
    stores = open_stores(Settings(data=folder))
    chance = random.Random(1)
    classes = [stores.classes.add(f"Class {number}", "#0072B2", "ann").id for number in range(CLASSES)]
    rows = list(_pictures(chance, classes, pictures))
    with stores.database.write() as connection:
        marks = ", ".join(f":{name}" for name in COLUMNS)
        connection.executemany(f"INSERT INTO images ({', '.join(COLUMNS)}) VALUES ({marks})", rows)
        tags = ([tag for tag, share in TAGGED.items() if chance.random() < share] for _ in rows)
        connection.executemany(
            "UPDATE images SET tags = ? WHERE id = ?",
            [
                (json.dumps(image_tags), row["id"])
                for image_tags, row in zip(tags, rows, strict=True)
                if image_tags
            ],
        )
        _help(connection, chance, classes, [row for row in rows if not row["archived"]])
    return stores


def _pictures(chance: random.Random, classes: list[int], pictures: int) -> Iterator[dict[str, object]]:
    weights = [1 / number for number in range(1, CLASSES)] + [0.0005]
    for number in range(1, pictures + pictures // 20 + 1):
        sha256 = hashlib.sha256(str(number).encode()).hexdigest()
        labelled = chance.random() < 0.6
        review = chance.choices(("agreed", "disagreed", ""), (20, 3, 77))[0] if labelled else ""
        names = (f"IMG_{number:06d}.jpg", f"photo-{number}.png", f"Räum_{number}.JPG", f"{sha256[:12]}.webp")
        name = chance.choice(names)
        yield {
            **{"id": number, "sha256": sha256, "filename": name, "name_key": name.casefold(), "width": 640},
            **{
                "height": 480,
                "bytes": 1234,
                "format": "JPEG",
                "phash": sha256[:16],
                "created_at": "2026-01-01",
            },
            "synthetic": int(chance.random() < 0.1),
            "archived": int(number > pictures),
            "class_id": chance.choices(classes, weights)[0] if labelled else None,
            "split": chance.choices(("train", "validation", ""), (70, 17, 13))[0] if labelled else "",
            **{
                "labelled_by": "ann" if labelled else "",
                "review": review,
                "reviewed_by": "ben" if review else "",
            },
            "review_class_id": chance.choice(classes) if review == "disagreed" else None,
            "flags": sum(1 << bit for bit, share in enumerate(FLAGGED.values()) if chance.random() < share),
            **{name: chance.random() * 255 for name in ("sharpness", "brightness", "contrast")},
        }


def _help(
    connection: sqlite3.Connection, chance: random.Random, classes: list[int], rows: list[dict[str, object]]
) -> None:
    waiting = [row["id"] for row in rows if row["class_id"] is None]
    labelled = [(row["id"], row["class_id"]) for row in rows if row["class_id"]]
    suspected = chance.sample(labelled, len(labelled) // 12)
    connection.executemany(
        "INSERT INTO suggestions VALUES (?, ?, ?)",
        [(row["id"], chance.choice(classes), chance.random()) for row in rows],
    )
    connection.executemany(
        "INSERT INTO next_up VALUES (?, ?)", enumerate(chance.sample(waiting, len(waiting) // 20))
    )
    connection.executemany(
        "INSERT INTO suspicions VALUES (?, ?, ?, ?)",
        [(key, label_id, chance.choice(classes), chance.random()) for key, label_id in suspected],
    )
