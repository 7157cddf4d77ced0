"""Tables as other programs write them, beside the pictures that they name."""

import json
import unicodedata
from typing import Any

import pytest

from storage.jobs.import_jobs import IMPORTED, REJECTED, FileOutcome
from tests.pictures import picture
from tests.workbench.conftest import Bring
from tests.workbench.importing.test_csv_table import known
from tests.workbench.importing.test_uploads import zipped
from workbench.services import Services


def labels(services: Services) -> dict[str, str | None]:
    return {name: label for name, (label, _) in known(services).items()}


def rejected(outcomes: list[FileOutcome]) -> list[str]:
    return [outcome.reason for outcome in outcomes if outcome.result == REJECTED]


def pictures(*names: str) -> dict[str, bytes]:
    return {name: picture(number) for number, name in enumerate(names)}


def annotated(image: str | dict[str, Any], **value: Any) -> dict[str, Any]:
    """A task of Label Studio with one answer."""
    data = image if isinstance(image, dict) else {"image": image}
    return {"id": 1, "data": data, "annotations": [{"result": [{"from_name": "x", "value": value}]}]}


def small(image: str, **answers: Any) -> dict[str, Any]:
    """A row of Label Studio's JSON_MIN."""
    return {"image": image, "id": 1, **answers, "annotator": 1, "annotation_id": 1, "lead_time": 2.5}


ROBOFLOW = b"filename, Full, Half\na.jpg, 1, 0\nb.jpg, 0, 1\n"


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (ROBOFLOW, {"a.jpg": "Full", "b.jpg": "Half"}),
        (b"image,MEL,NV,UNK\na,1.0,0.0,0.0\nb,0.0,1.0,0.0\n", {"a.jpg": "MEL", "b.jpg": "NV"}),
        (b"image_id;healthy;rust\na;1;0\nb;;1\n", {"a.jpg": "healthy", "b.jpg": "rust"}),
        (
            b"filename\twidth\tFull\tHalf\na.jpg\t640\t1\t0\nb.jpg\t480\t0\t1\n",
            {"a.jpg": "Full", "b.jpg": "Half"},
        ),
        (b"filename,split,Full,Half\na.jpg,train,1,0\nb.jpg,val,0,1\n", {"a.jpg": "Full", "b.jpg": "Half"}),
    ],
)
def test_a_column_of_0_and_1_for_each_class(
    services: Services, bring: Bring, table: bytes, expected: dict[str, str]
) -> None:
    outcomes = bring(
        {"a.zip": zipped({**pictures("train/a.jpg", "train/b.jpg"), "train/_classes.csv": table})}
    )
    assert labels(services) == expected
    assert rejected(outcomes) == []
    assert {split for _, split in known(services).values()} <= {"train", "validation"}


def test_a_line_with_no_class_or_several_has_none_and_is_told(services: Services, bring: Bring) -> None:
    table = b"filename,Full,Half\na.jpg,1,0\nb.jpg,0,0\nc.jpg,1,1\nd.jpg,1,7\n"
    lines = b"".join(b"%d.jpg,1,0\n" % number for number in range(600))
    outcomes = bring(
        {**pictures("a.jpg", "b.jpg", "c.jpg", "d.jpg"), "l.csv": table.replace(b"d.jpg", lines + b"d.jpg")}
    )
    assert labels(services) == {"a.jpg": "Full", "b.jpg": None, "c.jpg": None, "d.jpg": None}
    problems = rejected(outcomes)
    assert problems[:3] == [
        "Line 3 has no class: no column has a 1.",
        "Line 4 has 2 classes (Full, Half), so its picture has none.",
        "Line 605 has “7” where 0 or 1 was expected, so its picture has no class.",
    ]


