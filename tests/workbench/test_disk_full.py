"""What is done on a disk that fills up."""

import hashlib
import re
import shutil
from contextlib import closing
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from storage.core.errors import DiskFull
from storage.records import Filter
from tests.pictures import picture, write_zip
from tests.running import until
from tests.workbench.conftest import Take
from tests.workbench.small_disk import fill
from workbench.core.settings import Settings
from workbench.exporting.service import ExportOrder
from workbench.importing.ingest import ImportRequest
from workbench.importing.service import ImportState, NewImport
from workbench.importing.uploads import Source, Upload
from workbench.integrity import check
from workbench.services import Services, build_services
from workbench.training.spec import TrainingSpec


@pytest.fixture
def services(disk: Path) -> Services:
    return build_services(Settings(data=disk / "workbench"))


def noisy(seed: int) -> bytes:
    """A picture that no packing makes small: about 300 KB."""
    pixels = np.random.default_rng(seed).integers(0, 256, (320, 320, 3), dtype=np.uint8)
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def noise(count: int) -> list[Source]:
    return [Source(f"{seed}.png", "Full", lambda seed=seed: noisy(seed)) for seed in range(count)]


def assert_whole(services: Services) -> None:
    """Every picture of the catalogue has its original, canonical picture and thumbnail; no part of a file lies about."""
    stores = services.stores
    for image in stores.catalogue.several(stores.pages.all_ids(Filter())):
        assert stores.derivatives.canonical(image.sha256, "letterbox").shape == (256, 256, 3)
        assert stores.derivatives.thumbnail(image.sha256)
        original = stores.root / "blobs" / "originals" / image.sha256[:2] / image.sha256
        assert hashlib.sha256(original.read_bytes()).hexdigest() == image.sha256
    assert list(stores.root.rglob(".part-*")) == []


def test_an_import_that_fills_the_disk_says_so_and_keeps_what_was_there(
    services: Services, take: Take
) -> None:
    take({f"{seed}.jpg": picture(seed) for seed in range(3)}, label="Half")
    with pytest.raises(DiskFull):
        services.ingest.run(ImportRequest(noise(200)))
    assert services.stores.pages.page(Filter(label="Half")).total == 3
    assert_whole(services)


def test_on_a_full_disk_everything_can_be_read_and_nothing_is_half_written(
    services: Services, take: Take, disk: Path
) -> None:
    [image_id] = [outcome.image_id for outcome in take({"a.jpg": picture(1)}, label="Half").outcomes]
    before = services.stores.catalogue.get(image_id)
    filler = fill(disk)
    with pytest.raises(DiskFull):
        for number in range(2000):
            services.labelling.add(f"Class {number} with quite a long name so that pages fill", "ann")
    with pytest.raises(DiskFull):
        take({"b.png": noisy(1)}, label="Half")
    later = build_services(services.settings)
    assert later.stores.catalogue.get(image_id) == before
    assert later.stores.pages.page(Filter()).total == 1
    assert_whole(later)
    filler.unlink()
    assert take({"b.png": noisy(1)}, label="Half").labels == {"Half": 1}
    assert services.stores.database.value("PRAGMA integrity_check") == "ok"


def test_an_import_in_the_background_ends_with_the_sentence_and_frees_the_way(
    services: Services, disk: Path, tmp_path: Path
) -> None:
    def attempt(name: str, files: dict[str, bytes]) -> ImportState:
        uploaded = Upload(write_zip(tmp_path / name, files), name)
        import_id = services.imports.start(NewImport([uploaded]))
        return until(
            lambda: not (state := services.imports.state(import_id)).running and state, "the import to end"
        )

    big = attempt("big.zip", {f"Full/{seed}.png": noisy(seed) for seed in range(16)})
    assert big.status == "failed"
    assert re.search(r"the data folder .*\b0\.\d MB\b.*\b0\.4 MB\b", big.error)
    filler = fill(disk)
    with pytest.raises(DiskFull):
        attempt("a.zip", {"Full/a.png": noisy(100)})
    assert list((services.stores.root / "staging").iterdir()) == []
    filler.unlink()
    shutil.rmtree(services.stores.root / "blobs" / "originals")
    state = attempt("a.zip", {"a.jpg": picture(1)})
    assert (state.error, state.imported) == ("", 1)


