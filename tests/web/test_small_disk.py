"""A server whose disk is small: it refuses in time, in a sentence, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from storage.core.disk_space import NEARLY_FULL
from tests.pictures import picture, write_zip
from tests.running import Server, until
from tests.workbench.small_disk import small_disk
from workbench.exporting.service import KEPT

MEGABYTE = 2**20
DISK_MB, RESERVE_MB = 96, 32
BOUNDARY = "limit"
PART = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="big.zip"\r\n\r\n'.encode()
MULTIPART = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Server]:
    with small_disk(tmp_path / "disk", DISK_MB) as disk:
        server = Server(disk, GRADIO_TEMP_DIR="", WORKBENCH_RESERVE_MB=str(RESERVE_MB)).start()
        try:
            yield server
        finally:
            server.close()


@pytest.fixture
def client(small: Server, tmp_path: Path) -> Client:
    return Client(small.url, verbose=False, download_files=str(tmp_path / "downloads"))


def uploads(server: Server) -> Path:
    return server.data / "workbench" / "gradio-uploads"


def left(server: Server) -> list[Path]:
    """Files and folders in the folder of uploads."""
    return list(uploads(server).rglob("*"))


def endless(megabytes: int) -> Iterator[bytes]:
    yield PART
    for _ in range(megabytes):
        yield bytes(MEGABYTE)
    yield f"\r\n--{BOUNDARY}--\r\n".encode()


def disk_full_begin(place: str) -> str:
    """The sentence on a full disk up to its figures."""
    return NEARLY_FULL.partition("{free}")[0].format(place=place)


def assert_refused(answer: httpx.Response) -> None:
    assert answer.status_code == 507
    assert answer.text.startswith(disk_full_begin("the folder of uploads"))
    assert f" {RESERVE_MB} MB " in answer.text


def test_an_upload_that_would_use_up_the_reserve_is_refused_before_it_comes(small: Server) -> None:
    answer = httpx.post(
        f"{small.url}/gradio_api/upload", files={"files": ("a.zip", bytes(70 * MEGABYTE))}, timeout=60
    )
    assert_refused(answer)
    assert left(small) == []


def test_an_upload_that_does_not_say_how_long_it_is_ends_at_the_reserve(small: Server) -> None:
    answer = httpx.post(f"{small.url}/gradio_api/upload", content=endless(200), headers=MULTIPART, timeout=60)
    assert_refused(answer)
    until(lambda: not left(small), "nothing to be left of it")
    assert shutil.disk_usage(small.data).free > RESERVE_MB * MEGABYTE
    sent = httpx.post(f"{small.url}/gradio_api/upload", files={"files": ("a.jpg", picture(1))})
    assert [Path(path).name for path in sent.json()] == ["a.jpg"]


def test_of_an_upload_that_its_client_breaks_off_nothing_is_left(small: Server) -> None:
    with socket.create_connection(("127.0.0.1", small.port)) as connection:
        head = f"POST /gradio_api/upload HTTP/1.1\r\nHost: 127.0.0.1:{small.port}\r\nContent-Length: {20 * MEGABYTE}\r\n"
        connection.sendall(
            f"{head}Content-Type: {MULTIPART['Content-Type']}\r\n\r\n".encode() + PART + bytes(MEGABYTE)
        )
        until(lambda: any(path.is_file() for path in left(small)), "the upload to begin")
    until(lambda: not left(small), "nothing to be left of it")
    assert httpx.get(f"{small.url}/healthz").status_code == 200


def test_a_file_that_is_too_large_and_a_body_that_is_none_are_refused_in_a_sentence(tmp_path: Path) -> None:
    server = Server(tmp_path, WORKBENCH_MAX_UPLOAD_MB="1").start()
    try:
        large = httpx.post(f"{server.url}/gradio_api/upload", files={"files": ("a", bytes(2 * MEGABYTE))})
        torn = httpx.post(f"{server.url}/gradio_api/upload", content=b"--x", headers=MULTIPART)
    finally:
        server.close()
    assert (large.status_code, large.text) == (
        413, "A file is larger than uploads may be here (1 MB). Send a smaller one, or several.",
    )  # fmt: skip
    assert (torn.status_code, "This upload is not understood" in torn.text) == (400, True)
    assert [path for path in (tmp_path / "gradio").rglob("*") if path.is_file()] == []


def test_what_was_imported_is_no_longer_among_the_uploads_and_twelve_exports_leave_the_newest(
    small: Server, client: Client, tmp_path: Path
) -> None:
    # 4 MB that no packing makes smaller: twelve of them, each with a copy, do not fit.
    pictures = {f"Full/{seed}.jpg": picture(seed) + os.urandom(MEGABYTE) for seed in range(4)}
    packed = write_zip(tmp_path / "a.zip", pictures)
    assert client.predict([handle_file(str(packed))], "", "ann", api_name="/import_images")["imported"] == 4
    assert left(small) == []
    names = [client.predict("csv-zip", api_name="/export_dataset") for _ in range(12)]
    assert all(Path(name).stat().st_size > 4 * MEGABYTE for name in names)
    exports = small.data / "workbench" / "exports"
    assert len(list(exports.iterdir())) == KEPT
    assert left(small) == []
    newest = Path(names[-1]).name
    assert httpx.get(f"{small.url}/exports/{newest}").status_code == 200
    response = httpx.get(f"{small.url}/gradio_api/file={exports / Path(names[0]).name}")
    assert (response.status_code, "not kept any more" in response.text) == (404, True)


def test_below_the_reserve_everything_large_is_refused_and_labels_are_kept(
    small: Server, client: Client, tmp_path: Path
) -> None:
    packed = write_zip(
        tmp_path / "a.zip",
        {
            f"{name}/{seed}{name}.jpg": picture(seed + 100 * len(name))
            for seed in range(4)
            for name in ("Full", "Empty")
        },
    )
    report = client.predict([handle_file(str(packed))], "", "ann", api_name="/import_images")
    (sent,) = httpx.post(f"{small.url}/gradio_api/upload", files={"files": ("b.jpg", picture(999))}).json()
    filler = small.data / "filler"
    with filler.open("wb") as file:
        file.write(bytes(shutil.disk_usage(small.data).free - (RESERVE_MB - 8) * MEGABYTE))
    disk_full = disk_full_begin("the data folder")
    file_data = {"path": sent, "orig_name": "b.jpg", "meta": {"_type": "gradio.FileData"}}
    answer = httpx.post(
        f"{small.url}/gradio_api/run/import_images", json={"data": [[file_data], "", "ann"]}, timeout=60
    )
    assert answer.json()["error"].startswith(disk_full)
    with pytest.raises(AppError, match=disk_full):
        client.predict(format="csv-zip", api_name="/export_dataset")
    with pytest.raises(AppError, match=disk_full):
        client.predict(spec={"recipe": "scratch"}, api_name="/start_training")
    assert_refused(httpx.post(f"{small.url}/gradio_api/upload", files={"files": ("c.jpg", picture(5))}))
    client.predict(report["image_ids"][:2], "Empty", "ann", True, api_name="/label_images")
    filler.unlink()
    # What was accepted before is still there.
    answer = httpx.post(
        f"{small.url}/gradio_api/run/import_images", json={"data": [[file_data], "Full", "ann"]}, timeout=60
    )
    assert answer.json()["data"][0]["imported"] == 1
