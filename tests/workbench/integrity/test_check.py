"""Every fault is planted, found, and repaired where it can be; what is whole is left alone."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from storage.records import Filter
from storage.training.registry import VersionCandidate
from tests.pictures import picture
from tests.running import ROOT
from tests.workbench.conftest import Take
from tests.workbench.planted_faults import blob, first, only, repaired
from workbench.catalogue.splits import split
from workbench.integrity import Fault, check
from workbench.services import Services, build_services


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
    report = check(services.stores, repair=True)
    assert not report.ok, "the picture is lost until somebody brings it back"
    return only(report)


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
    report = check(stores)
    assert [fault.what.split(":")[0] for fault in report.faults] == [
        "Counts that are not those of the pictures",
        "Tags that a search would not find, or find wrongly",
    ]
    check(stores, repair=True)
    assert check(stores).ok
    assert stores.pages.count(Filter(tag="blurry")) == 2
    assert stores.pages.count(Filter(label="Full")) == 5


def test_sides_follow_the_newest_snapshot_again(labelled: Services) -> None:
    stores = labelled.stores
    stores.snapshots.freeze(split(stores.snapshots.labelled(), 0.25, 1))
    (pinned, *_) = stores.pages.all_ids(Filter(status="train"))
    stores.edits.pin([pinned], "validation", "Ann")
    before = {side: stores.pages.all_ids(Filter(status=side)) for side in ("train", "validation")}
    assert check(stores).faults == ()
    with stores.database.write() as connection:
        connection.execute("UPDATE images SET split = 'train'")
    repaired(labelled, f"nothing put them on: {len(before['validation'])} pictures")
    assert {side: stores.pages.all_ids(Filter(status=side)) for side in before} == before


def test_names_are_found_again(filled: Services) -> None:
    stores = filled.stores
    with stores.database.write() as connection:
        connection.execute("INSERT INTO image_names (image_names) VALUES ('delete-all')")
    assert stores.pages.count(Filter(search="3.jpg")) == 0
    repaired(filled, "search for file names", deep=True)
    assert stores.pages.count(Filter(search="3.jpg")) == 1


def test_what_the_journal_does_not_know_is_kept_and_written_down(filled: Services) -> None:
    stores = filled.stores
    image_id, _ = first(filled)
    stores.edits.set_note(image_id, "by hand", "Ann")
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
    sentences = " ".join(fault.what for fault in check(filled.stores).faults)
    assert "a picture or class that is not there" in sentences


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
    report = check(filled.stores, repair=True)
    assert "The database file is damaged" in " ".join(fault.what for fault in report.faults)
    assert not report.ok


def test_snapshots_and_models_are_held_to_their_hashes(labelled: Services, tmp_path: Path) -> None:
    stores = labelled.stores
    snapshot = stores.snapshots.freeze(split(stores.snapshots.labelled(), 0.25, 1))
    run_id = stores.runs.create(snapshot.id, {})
    attempt = stores.runs.claim(run_id, 1, "then")
    folder = tmp_path / "handed-in"
    folder.mkdir()
    (folder / "model.tflite").write_bytes(b"weights")
    manifest = {"classes": ["High", "Low"], "metrics": {}}
    stores.registry.register(VersionCandidate(attempt, snapshot.id, folder, manifest, 1, False, "", []))
    assert check(stores, deep=True).faults == ()

    (stores.registry.root / "v1" / "model.tflite").write_bytes(b"other")
    with stores.database.write() as connection:
        connection.execute("UPDATE snapshot_items SET label = 1 - label")
    snapshots, models = check(stores, repair=True).faults
    assert (snapshots.examples, models.examples) == (("snapshot 1",), ("model.tflite of v1",))
    assert not (snapshots.repairable or models.repairable)
    assert "restore the files from a backup" in models.sentence


def run(data: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "workbench.integrity", *options]
    environment = {**os.environ, "WORKBENCH_DATA": str(data)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
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