@pytest.mark.parametrize("kind", ["csv-zip", "csv"])
def test_an_export_that_has_no_room_says_so_and_leaves_nothing(
    services: Services, take: Take, disk: Path, kind: str
) -> None:
    take({f"{seed}.png": noisy(seed) for seed in range(3)}, label="Half")
    filler = fill(disk)
    with pytest.raises(DiskFull):
        services.exports.write(ExportOrder(kind))
    assert [path for path in (services.stores.root / "exports").glob("*") if path.is_file()] == []
    filler.unlink()
    assert_whole(services)


def test_an_export_whose_disk_fills_up_meanwhile_leaves_nothing(
    services: Services, take: Take, disk: Path
) -> None:
    take({f"{seed}.jpg": picture(seed) for seed in range(10)}, label="Half")
    assert services.exports.write(ExportOrder("csv-zip")).path.stat().st_size > 10_000

    def crowd(done: int, total: int) -> None:
        fill(disk)

    with pytest.raises(DiskFull):
        services.exports.write(ExportOrder("csv-zip"), crowd)
    assert [path.name[:17] for path in (services.stores.root / "exports").iterdir()] == ["waterline-csv-zip"]


@pytest.mark.parametrize("disk", [16], indirect=True)
def test_older_exports_make_room_for_a_new_one(services: Services, take: Take, disk: Path) -> None:
    take({f"{seed}.png": noisy(seed) for seed in range(4)}, label="Half")
    older = [services.exports.write(ExportOrder("csv-zip")).path for _ in range(3)]
    left = shutil.disk_usage(disk).free
    (disk / "other").write_bytes(bytes(left - older[0].stat().st_size - 2**20))
    newest = services.exports.write(ExportOrder("csv-zip")).path
    assert (newest.exists(), older[0].exists(), older[2].exists()) == (True, False, True)


@pytest.mark.slow
def test_a_run_without_room_for_its_pictures_fails_with_the_sentence(labelled: Services) -> None:
    with closing(labelled):
        labelled.start()
        run_id = labelled.training.start(TrainingSpec())
        until(lambda: not labelled.stores.runs.get(run_id).active, "the run to end", 120)
    run = labelled.stores.runs.get(run_id)
    assert (run.status, run.error) == ("failed", str(DiskFull()))
    assert list(labelled.stores.root.glob("work/*")) == []
    assert_whole(labelled)


@pytest.mark.slow
@pytest.mark.parametrize("disk", [80], indirect=True)
def test_a_run_whose_disk_fills_up_meanwhile_fails_with_the_sentence(labelled: Services, disk: Path) -> None:
    with closing(labelled):
        labelled.start()
        run_id = labelled.training.start(TrainingSpec(epochs=1000, patience=1000, batch_size=8))
        until(lambda: labelled.stores.runs.history(run_id), "an epoch", 120)
        filler = fill(disk)
        until(lambda: not labelled.stores.runs.get(run_id).active, "the run to end", 120)
    run = labelled.stores.runs.get(run_id)
    assert (run.status, run.error, run.version) == ("failed", str(DiskFull()), None)
    assert list(labelled.stores.root.glob("work/*")) == []
    filler.unlink()
    assert_whole(labelled)


@pytest.mark.parametrize("bulk", [True, False])
def test_labels_that_find_no_room_are_refused_and_the_rest_stays(
    services: Services, take: Take, disk: Path, bulk: bool
) -> None:
    reports = [take({f"{seed}.jpg": picture(seed) for seed in range(6)}, label="Half")]
    ids = [outcome.image_id for outcome in reports[0].outcomes]
    services.labelling.add("Full", "ann")
    filler = fill(disk)
    label_events = 0
    with pytest.raises(DiskFull):
        for number in range(5000):
            chosen = ids if bulk else ids[number % len(ids) :][:1]
            label_events += bool(services.labelling.label(chosen, ("Full", "Half", "")[number % 3], "ann")[1])
    later = build_services(services.settings)
    assert later.stores.database.value("SELECT count(*) FROM events WHERE kind = 'label'") == label_events
    assert len(later.stores.pages.page(Filter()).items) == 6
    filler.unlink()
    assert check(later.stores, deep=True).faults == ()
    assert services.labelling.label(ids, "Full", "ann")[1] or services.labelling.label(ids, "Half", "ann")[1]
