"""Bringing pictures in and handing them out over HTTP, as scripts do."""

from __future__ import annotations

import csv
import signal
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from storage.catalogue.export_rows import NO_SNAPSHOT
from storage.jobs.import_jobs import NO_IMPORT
from storage.queries.filters import NO_CLASS
from storage.records import Filter
from tests.pictures import picture, write_zip
from tests.running import ROOT, Server, until
from workbench.catalogue.labelling import INVALID_NAME
from workbench.core.path_names import A_CHARACTER
from workbench.core.settings import Settings
from workbench.core.validation import NOT_WHOLE
from workbench.exporting.formats import FORMATS
from workbench.exporting.service import NOTHING_TO_EXPORT, TWO_SOURCES, UNKNOWN_FORMAT
from workbench.importing.server_folders import NOT_ALLOWED
from workbench.importing.service import NONE_RUNNING
from workbench.services import Services, build_services
from workbench.ui.api.imports import NO_FOLDER

ENDED = {"finished", "stopped", "failed"}


def not_allowed(folder: str) -> str:
    """The sentence on a folder that is not allowed, up to those that are."""
    return NOT_ALLOWED.partition("{allowed}")[0].format(folder=folder)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    place = tmp_path_factory.mktemp("intake")
    (place / "shared" / "Full").mkdir(parents=True)
    for number in range(3):
        (place / "shared" / "Full" / f"{number}.jpg").write_bytes(picture(700 + number))
    running = Server(place, WORKBENCH_IMPORT_FOLDERS=str(place / "shared")).start()
    yield running
    running.close()


def finished(client: Client, import_id: int) -> dict:
    def ended() -> dict | None:
        status = client.predict(import_id=import_id, api_name="/import_status")
        return status if status["status"] in ENDED else None

    return until(ended, f"import {import_id} to end", 120)


def rows(path: str) -> list[dict[str, str]]:
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_folder_is_imported_behind_and_reports(client: Client) -> None:
    begun = client.predict(folder="Full", label="Half", by="ann", api_name="/import_folder")
    status = finished(client, begun["import_id"])
    assert (status["status"], status["imported"], status["done"], status["total"]) == ("finished", 3, 3, 3)
    report = rows(client.predict(import_id=status["import_id"], api_name="/import_report"))
    assert [(row["file"], row["result"], row["class"]) for row in report] == [
        (f"{number}.jpg", "imported", "Half") for number in range(3)
    ]
    assert (status["by"], status["what"]) == ("ann", "the folder Full")
    assert client.predict(api_name="/list_imports")[0] == status


@pytest.mark.parametrize(
    ("endpoint", "arguments", "sentence"),
    [
        ("import_folder", {"folder": "/etc"}, not_allowed("/etc")),
        ("import_folder", {"folder": ".."}, not_allowed("..")),
        ("import_folder", {"folder": " "}, NO_FOLDER),
        (
            "import_folder",
            {"folder": "Full", "label": "<b>"},
            INVALID_NAME.format(name="<b>", reason=A_CHARACTER),
        ),
        ("import_status", {"import_id": 99}, NO_IMPORT.format(id=99)),
        ("import_status", {"import_id": "x"}, NOT_WHOLE.format(key="import_id", value='"x"', range="0")),
        ("import_report", {"import_id": 99}, NO_IMPORT.format(id=99)),
        ("list_imports", {"limit": 0}, NOT_WHOLE.format(key="limit", value=0, range="1 to 200")),
        ("stop_import", {"import_id": 99}, NO_IMPORT.format(id=99)),
        ("stop_import", {}, NONE_RUNNING),
        (
            "export_dataset",
            {"format": "coco"},
            UNKNOWN_FORMAT.format(name="coco", formats=", ".join(FORMATS)),
        ),
        ("export_dataset", {"label": "nope"}, NO_CLASS.format(name="nope")),
        ("export_dataset", {"snapshot": 9}, NO_SNAPSHOT.format(id=9)),
        ("export_dataset", {"snapshot": 9, "status": "labelled"}, TWO_SOURCES),
        ("export_dataset", {"search": "no such name"}, NOTHING_TO_EXPORT),
    ],
)
def test_bad_input_is_answered_in_a_sentence(
    client: Client, endpoint: str, arguments: dict, sentence: str
) -> None:
    with pytest.raises(AppError) as error:
        client.predict(**arguments, api_name=f"/{endpoint}")
    assert sentence in str(error.value)


def test_one_zip_by_several_at_once_is_taken_in_once(client: Client, tmp_path: Path) -> None:
    archive_path = str(write_zip(tmp_path / "a.zip", {f"Full/{n}.jpg": picture(100 + n) for n in range(40)}))
    with ThreadPoolExecutor(3) as pool:
        answers = list(
            pool.map(
                lambda _: client.predict(files=[handle_file(archive_path)], api_name="/import_images"),
                range(3),
            )
        )
    assert sorted((answer["imported"], answer["duplicates"]) for answer in answers) == [
        (0, 40),
        (0, 40),
        (40, 0),
    ]
    assert len({tuple(answer["image_ids"]) for answer in answers}) == 1


def test_an_import_is_stopped_and_keeps_what_is_in(client: Client, served: Server, tmp_path: Path) -> None:
    files = {f"Stop/{number}.jpg": picture(1000 + number) for number in range(600)}
    file_data = handle_file(str(write_zip(tmp_path / "a.zip", files)))
    job = client.submit(files=[file_data], api_name="/import_images")

    def begun() -> bool:
        status = client.predict(api_name="/import_status")
        return (status["status"], status["total"]) == ("running", 600) and status["done"] > 0

    until(begun, "progress")
    stopped = client.predict(api_name="/stop_import")
    answer = job.result(timeout=60)
    status = finished(client, stopped["import_id"])
    assert status["status"] == "stopped"
    assert 0 < answer["imported"] == status["imported"] < 600
    assert client.predict(label="Stop", api_name="/list_images")["total"] == status["imported"]


