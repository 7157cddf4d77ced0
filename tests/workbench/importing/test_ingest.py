import hashlib
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from storage.core.errors import DomainError
from storage.jobs.import_jobs import IMPORTED, PRESENT, REJECTED, FileOutcome
from storage.records import Filter
from tests.pictures import picture
from tests.sentences import raises_sentence
from tests.workbench.conftest import Bring, Take
from tests.workbench.importing.test_uploads import zipped
from workbench.catalogue.labelling import INVALID_NAME, LONGEST_NAME, NO_NAME, TOO_LONG
from workbench.core.path_names import A_CHARACTER
from workbench.imaging.decode import canonical, decode
from workbench.importing.ingest import ImportRequest, IngestReport
from workbench.importing.uploads import Source, Upload, sources
from workbench.services import Services


def labels(services: Services) -> dict[str, str | None]:
    """The class of each picture by its file name."""
    ids = services.stores.pages.all_ids(Filter())
    return {image.filename: image.label for image in services.stores.catalogue.several(ids)}


def results(report: IngestReport) -> list[str]:
    return [outcome.result for outcome in report.outcomes]


def test_every_file_of_a_mixed_import_is_reported_in_order(services: Services, take: Take) -> None:
    archive = zipped({"Full/a.jpg": picture(1), "Full/b.txt": b"text", "c.png": picture(2, kind="PNG")})
    report = take({"photos.zip": archive, "d.jpg": picture(3), "e.jpg": picture(1), "f.jpg": b""})
    assert [outcome.file for outcome in report.outcomes] == [
        "Full/a.jpg",
        "Full/b.txt",
        "c.png",
        "d.jpg",
        "e.jpg",
        "f.jpg",
    ]
    assert results(report) == [IMPORTED, REJECTED, IMPORTED, IMPORTED, PRESENT, REJECTED]
    assert report.labels == {"Full": 1, "": 2}
    assert labels(services) == {"a.jpg": "Full", "c.png": None, "d.jpg": None}
    assert report.outcomes[4].image_id == report.outcomes[0].image_id


@pytest.mark.parametrize(
    "folders",
    [
        ["Half water level/Half water level"],
        ["Half water level", " Half  water\tlevel "],
        ["Half water level", "half WATER level"],
        ["2024/bottles/Half water level"],
    ],
)
def test_folders_of_one_name_are_one_class(services: Services, take: Take, folders: list[str]) -> None:
    entries = {f"{folder}/{index}.jpg": picture(index) for index, folder in enumerate(folders)}
    assert results(take({"a.zip": zipped(entries)})) == [IMPORTED] * len(folders)
    [only] = services.stores.classes.all()
    assert (only.name, only.count) == ("Half water level", len(folders))


def test_composed_and_decomposed_letters_are_one_class(services: Services, take: Take) -> None:
    take({"a.zip": zipped({"Voll gefüllt/1.jpg": picture(1), "Voll gefu\u0308llt/2.jpg": picture(2)})})
    assert [(class_.name, class_.count) for class_ in services.stores.classes.all()] == [("Voll gefüllt", 2)]


def test_a_given_label_counts_more_than_folders(services: Services, bring: Bring) -> None:
    bring({"a.zip": zipped({"Full/a.jpg": picture(1)}), "b.jpg": picture(2)}, label="  Half  full ")
    assert labels(services) == {"a.jpg": "Half full", "b.jpg": "Half full"}
    assert [class_.name for class_ in services.stores.classes.all()] == ["Half full"]


def test_an_impossible_label_imports_nothing(services: Services, bring: Bring) -> None:
    for label, sentence in (
        ("   ", NO_NAME),
        ("<script>", INVALID_NAME.format(name="<script>", reason=A_CHARACTER)),
        ("x" * 300, TOO_LONG.format(longest=LONGEST_NAME, length=300)),
    ):
        with raises_sentence(DomainError, sentence):
            bring({"a.jpg": picture(1)}, label=label)
    assert services.stores.catalogue.summary(()).images == 0