@pytest.mark.parametrize(
    "table",
    [
        b"filename,width,height\na.jpg,640,480\nb.jpg,1,0\n",
        b"filename,f1,f2,f3\na.jpg,0.12,0.5,1\nb.jpg,0.7,1,0\n",
        b"filename,age,smoker,male\na.jpg,61,0,1\nb.jpg,44,1,1\n",
        b"filename,blurred\na.jpg,1\nb.jpg,0\n",
        b"filename,kind of thing\na.jpg,x\nb.jpg,y\n",
    ],
)
def test_other_columns_are_no_classes_and_the_columns_are_told(
    services: Services, bring: Bring, table: bytes
) -> None:
    outcomes = bring({"a.zip": zipped({**pictures("train/a.jpg", "valid/b.jpg"), "train/t.csv": table})})
    assert labels(services) == {"a.jpg": None, "b.jpg": None}
    assert services.stores.classes.all() == ()
    [reason] = rejected(outcomes)
    assert "no column label" in reason
    assert table.split(b"\n")[0].decode().replace(",", ", ") in reason


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ("image,level\n10_left,mild\n", "10_left.jpeg"),
        ("id_code,diagnosis\n10_left,mild\n", "10_left.jpeg"),
        ("id,breed\n10,mild\n", "10.png"),
        ("image_id,dx,age\nISIC_01.v2,mild,50\n", "ISIC_01.v2.JPG"),
        ("lesion_id,image_id,dx\nx,a,mild\n", "a.jpg"),
        ("img,target\ndeep/a,mild\n", "deep/a.webp"),
        ("Image_ID,Class\nA,mild\n", "a.bmp"),
        ("file,species\na.jpg,mild\n", "a.jpg"),
    ],
)
def test_the_usual_columns_and_names_without_ending(
    services: Services, bring: Bring, table: str, named: str
) -> None:
    bring(
        {
            "a.zip": zipped(
                {f"train/{named}": picture(1), "train/other.txt.jpg": picture(2), "l.csv": table.encode()}
            )
        }
    )
    assert labels(services) == {named.rsplit("/", 1)[-1]: "mild", "other.txt.jpg": None}


def test_numbers_name_files_in_json_lines(services: Services, bring: Bring) -> None:
    bring({"12.jpg": picture(1), "l.jsonl": b'{"image_id": 12, "label": "Full"}\n'})
    assert labels(services) == {"12.jpg": "Full"}


@pytest.mark.parametrize("named", [("x/a.jpg", "y/a.jpg"), ("a.jpg", "a.png")])
def test_a_name_without_ending_counts_for_one_file_alone(
    services: Services, bring: Bring, named: tuple[str, str]
) -> None:
    outcomes = bring({"a.zip": zipped({**pictures(*named), "l.csv": b"image,label\na,Full\n"})})
    assert "Full" not in labels(services).values()
    assert "could be 2 files" in rejected(outcomes)[0]


UPLOADED = [
    ("my photo (1).jpg", "/data/upload/3/0a1b2c30-my_photo_1.jpg"),
    ("a+b.jpg", "/data/upload/3/0a1b2c30-ab.jpg"),
    ("a.jpg", "/data/upload/3/0a1b2c30-a_Ab3dE9x.jpg"),
    ("a.jpg", "http://localhost:8080/data/upload/3/0a1b2c30-a.jpg"),
    ("a.jpg", "0a1b2c30-a.jpg"),
    ("Flasche (voll) äöü.jpg", "/data/upload/3/0a1b2c30-Flasche_voll_äöü.jpg"),
    (unicodedata.normalize("NFD", "Füllhöhe.jpg"), unicodedata.normalize("NFC", "Füllhöhe.jpg")),
    (unicodedata.normalize("NFC", "Füllhöhe 1.jpg"), unicodedata.normalize("NFD", "Füllhöhe_1.jpg")),
    ("50% #1?.jpg", "50% 1.jpg"),  # Gradio, older versions
    ("what?.jpg", "what.jpg"),
    ("what.jpg", "what?.jpg"),  # the file was uploaded, the table was not
    ("my photo.jpg", "my%20photo.jpg"),
    ("my photo.jpg", "my+photo.jpg"),
    ("my photo.jpg", "/data/local-files/?d=x/my%20photo.jpg"),
    ("a & b.jpg", "/data/local-files/?d=x/a & b.jpg"),
    ("100%25.jpg", "100%25.jpg"),
    ("a+b.jpg", "s3://bucket/x/a%2Bb.jpg"),
    ("a.jpg", "gs://bucket/x/a.jpg?X-Goog-Signature=1/2.png"),
    ("a.jpg", "azure-blob://store/x/a.jpg"),
    ("x" * 240 + ".jpg", "x" * 196 + ".jpg"),  # Gradio keeps 200 bytes
]