@pytest.mark.parametrize("kind", ["folders", "csv-zip", "huggingface", "label-studio"])
def test_an_export_is_handed_out_and_comes_back(client: Client, tmp_path: Path, kind: str) -> None:
    archive_path = str(write_zip(tmp_path / "a.zip", {f"Back/{n}.jpg": picture(2000 + n) for n in range(5)}))
    ids = client.predict(files=[handle_file(archive_path)], api_name="/import_images")["image_ids"]
    path = client.predict(format=kind, label="Back", api_name="/export_dataset")
    with zipfile.ZipFile(path) as archive:
        contents = {archive.read(name) for name in archive.namelist()}
    assert {picture(2000 + n) for n in range(5)} <= contents
    again = client.predict(files=[handle_file(path)], api_name="/import_images")
    assert (again["imported"], again["duplicates"], again["rejected"]) == (0, 5, [])
    assert again["image_ids"] == ids


def test_a_table_alone_labels_what_is_there(client: Client, tmp_path: Path) -> None:
    (tmp_path / "alone.jpg").write_bytes(picture(3000))
    [image_id] = client.predict(files=[handle_file(str(tmp_path / "alone.jpg"))], api_name="/import_images")[
        "image_ids"
    ]
    (tmp_path / "labels.csv").write_text("filename;label\nalone.jpg;Alone\nnobody.jpg;Alone\n", "utf-16")
    answer = client.predict(
        files=[handle_file(str(tmp_path / "labels.csv"))], by="bob", api_name="/import_images"
    )
    assert answer["image_ids"] == [image_id]
    assert [file["reason"] for file in answer["rejected"]] == [
        "Line 3: “nobody.jpg” is neither among the files of this import nor in the catalogue."
    ]
    [item] = client.predict(label="Alone", api_name="/list_images")["items"]
    assert item["id"] == image_id


@pytest.mark.slow
def test_a_server_that_is_killed_while_it_imports_loses_and_doubles_nothing(tmp_path: Path) -> None:
    server = Server(tmp_path).start()
    try:
        files = {f"Full/{number}.jpg": picture(number) for number in range(700)}
        archive_path = write_zip(
            tmp_path / "a.zip", {**files, "Full/again.jpg": picture(3), "notes.txt": b"text"}
        )
        client = server.client()
        client.submit(files=[handle_file(str(archive_path))], api_name="/import_images")
        for least in (1, 300):
            until(partial(_done, client, least), f"{least} files", 120)
            server.end(signal.SIGKILL)
            _assert_report_and_catalogue_agree(tmp_path / "workbench")
            server.start()
            client = server.client()
        status = finished(client, 1)
    finally:
        server.close()
    assert (status["status"], status["imported"], status["duplicates"]) == ("finished", 700, 1)
    assert (status["rejected"], status["done"], status["total"]) == (1, 702, 702)
    services = _assert_report_and_catalogue_agree(tmp_path / "workbench")
    assert [outcome.file for outcome in services.imports.every_file(1)] == [
        *files,
        "Full/again.jpg",
        "notes.txt",
    ]
    assert list((tmp_path / "workbench" / "staging").iterdir()) == []


def _done(client: Client, least: int) -> bool:
    return client.predict(api_name="/import_status")["done"] >= least


def _assert_report_and_catalogue_agree(data: Path) -> Services:
    services = build_services(Settings(data=data))
    files = [outcome for outcome in services.imports.every_file(1) if outcome.result == "imported"]
    ids = services.stores.pages.all_ids(Filter())
    assert sorted(file.image_id for file in files) == ids
    assert {image.label for image in services.stores.catalogue.several(ids)} <= {"Full"}
    state = services.stores.import_jobs.get(1)
    assert state.tally.results.get("imported", 0) == len(ids)
    assert state.done == sum(Counter(state.tally.results).values())
    assert services.stores.database.value("PRAGMA integrity_check") == "ok"
    return services


KILLED = """
import os, signal, sys
from pathlib import Path
from workbench.exporting.service import ExportOrder
from workbench.services import build_services
from workbench.core.settings import Settings

services = build_services(Settings(data=Path(sys.argv[1])))
services.exports.write(ExportOrder("csv-zip"), lambda done, total: os.kill(os.getpid(), signal.SIGKILL))
"""


@pytest.mark.slow
def test_a_server_that_is_killed_while_it_exports_leaves_nothing_half_written(tmp_path: Path) -> None:
    data = tmp_path / "workbench"
    services = build_services(Settings(data=data))
    archive_path = write_zip(
        tmp_path / "a.zip", {f"Full/{number}.jpg": picture(number) for number in range(80)}
    )
    server = Server(tmp_path).start()
    try:
        server.client().predict(files=[handle_file(str(archive_path))], api_name="/import_images")
        server.end()
        done = subprocess.run([sys.executable, "-c", KILLED, str(data)], cwd=ROOT, check=False)
        assert done.returncode == -signal.SIGKILL
        [part] = (data / "exports").iterdir()
        assert part.name.startswith(".part-")
        server.start()
        until(lambda: not part.exists(), "the half-written export to go")
        path = server.client().predict(format="csv-zip", api_name="/export_dataset")
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            assert len(archive.namelist()) == 81
    finally:
        server.close()
    assert services.stores.catalogue.summary(()).images == 80
    assert services.stores.database.value("PRAGMA integrity_check") == "ok"
