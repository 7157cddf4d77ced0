"""Files that nobody needs are found and put away, and none that somebody writes; a kill leaves a catalogue that agrees."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from storage.records import Filter
from tests.running import ROOT, until
from tests.workbench.planted_faults import blob, repaired
from workbench.core.settings import Settings
from workbench.exporting.service import ExportOrder
from workbench.integrity import check, tidy
from workbench.integrity.temp_files import STRAY_SECONDS, UNFINISHED
from workbench.services import Services, build_services
from workbench.stores import open_stores

HOUR_AGO = time.time() - STRAY_SECONDS - 60


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


def test_files_of_an_emptied_picture_are_removed(filled: Services) -> None:
    (sha256,) = filled.stores.edits.empty_bin("Bob")
    path = blob(filled, "originals", sha256)
    for file in (filled.stores.root / "blobs").rglob(sha256):
        os.utime(file, (HOUR_AGO, HOUR_AGO))
    repaired(filled, "emptied from the bin:")
    assert not path.exists()


def test_only_what_dead_processes_left_unfinished_is_removed(filled: Services) -> None:
    folder = filled.stores.root / "blobs" / "originals" / "ab"
    folder.mkdir(exist_ok=True)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead, own = folder / f".part-{ended.pid}-1-x", folder / f".part-{os.getpid()}-1-x"
    before_me = folder / f".part-{os.getpid()}-2-x"
    for path in (dead, own, before_me):
        path.write_bytes(b"half")
    begun = psutil.Process().create_time() - 60
    os.utime(before_me, (begun, begun))

    tidy(filled.stores)
    assert [path.exists() for path in (dead, own, before_me)] == [False, True, False]
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


WORK = """
import itertools, sys, threading
from pathlib import Path
from workbench.importing.service import NewImport
from workbench.services import build_services
from workbench.core.settings import Settings
from storage.records import Filter

services = build_services(Settings(data=Path(sys.argv[1])))
services.imports.start(NewImport(samples=True))
for turn in itertools.count():
    if ids := services.stores.pages.all_ids(Filter(sort="newest"))[:7]:
        services.labelling.label(ids, f"Class {turn % 3}", "Ann")
        if turn % 4 == 3:
            services.stores.edits.tag(ids[:2], [f"tag {turn % 5}"], [], "Ann")
            services.stores.journal.undo("Ann")
"""


@pytest.mark.slow
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
