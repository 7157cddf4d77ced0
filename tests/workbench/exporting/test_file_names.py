"""Names of files, classes and sides on their way out and back."""

import hashlib
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from storage.catalogue.export_rows import ExportRow
from storage.core.errors import DomainError
from tests.pictures import picture, write_zip
from tests.workbench.conftest import Bring
from tests.workbench.exporting.test_service import ZIPS, brought, facts, originals
from workbench.catalogue.labelling import class_name
from workbench.core.file_names import unique_file_names
from workbench.core.settings import Settings
from workbench.exporting.formats import FORMATS
from workbench.exporting.service import ExportOrder
from workbench.importing.service import NewImport
from workbench.importing.uploads import Upload
from workbench.services import Services, build_services

ODD = [
    *(
        "images",
        "train",
        "test",
        "val",
        "masks",
        "labels.csv",
        "a.zip",
        "sep=;",
        "filename",
        "None",
        "null",
        "0",
        "1.0",
        "-1",
    ),
    *(
        "'",
        "''=1",
        "=1+1",
        "＝1",
        "a;=b",
        "a, b; -c",
        "50% a+b & c #1",
        "%41",
        "&amp;",
        "~half",
        "$HOME",
        "(1)",
        "[x]",
    ),
    *(
        "trash",
        "thumbs",
        "control",
        "company",
        "Full..x",
        "満水",
        "Füllhöhe",
        "👩\u200d🔬",
        "❤\ufe0f",
        "بطری\u200cها",
        "x" * 60,
        "水" * 60,
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize("kind", FORMATS)
def test_every_class_that_is_allowed_comes_back(
    services: Services, bring: Bring, tmp_path: Path, kind: str
) -> None:
    for number, name in enumerate(ODD):
        bring({f"{number}.jpg": picture(number)}, label=name)
    expected = facts(services)
    assert sorted(label for _, label, _ in expected) == sorted(ODD)
    exported = services.exports.write(ExportOrder(kind)).path
    pictures = [] if FORMATS[kind].pictures else [write_zip(tmp_path / "a.zip", originals(services))]
    assert sorted(facts(brought(tmp_path / "again", *pictures, exported))) == sorted(expected)


OLDER = [
    ".",
    "..",
    "a:b",
    "a_b",
    "CON",
    ".git",
    "Full\u202e",
    "Full",
    "__MACOSX",
    "@eaDir",
    "Full.",
    "x\ufe0f",
]


def test_classes_of_older_data_that_cannot_be_folders_are_exported_under_other_names(
    services: Services, bring: Bring, tmp_path: Path
) -> None:
    for number, name in enumerate(OLDER):
        services.stores.classes.add(name, "#0072B2", "ann")
        [taken] = bring({f"{number}.jpg": picture(number)})
        services.labelling.label([taken.image_id or 0], name, "ann")
    exported = services.exports.write(ExportOrder("folders"))
    assert (exported.pictures, exported.left_out) == (len(OLDER), 0)
    assert set(exported.renamed) == set(OLDER) - {"a_b", "Full"}
    assert {".": "_", "..": "_-2", "a:b": "a_b-2", "CON": "_CON", "Full.": "Full-2"}.items() <= (
        exported.renamed.items()
    )
    with zipfile.ZipFile(exported.path) as archive:
        renamed_lines = archive.read("RENAMED.txt").decode().splitlines()
    assert renamed_lines == [f"{name} -> {folder}" for name, folder in exported.renamed.items()]
    again = {name: name for name in OLDER} | dict(exported.renamed)
    assert {sha256: label for sha256, label, _ in facts(brought(tmp_path / "again", exported.path))} == {
        sha256: again[label] for sha256, label, _ in facts(services)
    }
    for kind in FORMATS:
        assert services.exports.write(ExportOrder(kind)).pictures == len(OLDER)


NAME = st.text(st.characters(blacklist_categories=["Cs"]), max_size=300).map(
    lambda text: text.replace("/", "")
)


def listed(names: list[str]) -> list[ExportRow]:
    digests = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(len(names))]
    return [ExportRow(d, name, "JPEG", 1, 1, 1, "", "") for d, name in zip(digests, names, strict=True)]


@example(["水" * 38, "水" * 38])
@given(st.lists(NAME | st.sampled_from(["a.jpg", "A.JPG", "..", "con.jpg", ".jpg", "Thumbs.db"]), max_size=9))
def test_file_names_are_safe_unlike_and_stay_as_they_are(names: list[str]) -> None:
    unique = unique_file_names(listed(names))
    assert len({name.casefold() for name in unique}) == len(names)
    assert unique_file_names(listed(unique)) == unique
    for name in unique:
        assert len(name.encode()) <= 255
        assert not set(name) & set('<>:"/\\|?*\0\n')
        assert name.endswith((".jpg", ".JPG")) or "." in name
        assert not name.startswith((".", " "))


CLASSES = [
    "",
    "Full",
    "=half",
    "'+x",
    "-",
    "満水",
    "train",
    "test",
    "a, b; c",
    "validation",
    "images",
    "a;=b",
    "＝1",
]


def allowed(text: str) -> str:
    """The class of that name, none where it cannot be one."""
    try:
        return class_name(text)
    except DomainError:
        return ""


CLASS = (
    st.sampled_from(CLASSES)
    | st.text(max_size=60).map(allowed)
    | st.text("a.;'=-＋ \u0301%&#", max_size=6).map(allowed)
)
SIDE = st.sampled_from(["", "train", "validation", "test"])


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(NAME, CLASS, SIDE), min_size=1, max_size=5), st.sampled_from(ZIPS))
def test_any_names_classes_and_sides_come_back(rows: list[tuple[str, str, str]], kind: str) -> None:
    with TemporaryDirectory() as place:
        services = build_services(Settings(data=Path(place) / "first"))
        for number, (name, label, side) in enumerate(rows):
            file = Path(place) / str(number)
            file.write_bytes(picture(number))
            new_import = NewImport([Upload(file, f"{name}.jpg")], label=label)
            services.imports.wait(services.imports.start(new_import))
            if side and kind != "folders":
                services.stores.edits.pin([number + 1], side, "ann")
        first = services.exports.write(ExportOrder(kind))
        again = brought(Path(place) / "again", first.path)
        assert facts(again) == facts(services)
        assert again.exports.write(ExportOrder(kind)).path.read_bytes() == first.path.read_bytes()
