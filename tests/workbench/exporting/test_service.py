import csv
import hashlib
import json
import zipfile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from storage.catalogue.export_rows import NO_SNAPSHOT
from storage.core.errors import DomainError, NotFound
from storage.queries.filters import NO_CLASS
from storage.records import Filter
from tests.pictures import class_zip, picture, write_zip
from tests.sentences import raises_sentence
from tests.workbench.conftest import Bring
from tests.workbench.importing.test_uploads import zipped
from workbench.catalogue.splits import split
from workbench.core.errors import NotReady
from workbench.core.settings import Settings
from workbench.exporting.formats import FORMATS
from workbench.exporting.service import NOTHING_TO_EXPORT, TWO_SOURCES, UNKNOWN_FORMAT, ExportOrder
from workbench.importing.service import NewImport
from workbench.importing.uploads import Upload
from workbench.services import Services, build_services

ZIPS = [name for name, format_ in FORMATS.items() if format_.pictures]
SPLIT = [name for name in ZIPS if name != "folders"]
Facts = list[tuple[str, str, str]]


def facts(services: Services) -> Facts:
    """sha256, class and side of each picture of the catalogue."""
    listed = services.stores.export_rows.of(services.stores.pages.all_ids(Filter()))
    return [(row.sha256, row.label, row.split) for row in listed]


def brought(folder: Path, *exports: Path) -> Services:
    """A fresh data folder with what exports hold."""
    services = build_services(Settings(data=folder))
    for export in exports:
        ended = services.imports.wait(services.imports.start(NewImport([Upload(export, export.name)])))
        assert (ended.status, ended.rejected) == ("finished", [])
    return services


@pytest.fixture
def mixed(services: Services, bring: Bring) -> Services:
    """Pictures with all sorts of names, classes and sides, and one in the bin."""
    entries = {
        "Full/a.jpg": picture(1),
        "Half/A.JPG": picture(2),
        "Half/CON.png": picture(3, kind="PNG"),
        "=1+1/we?ird: name%20.jpg": picture(4),
        "no ending": picture(5),
        "Over/photo.zip": picture(6, kind="BMP"),
        "満水/labels.csv.jpg": picture(7),
        "train/50% a+b & c #1.jpg": picture(8),
        "Full/gone.jpg": picture(9),
    }
    bring({"a.zip": zipped({name: data for name, data in entries.items() if name != "Over/photo.zip"})})
    bring({"b.jpg": entries["Over/photo.zip"]}, label="Over")
    ids = services.stores.pages.all_ids(Filter())
    services.stores.edits.pin(ids[:3], "train", "ann")
    services.stores.edits.pin(ids[3:5], "validation", "ann")
    services.stores.edits.pin(ids[5:6], "test", "ann")
    services.stores.edits.archive([ids[7]], "ann")
    return services


@pytest.mark.parametrize("kind", ZIPS)
def test_what_was_exported_comes_back_unchanged(mixed: Services, tmp_path: Path, kind: str) -> None:
    first = mixed.exports.write(ExportOrder(kind))
    again = brought(tmp_path / "again", first.path)
    expected = facts(mixed)
    if kind == "folders":  # they have no place for sides
        expected = [(sha256, label, "") for sha256, label, _ in expected]
    assert facts(again) == expected
    second = again.exports.write(ExportOrder(kind))
    assert second.path.read_bytes() == first.path.read_bytes()
    assert (first.pictures, first.left_out) == (len(expected), 0) == (second.pictures, 0)


def test_a_csv_comes_back_to_its_pictures(mixed: Services, tmp_path: Path) -> None:
    first = mixed.exports.write(ExportOrder("csv"))
    bare = brought(tmp_path / "again", write_zip(tmp_path / "a.zip", originals(mixed)))
    assert {label for _, label, _ in facts(bare)} == {""}
    bare.imports.wait(bare.imports.start(NewImport([Upload(first.path, "labels.csv")])))
    assert sorted(facts(bare)) == sorted(facts(mixed))


def originals(services: Services) -> dict[str, bytes]:
    root = services.stores.root / "blobs" / "originals"
    return {f"{sha256}.jpg": (root / sha256[:2] / sha256).read_bytes() for sha256, _, _ in facts(services)}


@pytest.mark.parametrize("kind", ZIPS)
def test_the_originals_are_in_it_byte_for_byte_and_not_packed(mixed: Services, kind: str) -> None:
    with zipfile.ZipFile(mixed.exports.write(ExportOrder(kind)).path) as archive:
        entries = archive.infolist()
        digests = {hashlib.sha256(archive.read(entry)).hexdigest() for entry in entries}
    assert {entry.compress_type for entry in entries} == {zipfile.ZIP_STORED}
    assert digests >= {sha256 for sha256, _, _ in facts(mixed)}


def test_an_image_folder_is_as_its_readers_expect_it(mixed: Services) -> None:
    with zipfile.ZipFile(mixed.exports.write(ExportOrder("huggingface")).path) as archive:
        names = set(archive.namelist())
        for side in ("train", "validation", "test"):
            rows = [json.loads(line) for line in archive.read(f"{side}/metadata.jsonl").splitlines()]
            pictures = {name for name in names if name.startswith(f"{side}/")}
            assert {f"{side}/{row['file_name']}" for row in rows} == pictures - {f"{side}/metadata.jsonl"}
            assert {row["split"] for row in rows} <= {side, None}