def test_originals_are_kept_byte_for_byte_and_the_rest_is_made_from_them(
    services: Services, take: Take
) -> None:
    data = picture(1, (1200, 900))
    image_id = take({"a.jpg": data}).outcomes[0].image_id
    record = services.stores.catalogue.get(image_id)
    derivatives = services.stores.derivatives
    assert (record.sha256, record.width, record.height) == (hashlib.sha256(data).hexdigest(), 1200, 900)
    path = services.stores.root / "blobs" / "originals" / record.sha256[:2] / record.sha256
    assert path.read_bytes() == data
    upright = decode(data, 10**8).image
    for fit in ("letterbox", "squash", "crop"):
        assert np.array_equal(derivatives.canonical(record.sha256, fit), canonical(upright, fit))
    assert Image.open(BytesIO(derivatives.thumbnail(record.sha256))).size == (256, 192)
    assert Image.open(BytesIO(derivatives.stage(record.sha256))).size == (1024, 768)


def test_a_lost_thumbnail_is_made_again(services: Services, take: Take) -> None:
    take({"a.jpg": picture(1)})
    [image] = services.stores.pages.page(Filter()).items
    before = services.stores.derivatives.thumbnail(image.sha256)
    (services.stores.root / "blobs" / "thumbnails" / image.sha256[:2] / image.sha256).unlink()
    assert services.stores.derivatives.thumbnail(image.sha256) == before


def test_the_same_files_again_change_nothing(services: Services, take: Take) -> None:
    files = {"a.zip": zipped({"Full/a.jpg": picture(1), "b.jpg": picture(2)})}
    first = take(files)
    events = services.stores.journal.recent()
    again = take(files)
    assert results(again) == [PRESENT, PRESENT]
    assert [outcome.image_id for outcome in again.outcomes] == [
        outcome.image_id for outcome in first.outcomes
    ]
    assert labels(services) == {"a.jpg": "Full", "b.jpg": None}
    assert services.stores.journal.recent() == events


def test_a_picture_without_a_class_takes_the_one_it_comes_with_again(services: Services, take: Take) -> None:
    take({"a.jpg": picture(1), "b.jpg": picture(2)}, label="")
    report = take(
        {"a.zip": zipped({"Full/a.jpg": picture(1), "Half/b.jpg": picture(2), "Half/c.jpg": picture(3)})}
    )
    assert results(report) == [PRESENT, PRESENT, IMPORTED]
    assert labels(services) == {"a.jpg": "Full", "b.jpg": "Half", "c.jpg": "Half"}
    services.stores.journal.undo("api")
    assert labels(services)["b.jpg"] is None


def test_a_labelled_picture_keeps_its_class_and_no_empty_one_is_added(services: Services, take: Take) -> None:
    take({"a.jpg": picture(1)}, label="Full")
    services.labelling.rename("Full", "To the brim", "ann")
    assert results(take({"a.zip": zipped({"Full/a.jpg": picture(1)})})) == [PRESENT]
    assert labels(services) == {"a.jpg": "To the brim"}
    assert [class_.name for class_ in services.stores.classes.all()] == ["To the brim"]


def test_of_one_picture_in_two_folders_the_first_counts(services: Services, take: Take) -> None:
    data = picture(1)
    report = take({"a.zip": zipped({"top.jpg": data, "Full/a.jpg": data, "Half/a.jpg": data})})
    assert results(report) == [IMPORTED, PRESENT, PRESENT]
    assert labels(services) == {"top.jpg": "Full"}
    assert services.stores.catalogue.summary(()).images == 1


def test_a_picture_in_the_bin_was_there_already_and_comes_back_with_its_class(
    services: Services, take: Take
) -> None:
    report = take({"a.jpg": picture(1), "b.jpg": picture(2)}, label="")
    labelled, bare = (outcome.image_id for outcome in report.outcomes)
    services.labelling.label([labelled], "Full", "ann")
    services.stores.edits.archive([labelled, bare], "ann")
    again = take({"a.jpg": picture(1), "b.jpg": picture(2), "c.jpg": picture(1)}, label="Half", actor="bob")
    assert results(again) == [PRESENT] * 3
    assert [outcome.note for outcome in again.outcomes] == [*["It was in the bin and is back."] * 2, ""]
    assert [outcome.image_id for outcome in again.outcomes] == [labelled, bare, labelled]
    assert labels(services) == {"a.jpg": "Full", "b.jpg": "Half"}
    newest = services.stores.journal.history(labelled)[0].event
    assert (newest.actor, newest.summary) == ("bob", "brought a.jpg back")


