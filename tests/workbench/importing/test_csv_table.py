"""Tables beside pictures, in their zip, or alone; and what folders say."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.core.errors import DomainError
from storage.jobs.import_jobs import IMPORTED, PRESENT, READ, REJECTED, FileOutcome
from storage.records import Filter
from tests.pictures import picture, write_zip
from tests.sentences import raises_sentence
from tests.workbench.conftest import Bring
from tests.workbench.importing.test_uploads import zipped
from workbench.core.settings import Settings
from workbench.importing.server_folders import NONE_ALLOWED, NOT_ALLOWED
from workbench.importing.service import NewImport
from workbench.importing.uploads import OUTSIDE, Upload
from workbench.services import Services, build_services

TABLE = b"filename,label,split\na.jpg,Full,train\nb.jpg,Half,val\nc.jpg,,\n"


def known(services: Services) -> dict[str, tuple[str | None, str]]:
    """Class and side by hand of each picture by its file name."""
    ids = services.stores.pages.all_ids(Filter())
    return {image.filename: (image.label, image.pin) for image in services.stores.catalogue.several(ids)}


def file_results(outcomes: list[FileOutcome]) -> list[tuple[str, str, str]]:
    return [(outcome.file, outcome.result, outcome.reason or outcome.note) for outcome in outcomes]


def test_a_table_beside_its_pictures_names_classes_and_sides(services: Services, bring: Bring) -> None:
    outcomes = bring({"a.jpg": picture(1), "labels.csv": TABLE, "b.jpg": picture(2), "c.jpg": picture(3)})
    assert known(services) == {
        "a.jpg": ("Full", "train"),
        "b.jpg": ("Half", "validation"),
        "c.jpg": (None, ""),
    }
    assert file_results(outcomes)[-1] == (
        "labels.csv",
        READ,
        "3 lines, of which 3 name a file of this import.",
    )
    assert [outcome.label for outcome in outcomes] == ["Full", "Half", "", ""]


@pytest.mark.parametrize("beside", [True, False])
def test_a_table_and_a_zip(services: Services, bring: Bring, beside: bool) -> None:
    pictures = {f"images/{name}.jpg": picture(number) for number, name in enumerate("abcd")}
    if beside:
        bring({"a.zip": zipped(pictures), "labels.csv": TABLE})
    else:
        outcomes = bring({"a.zip": zipped({**pictures, "images/labels.csv": TABLE})})
        assert file_results(outcomes)[3] == (
            "images/d.jpg",
            IMPORTED,
            "No table names it, so it has no class.",
        )
    assert known(services) == {
        "a.jpg": ("Full", "train"),
        "b.jpg": ("Half", "validation"),
        "c.jpg": (None, ""),
        "d.jpg": (None, ""),
    }


def test_what_a_table_says_of_files_that_are_not_there_stops_nothing(
    services: Services, bring: Bring
) -> None:
    table = b"filename,label\ngone.jpg,Full\na.jpg,<b>\nb.jpg,Half\nb.jpg,Full\nB.JPG,Half\n"
    outcomes = bring({"a.jpg": picture(1), "b.jpg": picture(2), "l.csv": table, "broken.csv": b"a,b\n1,2\n"})
    assert [(outcome.file, outcome.result) for outcome in outcomes] == [
        ("a.jpg", IMPORTED),
        ("b.jpg", IMPORTED),
        ("l.csv", READ),
        ("l.csv", REJECTED),
        ("broken.csv", REJECTED),
        ("l.csv", REJECTED),
    ]
    assert "cannot have" in outcomes[0].note
    reasons = [outcome.reason for outcome in outcomes if outcome.reason]
    assert reasons[0] == "Line 5 names “b.jpg” again; the first line counts."
    assert "no column filename and no column label" in reasons[1]
    assert reasons[2] == (
        "Line 2: “gone.jpg” is neither among the files of this import nor in the catalogue."
    )
    assert known(services) == {"a.jpg": (None, ""), "b.jpg": ("Half", "")}
    assert [class_.name for class_ in services.stores.classes.all()] == ["Half"]


def test_a_name_that_several_files_have_asks_for_the_folder(services: Services, bring: Bring) -> None:
    files = {"x/a.jpg": picture(1), "y/a.jpg": picture(2), "z/b.jpg": picture(3)}
    table = b"filename,label\na.jpg,Full\nY/A.JPG,Half\nother/b.jpg,Full\n"
    outcomes = bring({"a.zip": zipped({**files, "t/l.csv": table})})
    reasons = [outcome.reason for outcome in outcomes if outcome.result == REJECTED]
    assert reasons[0] == "Line 2: “a.jpg” could be 2 files (x/a.jpg, y/a.jpg). Write its folder too."
    assert "Line 4: “other/b.jpg” is neither" in reasons[1]
    labels = {outcome.file: outcome.label for outcome in outcomes if outcome.result == IMPORTED}
    assert labels == {"x/a.jpg": "", "y/a.jpg": "Half", "z/b.jpg": ""}


def test_a_table_alone_labels_what_is_there(services: Services, bring: Bring) -> None:
    bring({"a.jpg": picture(1), "b.jpg": picture(2), "c.jpg": picture(3)}, label="Half")
    bring({"c.jpg": picture(4)}, label="Half")
    digest = hashlib.sha256(picture(4)).hexdigest()
    table = f"filename,label,split,sha256\nx/a.jpg,FULL,train,\nb.jpg,HALF,,\nc.jpg,Full,,\n?,Full,,{digest}\n,Full,,\n"
    outcomes = bring({"labels.csv": table.encode()}, actor="ann")
    assert file_results(outcomes) == [
        ("labels.csv", READ, "4 lines, of which 0 name a file of this import."),
        ("labels.csv", REJECTED, "Line 6 names no file."),
        ("x/a.jpg", PRESENT, "Labelled FULL; it was Half. Moved to train."),
        ("b.jpg", PRESENT, "It stays as it is."),
        ("?", PRESENT, "Labelled FULL; it was Half."),
        (
            "labels.csv",
            REJECTED,
            "Line 4: “c.jpg” is the name of 2 pictures. Add a column sha256 that tells them apart.",
        ),
    ]
    assert [class_.name for class_ in services.stores.classes.all()] == ["Half", "FULL"]
    assert {event.actor for event in services.stores.journal.recent(3)} == {"ann"}


def test_a_label_that_cannot_be_a_class_leaves_the_rest_of_its_line(services: Services, bring: Bring) -> None:
    bring({"a.jpg": picture(1)}, label="Half")
    outcomes = bring({"labels.csv": b"filename,label,split\na.jpg,<25%,train\n"})
    assert outcomes[1].result == PRESENT
    assert "cannot have" in outcomes[1].note
    assert outcomes[1].note.endswith("Moved to train.")
    assert known(services) == {"a.jpg": ("Half", "train")}


def test_label_studio_knows_a_picture_by_its_own_name_for_it(services: Services, bring: Bring) -> None:
    bring({"a.jpg": picture(1), "b.jpg": picture(2)})
    result = [{"type": "choices", "value": {"choices": ["Full"]}}]
    tasks = [
        {"data": {"image": "/data/upload/1/0123abcd-a.jpg"}, "annotations": [{"result": result}]},
        {"data": {"image": "s3://bucket/b.jpg"}, "annotations": [], "predictions": [{"result": result}]},
    ]
    bring({"project.json": json.dumps(tasks).encode()})
    assert known(services) == {"a.jpg": ("Full", ""), "b.jpg": (None, "")}


@pytest.mark.parametrize("data", [b"[" * 300_000, b'{"a": 1}', b"\xff\xfe\xff", b"[]" * 9])
def test_json_that_is_no_export_leaves_the_pictures(services: Services, bring: Bring, data: bytes) -> None:
    outcomes = bring({"a.json": data, "a.zip": zipped({"Full/a.jpg": picture(1), "Full/b.json": data})})
    assert [outcome.result for outcome in outcomes] == [IMPORTED, REJECTED, REJECTED]
    assert known(services) == {"a.jpg": ("Full", "")}


def test_a_table_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    limits = build_services(Settings(data=tmp_path / "w")).settings.limits
    small = build_services(Settings(data=tmp_path / "w", limits=type(limits)(table_mb=1)))
    big = tmp_path / "big.json"
    big.write_bytes(b"[" + b" " * (1 << 20) + b"]")
    import_id = small.imports.start(NewImport([Upload(big, "big.json")]))
    small.imports.wait(import_id)
    [outcome] = small.imports.every_file(import_id)
    assert "larger than 1 MB" in outcome.reason


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["train/Full/a", "test/Half/b"], {"a": ("Full", "train"), "b": ("Half", "test")}),
        (["Train/Full/a", "TEST/Half/b"], {"a": ("Full", "train"), "b": ("Half", "test")}),
        (["testing/Full/a", "eval/Half/b"], {"a": ("Full", "validation"), "b": ("Half", "validation")}),
        (["dev/Full/a", "Evaluation/Half/b"], {"a": ("Full", "validation"), "b": ("Half", "validation")}),
        (["dev/a", "prod/b"], {"a": ("dev", ""), "b": ("prod", "")}),
        (["train2017/Full/a", "val2017/Half/b"], {"a": ("Full", "train"), "b": ("Half", "validation")}),
        (
            ["my_train_images/Full/a", "my_test_images-00/Half/b"],
            {"a": ("Full", "train"), "b": ("Half", "test")},
        ),
        (["train_station/day/a", "test_bench/night/b"], {"a": ("day", ""), "b": ("night", "")}),
        (["train_station/a", "test_bench/b"], {"a": ("train_station", ""), "b": ("test_bench", "")}),
        (["contest/day/a", "latest/night/b"], {"a": ("day", ""), "b": ("night", "")}),
        (["set/Train/Full/a", "set/VAL/Full/b"], {"a": ("Full", "train"), "b": ("Full", "validation")}),
        (["train/Full/a", "test/b"], {"a": ("Full", "train"), "b": (None, "test")}),
        (["train/a", "car/b"], {"a": ("train", ""), "b": ("car", "")}),
        (["train/a", "test/b"], {"a": ("train", ""), "b": ("test", "")}),
        (["train/test/a"], {"a": ("test", "train")}),
    ],
)
def test_folders_of_a_split_name_no_class_where_there_are_folders_in_them(
    services: Services, bring: Bring, files: list[str], expected: dict[str, tuple[str | None, str]]
) -> None:
    bring({"a.zip": zipped({f"{name}.jpg": picture(number) for number, name in enumerate(files)})})
    assert known(services) == {f"{name}.jpg": value for name, value in expected.items()}


def test_a_folder_whose_side_is_not_that_of_its_name_everywhere_is_told(
    services: Services, bring: Bring
) -> None:
    names = ["set/train/Full/a", "set/testing/Half/b", "set/Test/Half/c", "set/train/Half/d"]
    outcomes = bring({"a.zip": zipped({f"{name}.jpg": picture(number) for number, name in enumerate(names)})})
    assert file_results(outcomes)[4:] == [
        ("set/Test/", READ, "This folder was read as the test: it is kept out of training and of choosing."),
        (
            "set/testing/",
            READ,
            "This folder was read as validation: it chooses epochs. Only a folder called test is kept out of that.",
        ),
    ]


def test_a_table_puts_pictures_into_the_test(services: Services, bring: Bring) -> None:
    table = b"filename,label,split\na.jpg,Full,Test\nb.jpg,Half,testing\nc.jpg,Half,dev\n"
    bring({"labels.csv": table, **{f"{name}.jpg": picture(number) for number, name in enumerate("abc")}})
    assert known(services) == {
        "a.jpg": ("Full", "test"),
        "b.jpg": ("Half", "validation"),
        "c.jpg": ("Half", "validation"),
    }


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_an_image_folder_with_metadata(services: Services, bring: Bring, kind: str) -> None:
    def metadata(name: str, label: str) -> bytes:
        row = json.dumps({"file_name": name, "label": label})
        return (f"file_name,label\n{name},{label}\n" if kind == "csv" else f"{row}\n").encode()

    bring(
        {
            "a.zip": zipped(
                {
                    "train/0.jpg": picture(1),
                    f"train/metadata.{kind}": metadata("0.jpg", "Full"),
                    "validation/0.jpg": picture(2),
                    f"validation/metadata.{kind}": metadata("0.jpg", "Half"),
                }
            )
        }
    )
    images = services.stores.catalogue.several(services.stores.pages.all_ids(Filter()))
    assert [(image.label, image.pin) for image in images] == [("Full", "train"), ("Half", "validation")]


def test_a_picture_that_was_there_keeps_its_class_and_side(services: Services, bring: Bring) -> None:
    bring({"a.jpg": picture(1), "b.jpg": picture(2), "l.csv": b"filename,label,split\na.jpg,Full,train\n"})
    bring({"a.jpg": picture(1), "b.jpg": picture(2), "labels.csv": TABLE.replace(b"Full,train", b"Half,val")})
    assert known(services) == {"a.jpg": ("Full", "train"), "b.jpg": ("Half", "validation")}


def test_names_that_differ_in_case_are_one_class_in_the_report_too(services: Services, bring: Bring) -> None:
    table = b"filename,label\na.jpg,Full\nb.jpg,FULL\nc.jpg,full\n"
    bring({"a.jpg": picture(1), "b.jpg": picture(2), "c.jpg": picture(3), "l.csv": table})
    assert services.imports.state().labels == {"Full": 3}
    assert [class_.name for class_ in services.stores.classes.all()] == ["Full"]


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder on the server with pictures, and with what must not be read."""
    folder = tmp_path / "shared"
    (folder / "set" / "Full").mkdir(parents=True)
    (folder / "set" / "Full" / "a.jpg").write_bytes(picture(1))
    (folder / "set" / "b.jpg").write_bytes(picture(2))
    (folder / "set" / ".hidden.jpg").write_bytes(picture(3))
    write_zip(folder / "set" / "more.zip", {"Half/c.jpg": picture(4)})
    (tmp_path / "secret.jpg").write_bytes(picture(5))
    (folder / "set" / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (folder / "out").symlink_to(tmp_path)
    return folder


@pytest.fixture
def allowed(shared: Path, tmp_path: Path) -> Services:
    return build_services(Settings(data=tmp_path / "workbench", import_folders=(shared.resolve(),)))


def folder_import(services: Services, folder: str) -> list[FileOutcome]:
    ended = services.imports.wait(services.imports.start(NewImport(folder=folder)))
    assert ended.status == "finished", ended.error
    return list(services.imports.every_file(ended.id))


@pytest.mark.parametrize("whole", [True, False])
def test_a_folder_of_the_server_is_read_in_place(allowed: Services, shared: Path, whole: bool) -> None:
    before = sorted(shared.rglob("*"))
    outcomes = folder_import(allowed, str(shared / "set") if whole else "set")
    assert file_results(outcomes) == [
        ("b.jpg", IMPORTED, ""),
        ("link.jpg", REJECTED, OUTSIDE),
        ("Half/c.jpg", IMPORTED, ""),
        ("Full/a.jpg", IMPORTED, ""),
    ]
    assert known(allowed) == {"a.jpg": ("Full", ""), "b.jpg": (None, ""), "c.jpg": ("Half", "")}
    assert sorted(shared.rglob("*")) == before
    assert allowed.imports.state().what.startswith("the folder ")


@pytest.mark.parametrize("folder", ["..", "set/../..", "/", "/etc", "out", "set/b.jpg", "nowhere", "a\0b"])
def test_nothing_outside_is_read(allowed: Services, folder: str) -> None:
    [root] = allowed.settings.import_folders
    with raises_sentence(DomainError, NOT_ALLOWED.format(folder=folder, allowed=root)):
        allowed.imports.start(NewImport(folder=folder))
    assert allowed.imports.recent() == []


def test_without_an_allowed_folder_none_is_read(services: Services, tmp_path: Path) -> None:
    with raises_sentence(DomainError, NONE_ALLOWED):
        services.imports.start(NewImport(folder=str(tmp_path)))


def test_a_folder_that_a_link_took_the_place_of_is_not_read(
    allowed: Services, shared: Path, upload: Callable[[str, bytes], Upload]
) -> None:
    allowed.imports.close()
    import_id = allowed.imports.start(NewImport(folder="set"))
    (shared / "set").rename(shared / "kept")
    (shared / "set").symlink_to(shared.parent)
    (shared.parent / "b.jpg").write_bytes(picture(6))
    later = build_services(allowed.settings)
    later.imports.resume()
    later.imports.wait(import_id)
    reasons = {outcome.file: outcome.reason for outcome in later.imports.every_file(import_id)}
    assert reasons["b.jpg"] == OUTSIDE
    assert later.stores.catalogue.summary(()).images == 0