def test_tasks_are_as_label_studio_expects_them(mixed: Services) -> None:
    with zipfile.ZipFile(mixed.exports.write(ExportOrder("label-studio")).path) as archive:
        tasks = json.loads(archive.read("tasks.json"))
        names = set(archive.namelist())
    assert [task["id"] for task in tasks] == list(range(1, 9))
    for task, (sha256, label, _) in zip(tasks, facts(mixed), strict=True):
        assert task["data"]["sha256"] == sha256
        address = urlsplit(task["data"]["image"])
        assert address.path == "/data/local-files/"
        assert parse_qs(address.query)["d"][0] in names
        choices = [r["value"]["choices"] for a in task["annotations"] for r in a["result"]]
        assert choices == ([[label]] if label else [])


def test_a_csv_is_safe_to_open_in_a_spreadsheet(mixed: Services) -> None:
    with mixed.exports.write(ExportOrder("csv")).path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    assert "'=1+1" in {row["label"] for row in rows}
    assert not [cell for row in rows for cell in row.values() if cell.startswith("=")]


@pytest.mark.parametrize(
    ("chosen", "count"),
    [
        (Filter(label="half"), 2),
        (Filter(status="unlabelled"), 1),
        (Filter(status="validation"), 2),
        (Filter(status="bin"), 1),
        (Filter(search="a.jpg"), 2),
    ],
)
def test_a_filter_is_exported(mixed: Services, chosen: Filter, count: int) -> None:
    for kind in FORMATS:
        assert mixed.exports.write(ExportOrder(kind, chosen)).pictures == count


@pytest.mark.parametrize("kind", SPLIT)
def test_a_snapshot_is_exported_as_it_was_frozen(services: Services, tmp_path: Path, kind: str) -> None:
    services.imports.wait(
        services.imports.start(NewImport([Upload(class_zip(tmp_path / "c.zip"), "classes.zip")]))
    )
    snapshots = services.stores.snapshots
    frozen = snapshots.freeze(split(snapshots.labelled(), 0.25, 1))
    expected = {
        (snapshot.sha256, frozen.classes[snapshot.label], snapshot.split)
        for snapshot in snapshots.items(frozen.id)
    }
    ids = services.stores.pages.all_ids(Filter())
    services.labelling.label(ids[:5], "Other", "ann")
    services.stores.edits.archive(ids[5:7], "ann")
    exported = services.exports.write(ExportOrder(kind, snapshot=frozen.id))
    assert set(facts(brought(tmp_path / "again", exported.path))) == expected
    assert len(facts(services)) == len(expected) - 2


def test_pictures_without_their_original_are_left_out_and_named(mixed: Services) -> None:
    originals = mixed.stores.root / "blobs" / "originals"
    (lost, *_), (broken, *_) = facts(mixed)[:2]
    (originals / lost[:2] / lost).unlink()
    (originals / broken[:2] / broken).write_bytes(b"other bytes")
    exported = mixed.exports.write(ExportOrder("csv-zip"))
    assert (exported.pictures, exported.left_out) == (6, 2)
    with zipfile.ZipFile(exported.path) as archive:
        assert [line.split()[0] for line in archive.read("LEFT-OUT.txt").decode().splitlines()] == [
            lost,
            broken,
        ]
        assert lost not in archive.read("labels.csv").decode()


def test_what_cannot_be_exported_says_why_and_leaves_nothing(services: Services, bring: Bring) -> None:
    unknown_format = UNKNOWN_FORMAT.format(name="coco", formats=", ".join(FORMATS))
    for order, error, sentence in [
        (ExportOrder("folders"), NotReady, NOTHING_TO_EXPORT),
        (ExportOrder("coco"), DomainError, unknown_format),
        (ExportOrder("csv", snapshot=9), NotFound, NO_SNAPSHOT.format(id=9)),
        (ExportOrder("csv", Filter(label="x"), 9), DomainError, TWO_SOURCES),
        (ExportOrder("csv", Filter(label="nope")), NotFound, NO_CLASS.format(name="nope")),
    ]:
        with raises_sentence(error, sentence):
            services.exports.write(order)
    assert not (services.stores.root / "exports").exists()


def test_progress_is_told_and_old_exports_go(mixed: Services) -> None:
    updates: list[tuple[int, int]] = []
    paths = [
        mixed.exports.write(ExportOrder("csv-zip"), lambda *progress: updates.append(progress)).path
        for _ in range(7)
    ]
    assert updates[-1] == (8, 8)
    there = set((mixed.stores.root / "exports").iterdir())
    assert there < set(paths)
    assert paths[-1] in there
    assert len(there) == 5


def test_what_a_killed_export_left_is_removed_at_the_start(mixed: Services) -> None:
    finished = mixed.exports.write(ExportOrder("csv")).path
    part = finished.with_name(".part-waterline-csv-zip.zip")
    part.write_bytes(b"half")
    mixed.exports.tidy()
    assert list(finished.parent.iterdir()) == [finished]
