"""Every fault is planted, found, and repaired where it can be; what is whole is left alone."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from storage.blobs import Blobs
from storage.records import Filter
from storage.registry import Candidate
from tests.pictures import picture
from tests.running import ROOT, until
from tests.workbench.conftest import Take
from workbench.exports import ExportOrder
from workbench.integrity import Fault, Findings, check, tidy
from workbench.integrity.leftovers import STRAY_SECONDS, UNFINISHED
from workbench.services import Services, build_services
from workbench.settings import Settings
from workbench.splits import split
from workbench.stores import open_stores

HOUR_AGO = time.time() - STRAY_SECONDS - 60


@pytest.fixture
def filled(services: Services, take: Take) -> Services:
    """Services with six labelled pictures, a tag, a note, an undone label and a picture in the bin."""
    take({f"{seed}.jpg": picture(seed) for seed in range(6)}, label="Full")
    stores = services.stores
    ids = stores.pages.ids(Filter(sort="oldest"))
    stores.edits.tag(ids[:2], ["Blurry"], [], "Ann")
    services.labelling.label(ids[:3], "Empty", "Ann")
    stores.journal.undo("Ann")
    stores.journal.redo("Ann")
    stores.journal.undo("Ann")
    stores.edits.archive(ids[5:], "Bob")
    assert check(stores, deep=True).faults == ()
    return services


def first(services: Services) -> tuple[int, str]:
    """Id and sha256 of the oldest picture."""
    image = services.stores.pages.page(Filter(sort="oldest"), limit=1).items[0]
    return image.id, image.sha256


def blob(services: Services, kind: str, sha256: str) -> Path:
    path = services.stores.root / "blobs" / kind / sha256[:2] / sha256
    assert path.is_file()
    return path


def only(found: Findings) -> Fault:
    (fault,) = found.faults
    return fault


def repaired(services: Services, what: str, deep: bool = False) -> Fault:
    """The only fault, after it was found, repaired, and found to be gone."""
    found = check(services.stores, deep=deep)
    assert what in only(found).what
    assert not found.ok
    assert found.repairable
    fault = only(check(services.stores, repair=True, deep=deep))
    assert fault.repaired
    assert check(services.stores, deep=deep).faults == ()
    return fault


def test_a_lost_original_puts_its_picture_into_the_bin_and_an_import_brings_it_back(
    filled: Services, take: Take
) -> None:
    image_id, sha256 = first(filled)
    blob(filled, "originals", sha256).unlink()

    fault = repaired_to_bin(filled)
    assert fault.examples == (f"0.jpg (picture {image_id})",)
    assert filled.stores.catalogue.several([image_id]) == []
    left = check(filled.stores)
    assert "in the bin whose original file is missing: 1 picture" in only(left).what
    assert not left.repairable

    take({"0.jpg": picture(0)}, label="Full")
    assert filled.stores.catalogue.get(image_id).label == "Full"
    assert check(filled.stores, deep=True).faults == ()


def repaired_to_bin(services: Services) -> Fault:
    assert "original file is missing: 1 picture" in only(check(services.stores)).what
    found = check(services.stores, repair=True)
    assert not found.ok, "the picture is lost until somebody brings it back"
    return only(found)


def test_a_damaged_original_is_put_aside_so_that_the_same_file_can_come_again(
    filled: Services, take: Take
) -> None:
    image_id, sha256 = first(filled)
    path = blob(filled, "originals", sha256)
    whole = path.read_bytes()
    path.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    assert check(filled.stores).faults == (), "of the same length: only a deep check reads it"

    assert "not what was imported: 1 picture" in only(check(filled.stores, deep=True)).what
    check(filled.stores, repair=True, deep=True)
    aside = filled.stores.root / "lost+found" / "blobs" / "originals" / sha256[:2] / sha256
    assert aside.read_bytes()[1:] == whole[1:]
    take({"0.jpg": picture(0)})
    assert filled.stores.catalogue.get(image_id).sha256 == sha256
    assert check(filled.stores, deep=True).faults == ()


@pytest.mark.parametrize(
    ("kind", "deep"), [("canonical-letterbox", False), ("thumbnails", False), ("thumbnails", True)]
)
def test_small_copies_are_made_again(filled: Services, kind: str, deep: bool) -> None:
    _, sha256 = first(filled)
    path = blob(filled, kind, sha256)
    whole = path.read_bytes()
    cut = whole[:2] + whole[-2:] if deep else whole[: len(whole) // 2]
    path.write_bytes(cut)
    repaired(filled, "Damaged small copies of pictures: 1 file", deep)
    assert path.read_bytes() == whole


def test_small_copies_that_were_never_made_are_no_fault(filled: Services) -> None:
    _, sha256 = first(filled)
    blob(filled, "thumbnails", sha256).unlink()
    assert check(filled.stores, deep=True).faults == ()


def test_counts_and_tags_are_written_again(filled: Services) -> None:
    stores = filled.stores
    with stores.database.write() as connection:
        connection.execute("UPDATE tallies SET n = n + 1 WHERE n > 0")
        connection.execute("UPDATE image_tags SET tag = 'stray'")
    found = check(stores)
    assert [fault.what.split(":")[0] for fault in found.faults] == [
        "Counts that are not those of the pictures",
        "Tags that a search would not find, or find wrongly",
    ]
    check(stores, repair=True)
    assert check(stores).ok
    assert stores.pages.count(Filter(tag="blurry")) == 2
    assert stores.pages.count(Filter(label="Full")) == 5


def test_what_the_journal_does_not_know_is_kept_and_written_down(filled: Services) -> None:
    stores = filled.stores
    image_id, _ = first(filled)
    stores.edits.note(image_id, "by hand", "Ann")
    with stores.database.write() as connection:
        connection.execute("UPDATE images SET notes = 'from outside' WHERE id = ?", (image_id,))
    assert "now: 1 field" in repaired(filled, "last change in the journal").what
    assert stores.catalogue.get(image_id).notes == "from outside"
    assert stores.journal.history(image_id)[0].event.actor == "integrity check"


def test_a_picture_that_vanished_under_its_journal_is_said(filled: Services) -> None:
    image_id, _ = first(filled)
    outside = sqlite3.connect(filled.stores.database.path)
    outside.execute("DELETE FROM image_tags WHERE image_id = ?", (image_id,))
    outside.execute("DELETE FROM import_files WHERE image_id = ?", (image_id,))
    outside.execute("DELETE FROM images WHERE id = ?", (image_id,))
    outside.commit()
    outside.close()
    said = " ".join(fault.what for fault in check(filled.stores).faults)
    assert "a picture or class that is not there" in said


def test_strangers_older_than_an_hour_are_put_aside_and_younger_ones_left(filled: Services) -> None:
    folder = filled.stores.root / "blobs" / "originals" / "ab"
    folder.mkdir(exist_ok=True)
    old, young = folder / ("ab" * 32), folder / ("ab" * 31 + "cd")
    for path in (old, young):
        path.write_bytes(b"stranger")
    os.utime(old, (HOUR_AGO, HOUR_AGO))
    repaired(filled, "no picture belongs to: 1 file")
    assert young.is_file()
    aside = filled.stores.root / "lost+found" / "blobs" / "originals" / "ab" / old.name
    assert aside.read_bytes() == b"stranger"


def test_an_old_file_of_a_picture_that_comes_now_is_young_again(filled: Services) -> None:
    _, sha256 = first(filled)
    path = blob(filled, "originals", sha256)
    os.utime(path, (HOUR_AGO, HOUR_AGO))
    Blobs(filled.stores.root / "blobs").put("originals", sha256, b"the same")
    assert path.stat().st_mtime > HOUR_AGO


def test_files_of_an_emptied_picture_are_removed(filled: Services) -> None:
    (sha256,) = filled.stores.edits.empty_bin("Bob")
    path = blob(filled, "originals", sha256)
    for each in (filled.stores.root / "blobs").rglob(sha256):
        os.utime(each, (HOUR_AGO, HOUR_AGO))
    repaired(filled, "emptied from the bin: 3 files")
    assert not path.exists()


def test_only_what_dead_processes_left_unfinished_is_removed(filled: Services) -> None:
    folder = filled.stores.root / "blobs" / "originals" / "ab"
    folder.mkdir(exist_ok=True)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead, mine = folder / f".part-{ended.pid}-1-x", folder / f".part-{os.getpid()}-1-x"
    before_me = folder / f".part-{os.getpid()}-2-x"
    for path in (dead, mine, before_me):
        path.write_bytes(b"half")
    begun = psutil.Process().create_time() - 60
    os.utime(before_me, (begun, begun))

    tidy(filled.stores)
    assert [path.exists() for path in (dead, mine, before_me)] == [False, True, False]
    assert check(filled.stores).faults == ()


def test_uploads_of_imports_that_ended_are_removed(filled: Services) -> None:
    left = filled.stores.root / "staging" / ("e" * 32)
    left.mkdir(parents=True)
    (left / "0").write_bytes(b"uploaded")
    assert check(filled.stores).faults == (), "it may belong to an import that is about to be queued"
    os.utime(left, (HOUR_AGO, HOUR_AGO))
    repaired(filled, "imports that have ended: 1 folder")


def test_half_an_export_is_removed_but_not_one_that_is_being_written(filled: Services) -> None:
    filled.exports.write(ExportOrder("folders"))
    half = filled.stores.root / "exports" / ".part-waterline-folders-20260101-000000-abcdef.zip"
    half.write_bytes(b"half")
    assert check(filled.stores).faults == ()
    os.utime(half, (HOUR_AGO, HOUR_AGO))
    repaired(filled, "left half-written: 1 file")
    assert len(list(half.parent.iterdir())) == 1


def test_an_index_that_misses_rows_is_built_again(filled: Services) -> None:
    path = filled.stores.database.path
    filled.stores.database.close()
    outside = sqlite3.connect(path)
    (name, *rest) = outside.execute(
        "SELECT name, type, tbl_name, rootpage, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'events' "
        "AND name = 'events_by_actor'"
    ).fetchone()
    outside.execute("PRAGMA writable_schema = ON")
    outside.execute("DELETE FROM sqlite_schema WHERE name = ?", (name,))
    outside.commit()
    outside.close()
    outside = sqlite3.connect(path)
    outside.execute("INSERT INTO events (kind, actor, summary, created_at) VALUES ('label', 'x', 'y', 'z')")
    outside.execute("PRAGMA writable_schema = ON")
    kind, table, page, sql = rest
    outside.execute("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", (kind, name, table, page, sql))
    outside.commit()
    outside.close()
    services = build_services(filled.settings)
    repaired(services, "Indexes of the database that miss rows")


def test_a_database_that_is_damaged_is_said_in_a_sentence(filled: Services) -> None:
    path = filled.stores.database.path
    filled.stores.database.value("PRAGMA wal_checkpoint(TRUNCATE)")
    filled.stores.database.close()
    data = bytearray(path.read_bytes())
    data[4096 * 3 : 4096 * 12] = os.urandom(4096 * 9)
    path.write_bytes(data)
    found = check(filled.stores, repair=True)
    assert "The database file is damaged" in " ".join(fault.what for fault in found.faults)
    assert not found.ok


def test_snapshots_and_models_are_held_to_their_hashes(labelled: Services, tmp_path: Path) -> None:
    stores = labelled.stores
    snapshot = stores.snapshots.freeze(split(stores.snapshots.labelled(), 0.25, 1))
    run_id = stores.runs.create(snapshot.id, {})
    stores.runs.claim(run_id, 1, 1.0)
    folder = tmp_path / "handed-in"
    folder.mkdir()
    (folder / "model.tflite").write_bytes(b"weights")
    manifest = {"classes": ["High", "Low"], "metrics": {}}
    stores.registry.register(Candidate(run_id, snapshot.id, folder, manifest, 1, False, "", []))
    assert check(stores, deep=True).faults == ()

    (stores.registry.root / "v1" / "model.tflite").write_bytes(b"other")
    with stores.database.write() as connection:
        connection.execute("UPDATE snapshot_items SET label = 1 - label")
    snapshots, models = check(stores, repair=True).faults
    assert (snapshots.examples, models.examples) == (("snapshot 1",), ("model.tflite of v1",))
    assert not (snapshots.repairable or models.repairable)
    assert "restore the files from a backup" in models.sentence


WORK = """
import itertools, sys, threading
from pathlib import Path
from workbench.imports import NewImport
from workbench.services import build_services
from workbench.settings import Settings
from storage.records import Filter

