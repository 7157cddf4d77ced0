"""Emptying the bin, or a check, while an import brings the same picture; and originals that were damaged on the disk."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.jobs.import_jobs import PRESENT
from storage.records import Filter
from tests.pictures import picture
from tests.running import until
from tests.workbench.conftest import Take
from tests.workbench.integrity.test_temp_files import HOUR_AGO
from workbench.catalogue.trash import CONFIRMATION_WORDS
from workbench.core.machine import cores
from workbench.importing.ingest import AHEAD, ImportRequest
from workbench.importing.service import NewImport
from workbench.importing.uploads import Source, Upload
from workbench.integrity import check
from workbench.services import Services, build_services

DATA = picture(1)
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def binned(services: Services, take: Take) -> Services:
    """Services with one picture, which is in the bin."""
    take({"a.jpg": DATA}, label="Full")
    services.stores.edits.archive(services.stores.pages.all_ids(Filter()), "ann")
    return services


def original(services: Services) -> Path:
    return services.stores.root / "blobs" / "originals" / SHA256[:2] / SHA256


def decoded_then(act: Callable[[], None]) -> Iterator[Source]:
    """A picture, and an act that comes when it is decoded and kept and before it has its row: the same batch waits for it."""
    yield Source("a.jpg", "Full", lambda: DATA)
    # Sources are read some files ahead, so that this many later the first one is done.
    for number in range(AHEAD * cores() + 1):
        yield Source(f"{number}.txt", "", lambda: b"no picture")
    act()


def assert_there(services: Services) -> None:
    stores = services.stores
    assert stores.catalogue.known([SHA256])
    assert stores.derivatives.canonical(SHA256, "letterbox").shape == (256, 256, 3)
    assert original(services).read_bytes() == DATA
    assert check(stores, deep=True).faults == ()
    assert list(stores.root.rglob(".part-*")) == []


def test_a_bin_that_is_emptied_when_an_import_has_decoded_the_picture_leaves_it_its_file(
    binned: Services,
) -> None:
    def empty() -> None:
        assert binned.stores.catalogue.known([SHA256]) == {}
        assert binned.trash.empty(CONFIRMATION_WORDS, "ben") == 1
        assert not original(binned).exists()

    report = binned.ingest.run(ImportRequest(decoded_then(empty)))
    assert report.outcomes[0].note == "It was thrown away before and is back."
    assert_there(binned)


@contextmanager
def emptied_but_for_its_files(services: Services) -> Iterator[Callable[[], None]]:
    """The bin has said that the picture is gone and has not removed the file; gives what lets it go on and waits for its end."""
    emptied, wanted = threading.Event(), threading.Event()
    other = build_services(services.settings)
    begun: list[str] = []

    def pause(statement: str) -> None:
        begun.append(statement)
        # The emptying is committed, and what comes next looks for files to remove.
        if "COMMIT" in begun and statement != "COMMIT" and not emptied.is_set():
            emptied.set()
            wanted.wait(30)

    def empty() -> None:
        other.stores.database.connection().set_trace_callback(pause)
        other.trash.empty(CONFIRMATION_WORDS, "ben")

    def resume() -> None:
        wanted.set()
        thread.join(30)

    thread = threading.Thread(target=empty)
    thread.start()
    assert emptied.wait(30)
    yield resume
    resume()


def test_an_import_that_comes_between_the_emptying_and_its_files_keeps_its_file(binned: Services) -> None:
    with emptied_but_for_its_files(binned):
        binned.ingest.run(ImportRequest([Source("a.jpg", "Full", lambda: DATA)]))
    assert_there(binned)


def test_an_import_that_has_decoded_the_picture_when_the_files_go_brings_it_back(binned: Services) -> None:
    """As before, but the files go between the import's first look at them and its row."""
    with emptied_but_for_its_files(binned) as resume:

        def remove() -> None:
            resume()
            assert not original(binned).exists()

        binned.ingest.run(ImportRequest(decoded_then(remove)))
    assert_there(binned)


@pytest.mark.parametrize("emptied", [True, False])
def test_a_repair_while_an_import_brings_the_picture_leaves_it_its_file(
    services: Services, take: Take, emptied: bool
) -> None:
    """Its file is an old stranger to the check, since the row is gone or was never written."""
    path = original(services)
    if emptied:
        take({"a.jpg": DATA}, label="Full")
        services.stores.edits.archive(services.stores.pages.all_ids(Filter()), "ann")
        services.stores.edits.empty_bin("ann")
    else:
        path.parent.mkdir(parents=True)
        path.write_bytes(DATA)

    def repair() -> None:
        # Another file with the same bytes, so that only this name is old.
        path.unlink()
        path.write_bytes(DATA)
        os.utime(path, (HOUR_AGO, HOUR_AGO))
        check(services.stores, repair=True)
        assert not path.exists()

    services.ingest.run(ImportRequest(decoded_then(repair)))
    assert_there(services)


@pytest.mark.parametrize("damaged", [b"", DATA[:100], DATA[:-1] + b"x"], ids=["empty", "short", "changed"])
@pytest.mark.parametrize("where", ["catalogue", "bin"])
def test_an_original_that_was_damaged_on_the_disk_is_whole_again_when_the_picture_comes_again(
    services: Services, take: Take, damaged: bytes, where: str
) -> None:
    take({"a.jpg": DATA}, label="Full")
    if where == "bin":
        services.stores.edits.archive(services.stores.pages.all_ids(Filter()), "ann")
    original(services).write_bytes(damaged)
    again = take({"again.jpg": DATA})
    assert [outcome.result for outcome in again.outcomes] == [PRESENT]
    assert_there(services)


def test_an_upload_that_is_written_to_later_does_not_change_what_was_imported(
    services: Services, tmp_path: Path
) -> None:

    upload = tmp_path / "a.jpg"
    upload.write_bytes(DATA)
    import_id = services.imports.start(NewImport([Upload(upload, "a.jpg")]))
    until(lambda: not services.imports.state(import_id).running, "the import to end")
    with upload.open("r+b") as file:
        file.write(b"something else")
    assert_there(services)