def test_a_picture_that_was_thrown_away_is_taken_in_again(services: Services, take: Take) -> None:
    first = take({"a.jpg": picture(1)}, label="Full").outcomes[0]
    services.stores.edits.archive([first.image_id], "ann")
    services.stores.edits.empty_bin()
    again = take({"b.jpg": picture(1)}, label="Half").outcomes[0]
    assert (again.result, again.image_id) == (IMPORTED, first.image_id)
    assert again.note == "It was thrown away before and is back."
    assert labels(services) == {"b.jpg": "Half"}


def test_what_became_of_each_batch_is_told_within_its_write(
    services: Services, upload: Callable[[str, bytes], Upload]
) -> None:
    entries = {f"Full/{index}.jpg": picture(index) if index % 3 else b"text" for index in range(150)}
    reported: list[FileOutcome] = []
    sizes: list[int] = []

    def record(outcomes: Sequence[FileOutcome]) -> None:
        assert services.stores.database.connection().in_transaction
        reported.extend(outcomes)
        sizes.append(len(outcomes))

    order = ImportRequest(sources([upload("a.zip", zipped(entries))], services.settings.limits))
    assert list(services.ingest.run(order, record).outcomes) == reported
    assert [outcome.file for outcome in reported] == list(entries)
    assert len(sizes) >= 3


def test_a_batch_that_cannot_be_recorded_is_not_taken_in(services: Services) -> None:
    files = [Source(f"{index}.jpg", "Full", lambda index=index: picture(index)) for index in range(100)]
    taken: list[int] = []

    def record(outcomes: Sequence[FileOutcome]) -> None:
        if taken:
            raise RuntimeError("no room for the report")
        taken.append(len(outcomes))

    with pytest.raises(RuntimeError, match="no room"):
        services.ingest.run(ImportRequest(files), record)
    assert services.stores.catalogue.summary(()).images == taken[0]


def test_what_was_reported_stays_when_the_import_breaks_off(services: Services) -> None:
    def breaking() -> Iterator[Source]:
        for index in range(100):
            yield Source(f"{index}.jpg", "", lambda index=index: picture(index))
        raise RuntimeError("the uploads are gone")

    outcomes: list[FileOutcome] = []
    with pytest.raises(RuntimeError, match="gone"):
        services.ingest.run(ImportRequest(breaking()), outcomes.extend)
    assert outcomes
    assert services.stores.catalogue.summary(()).images == len(outcomes)


def test_synthetic_pictures_are_marked(services: Services, take: Take) -> None:
    take({"a.jpg": picture(1)}, synthetic=True)
    take({"b.jpg": picture(2)})
    marks = {item.filename: item.synthetic for item in services.stores.pages.page(Filter()).items}
    assert marks == {"a.jpg": True, "b.jpg": False}


def test_of_an_animation_the_first_frame_is_taken_and_said_so(services: Services, take: Take) -> None:
    buffer = BytesIO()
    first, second = (Image.new("RGB", (300, 200), colour) for colour in ("tan", "blue"))
    first.save(buffer, "GIF", save_all=True, append_images=[second])
    [outcome] = take({"moving.gif": buffer.getvalue()}).outcomes
    assert outcome.note == "Only the first of its 2 frames was taken."
    image = services.stores.catalogue.get(outcome.image_id or 0)
    assert (image.frames, image.flags) == (2, ("uniform",))


def test_a_damaged_canonical_picture_is_made_again(services: Services, take: Take) -> None:
    [outcome] = take({"a.jpg": picture(1)}).outcomes
    sha256 = services.stores.catalogue.get(outcome.image_id or 0).sha256
    derivatives = services.stores.derivatives
    whole = derivatives.canonical(sha256, "letterbox")
    path = next((services.stores.root / "blobs" / "canonical-letterbox").rglob(sha256))
    path.write_bytes(b"cut off")
    assert np.array_equal(derivatives.canonical(sha256, "letterbox"), whole)
    assert path.stat().st_size == 256 * 256 * 3