@pytest.mark.parametrize(("file", "written"), UPLOADED)
@pytest.mark.parametrize("there", [False, True])
def test_names_that_uploaders_change(
    services: Services, bring: Bring, file: str, written: str, there: bool
) -> None:
    table = {"l.json": json.dumps([annotated(written, choices=["Full"])]).encode()}
    if there:
        bring({file: picture(1)})
        bring(table)
    else:
        bring({file: picture(1), "zzz.jpg": picture(2), **table})
    assert labels(services)[file] == "Full"


@pytest.mark.parametrize(
    ("files", "written"),
    [
        (("IMG 2.jpg", "IMG_2.jpg"), "/data/upload/3/0a1b2c30-IMG_2.jpg"),
        (("a+b.jpg", "a&b.jpg"), "0a1b2c30-ab.jpg"),
        (("x/a b.jpg", "y/a b.jpg"), "a_b.jpg"),
        (("a b.jpg", "a&_b.png"), "a_b"),
    ],
)
def test_a_changed_name_counts_for_one_file_alone(
    services: Services, bring: Bring, files: tuple[str, str], written: str
) -> None:
    outcomes = bring(
        {
            "a.zip": zipped(
                {**pictures(*files), "l.json": json.dumps([annotated(written, choices=["Full"])]).encode()}
            )
        }
    )
    assert "Full" not in labels(services).values()
    assert "could be 2 files" in rejected(outcomes)[0]


def test_a_name_that_is_right_comes_before_one_that_was_changed(services: Services, bring: Bring) -> None:
    table = b"filename,label\nphoto_Ab3dE9x.jpg,Half\nphoto.jpg,Full\nIMG_2.jpg,Half\n"
    outcomes = bring({**pictures("photo.jpg", "IMG 2.jpg", "IMG_2.jpg"), "l.csv": table})
    assert labels(services) == {"photo.jpg": "Full", "IMG 2.jpg": None, "IMG_2.jpg": "Half"}
    assert rejected(outcomes) == ["Line 2 names “photo_Ab3dE9x.jpg” again; the first line counts."]


TREE = [{"taxonomy": [["Bottle", "Full"]]}]


@pytest.mark.parametrize(
    "row",
    [
        small("a.jpg", level="Full"),
        small("a.jpg", choice="Full"),
        small("a.jpg", filling={"choices": ["Full"]}),
        small("a.jpg", filling=[{"choices": ["Full"]}]),
        small("a.jpg", filling=TREE),
        small("a.jpg", comment="blurred", level="Full"),
        small("/data/upload/1/0a1b2c3d-a.jpg", filling="Full"),
        {**small("a.jpg", filling="Full"), "category": "kitchen"},
        dict(sorted({**small("a.jpg", zustand="Full"), "created_at": "2026"}.items())),
        annotated("a.jpg", choices=["Full"]),
        annotated("a.jpg", taxonomy=[["Bottle", "Full"]]),
        annotated({"photo": "/data/upload/1/0a1b2c3d-a.jpg", "caption": "at 3.45 pm"}, choices=["Full"]),
        annotated({"url": "https://h.com/a.jpg?x=1.5", "source": "www.example.com"}, choices=["Full"]),
        annotated({"file": "batch-7", "image": "a.jpg"}, choices=["Full"]),
        annotated({"thumbnail": "t/b.jpg", "img": "a.jpg"}, choices=["Full"]),
        annotated({"image": "a", "text": "no"}, choices=["Full"]),
    ],
)
def test_what_label_studio_exports(services: Services, bring: Bring, row: dict[str, Any]) -> None:
    outcomes = bring({"a.jpg": picture(1), "min.json": json.dumps([row]).encode()})
    assert labels(services) == {"a.jpg": "Full"}
    assert rejected(outcomes) == []


def test_label_studios_csv_has_the_class_under_the_controls_name_too(
    services: Services, bring: Bring
) -> None:
    table = (
        "image,id,filling,annotator,annotation_id,lead_time\n"
        '/data/upload/1/0a1b2c3d-a.jpg,1,Full,1,1,2.5\nb.jpg,2,"{""choices"": [""Half"", ""Full""]}",1,2,2.5\n'
    )
    outcomes = bring({**pictures("a.jpg", "b.jpg"), "l.csv": table.encode()})
    assert labels(services) == {"a.jpg": "Full", "b.jpg": "Half"}
    assert rejected(outcomes) == ["Line 3 has several choices; the first one counts."]


