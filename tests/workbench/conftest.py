"""Importing files into services, as uploads are."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage.jobs.import_jobs import FileOutcome
from storage.records import Filter
from tests.pictures import class_zip, picture
from tests.workbench.small_disk import small_disk
from workbench.importing.ingest import ImportRequest, IngestReport
from workbench.importing.service import NewImport
from workbench.importing.uploads import Upload, sources
from workbench.integrity import check
from workbench.services import Services

Take = Callable[..., IngestReport]
Bring = Callable[..., list[FileOutcome]]


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that other users get to."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def upload(tmp_path: Path) -> Callable[[str, bytes], Upload]:
    """Puts bytes where an upload lies, under a name that says nothing."""
    folder = tmp_path / "uploads"
    folder.mkdir()

    def put(name: str, data: bytes) -> Upload:
        path = folder / f"{len(list(folder.iterdir()))}"
        path.write_bytes(data)
        return Upload(path, name)

    return put


@pytest.fixture
def disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A disk of 8 megabytes, or of as many as a test asks for."""
    with small_disk(tmp_path / "disk", getattr(request, "param", 8)) as place:
        yield place


@pytest.fixture
def take(services: Services, upload: Callable[[str, bytes], Upload]) -> Take:
    """Imports files, given as bytes by name, and gives the report."""

    def run(files: dict[str, bytes], **order: object) -> IngestReport:
        uploads = [upload(name, data) for name, data in files.items()]
        return services.ingest.run(ImportRequest(sources(uploads, services.settings.limits), **order))

    return run


@pytest.fixture
def labelled(services: Services, tmp_path: Path) -> Services:
    """Services with twelve pictures in each of the classes Low and High, easy to tell apart."""
    uploads = [Upload(class_zip(tmp_path / "classes.zip"), "classes.zip")]
    services.ingest.run(ImportRequest(sources(uploads, services.settings.limits)))
    return services


@pytest.fixture
def bring(services: Services, upload: Callable[[str, bytes], Upload]) -> Bring:
    """Imports files, given as bytes by name, as a job, and gives what became of each."""

    def run(files: dict[str, bytes], **wanted: object) -> list[FileOutcome]:
        given = [upload(name, data) for name, data in files.items()]
        ended = services.imports.wait(services.imports.start(NewImport(given, **wanted)))
        assert (ended.status, ended.error, ended.done) == ("finished", "", ended.total)
        return list(services.imports.every_file(ended.id))

    return run


@pytest.fixture
def filled(services: Services, take: Take) -> Services:
    """Services with six labelled pictures, a tag, a note, an undone label and a picture in the bin."""
    take({f"{seed}.jpg": picture(seed) for seed in range(6)}, label="Full")
    stores = services.stores
    ids = stores.pages.all_ids(Filter(sort="oldest"))
    stores.edits.tag(ids[:2], ["Blurry"], [], "Ann")
    services.labelling.label(ids[:3], "Empty", "Ann")
    stores.journal.undo("Ann")
    stores.journal.redo("Ann")
    stores.journal.undo("Ann")
    stores.edits.archive(ids[5:], "Bob")
    for image in stores.catalogue.several(ids[:5]):
        stores.derivatives.canonical(image.sha256, services.settings.fit)
        stores.derivatives.thumbnail(image.sha256)
    assert check(stores, deep=True).faults == ()
    return services