services = build_services(Settings(data=Path(sys.argv[1])))
services.imports.start(NewImport(samples=True))
for turn in itertools.count():
    if ids := services.stores.pages.ids(Filter(sort="newest"))[:7]:
        services.labelling.label(ids, f"Class {turn % 3}", "Ann")
        if turn % 4 == 3:
            services.stores.edits.tag(ids[:2], [f"tag {turn % 5}"], [], "Ann")
            services.stores.journal.undo("Ann")
"""


@pytest.mark.parametrize("after", [10, 60])
def test_a_kill_during_an_import_and_labelling_leaves_a_catalogue_that_agrees(
    tmp_path: Path, after: int
) -> None:
    data = tmp_path / "killed"
    stores = open_stores(Settings(data=data))
    process = subprocess.Popen([sys.executable, "-c", WORK, str(data)], cwd=ROOT)
    try:
        until(lambda: process.poll() or stores.pages.count(Filter()) >= after, "pictures")
        assert process.poll() is None
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()

    assert {fault.kind for fault in check(stores, deep=True).faults} <= {UNFINISHED}
    tidy(stores)
    assert check(stores, deep=True).faults == ()
    services = build_services(Settings(data=data))
    services.imports.resume()
    assert services.imports.wait(1).status == "finished"
    services.imports.close()
    assert check(stores, deep=True).faults == ()
    assert stores.pages.count(Filter()) == 200


def run(data: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "workbench.integrity", *options]
    environment = {**os.environ, "WORKBENCH_DATA": str(data)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_the_command_says_what_it_found_and_ends_with_it(filled: Services, tmp_path: Path) -> None:
    data = filled.settings.data
    well = run(data, "--deep")
    assert (well.returncode, well.stdout.splitlines()[-1]) == (0, "All is well.")
    blob(filled, "thumbnails", first(filled)[1]).write_bytes(b"")
    ill = run(data)
    assert (ill.returncode, ill.stdout.splitlines()[-1]) == (1, "Run it again with --repair.")
    mended = run(data, "--repair")
    assert mended.returncode == 0
    assert "Repaired: they were made again" in mended.stdout

    nothing = run(tmp_path / "nowhere")
    assert nothing.returncode == 2
    assert "There is no catalogue in" in nothing.stderr
    assert not (tmp_path / "nowhere").exists()