def test_of_several_controls_the_one_called_like_a_class_counts(services: Services, bring: Bring) -> None:
    results = [
        {"from_name": "quality", "value": {"choices": ["good"]}},
        {"from_name": "Level", "value": {"choices": ["Full"]}},
    ]
    bring(
        {
            "a.jpg": picture(1),
            "l.json": json.dumps(
                [{"data": {"image": "a.jpg"}, "annotations": [{"result": results}]}]
            ).encode(),
        }
    )
    assert labels(services) == {"a.jpg": "Full"}


@pytest.mark.parametrize(
    "row",
    [
        small("a.jpg", first="x", second="y"),
        {"image": "a.jpg", "fuellung": "Full", "note": "x"},
        {"image": "a.jpg", "id": 3},
    ],
)
def test_where_no_class_is_found_it_is_said(services: Services, bring: Bring, row: dict[str, Any]) -> None:
    outcomes = bring({"a.jpg": picture(1), "min.json": json.dumps([row]).encode()})
    assert labels(services) == {"a.jpg": None}
    [reason] = rejected(outcomes)
    assert reason.startswith("No class was found in it")
    assert all(name in reason for name in row)


def test_tasks_that_nobody_has_answered_are_told_of(services: Services, bring: Bring) -> None:
    outcomes = bring(
        {
            "a.jpg": picture(1),
            "l.json": json.dumps([{"data": {"image": "a.jpg"}, "annotations": []}]).encode(),
        }
    )
    assert outcomes[1].note == "1 line, of which 1 name a file of this import. None of them has a class."


@pytest.mark.parametrize("label", ["<25%", "N/A", "x" * 300, 'a"b', "tab\x07bell"])
@pytest.mark.parametrize("beside", [True, False])
def test_a_label_that_cannot_be_a_class_does_not_lose_the_picture(
    services: Services, bring: Bring, label: str, beside: bool
) -> None:
    table = {"l.json": json.dumps([annotated("a.jpg", choices=[label])]).encode()}
    outcomes = (
        bring({"a.jpg": picture(1), **table}) if beside else [*bring({"a.jpg": picture(1)}), *bring(table)]
    )
    assert labels(services) == {"a.jpg": None}
    assert outcomes[0].result == IMPORTED
    assert services.stores.classes.all() == ()
    assert any("class name" in outcome.note for outcome in outcomes)


def test_a_table_without_pictures_beside_it_that_cannot_be_read_makes_no_classes_of_sides(
    services: Services, bring: Bring
) -> None:
    bring({"l.csv": b"filename,colour\na.jpg,red\n", "a.zip": zipped(pictures("train/a.jpg", "valid/b.jpg"))})
    assert known(services) == {"a.jpg": (None, "train"), "b.jpg": (None, "validation")}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["data/a.jpg", "data/t.csv"], {"a.jpg": None}),
        (["data/Full/a.jpg", "data/Half/b.jpg", "data/t.csv"], {"a.jpg": "Full", "b.jpg": "Half"}),
        (["Full/a.jpg", "Half/b.jpg", "Full/t.csv", "Half/t.csv"], {"a.jpg": "Full", "b.jpg": "Half"}),
        (["Full/a.jpg", "Half/b.jpg", "t.csv"], {"a.jpg": "Full", "b.jpg": "Half"}),
    ],
)
def test_the_folder_that_holds_a_table_and_all_pictures_is_no_class(
    services: Services, bring: Bring, names: list[str], expected: dict[str, str | None]
) -> None:
    table = b"filename,colour\na.jpg,red\n"
    files = {name: table if name.endswith("csv") else picture(number) for number, name in enumerate(names)}
    bring({"a.zip": zipped(files)})
    assert labels(services) == expected


def test_a_changed_name_is_found_in_any_folder(services: Services, bring: Bring) -> None:
    tasks = [
        annotated("/data/upload/3/0a1b2c30-my_photo_1.jpg", choices=["Full"]),
        annotated("x/b_1.jpg", choices=["Half"]),
    ]
    files = {
        **pictures("train/my photo (1).jpg", "y/x/b 1.jpg", "z/b 1.jpg"),
        "l.json": json.dumps(tasks).encode(),
    }
    outcomes = bring({"a.zip": zipped(files)})
    labels_by_file = {outcome.file: outcome.label for outcome in outcomes if outcome.result == IMPORTED}
    assert labels_by_file == {"train/my photo (1).jpg": "Full", "y/x/b 1.jpg": "Half", "z/b 1.jpg": ""}
