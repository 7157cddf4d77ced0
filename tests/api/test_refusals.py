"""Whatever Gradio itself refuses is told as a sentence, on every way of calling; and what was uploaded is taken."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file

from tests.pictures import picture
from tests.running import Server

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Its data lie outside the temporary folder, and its uploads where they are by default."""
    folder = tmp_path_factory.mktemp("refusals")
    (folder / "scratch").mkdir()
    running = Server(folder, GRADIO_TEMP_DIR="", TMPDIR=str(folder / "scratch")).start()
    yield running
    running.close()


@pytest.fixture(scope="module")
def http(served: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url, timeout=20, headers=JSON) as client:
        yield client


@pytest.mark.parametrize(
    ("address", "body", "status", "sentence"),
    [
        ("run/import_images", {"data": [[]]}, 500, "needs 3 values (files, label, by); 1 came"),
        ("run/import_images", {"data": []}, 500, "needs 3 values (files, label, by); none came"),
        ("run/label_images", {"data": ["\ud800", "x", "y", False]}, 500, "half a character"),
        ("run/x", {"data": ["\ud800"] * 9, "fn_index": 60}, 500, "half a character"),
        ("run/list_images", {"data": [{"path": "x", "meta": 3}]}, 500, "must be uploaded first"),
        ("run/import_images", {"data": [{"a": {"meta": "x", "path": 3}}, "", ""]}, 500, "uploaded first"),
        ("run/nothing", {"data": []}, 404, "There is no endpoint of this name"),
        ("run/x", {"data": [], "fn_index": 99999}, 404, "is not there"),
        ("run/activity", {"data": [2**70]}, 500, "too large"),
        ("run/activity", {"data": [float("nan")]}, 500, "is nan; it must be a finite number"),
        ("run/activity", {"data": [float("-inf")]}, 500, "is -inf; it must be a finite number"),
        ("run/label_images", {"data": [[2**63], "", "", False]}, 500, "too large"),
        ("run/import_images", {}, 400, "body.data: Field required"),
        ("run/import_images", {"data": {"files": 1}}, 400, "body.data"),
        ("call/nothing", {"data": []}, 404, "There is no endpoint of this name"),
        ("call/v2/nothing", {}, 404, "is not there"),
        ("call/v2/import_images", {"file": []}, 400, "not of the kind"),
        ("queue/join", {"data": [], "session_hash": "a"}, 400, "No function index provided."),
        ("queue/join", {"data": [], "fn_index": 99999, "session_hash": "a"}, 404, "is not there"),
        ("queue/join", {"data": [], "fn_index": "x", "session_hash": "a"}, 400, "body.fn_index"),
        ("component_server", {"data": 1}, 400, "Invalid JSON body."),
        ("component_server", {"data": 1, "component_id": 10**30, "session_hash": "a", "fn_name": "x"}, 400, "too large"),
        ("component_server", {"data": 1, "component_id": 1, "session_hash": "a", "fn_name": "x"}, 404, "not found"),
    ],
)  # fmt: skip
def test_what_gradio_refuses_is_a_sentence(
    http: httpx.Client, address: str, body: dict, status: int, sentence: str
) -> None:
    answer = http.post(f"/gradio_api/{address}", content=json.dumps(body))
    assert answer.status_code == status
    assert sentence in answer.json()["error"]
    assert "Traceback" not in answer.text


def test_values_nested_without_end_are_refused(http: httpx.Client) -> None:
    deep = "[" * 500 + "]" * 500
    answer = http.post("/gradio_api/run/list_images", content=f'{{"data": [{deep}]}}')
    assert answer.json()["error"] == "The values of this call are nested too deeply."


@pytest.mark.parametrize(
    "address", ["run/promote", "queue/join", "call/promote", "component_server", "cancel"]
)
@pytest.mark.parametrize(
    "body",
    [b'{"data": ["' + b"x" * 17_000_000 + b'"]}', b'{"data": [' + b"{}," * 600_000 + b"0]}"],
    ids=["bytes", "values"],
)
def test_a_body_has_an_end(http: httpx.Client, address: str, body: bytes) -> None:
    answer = http.post(f"/gradio_api/{address}", content=body)
    assert answer.status_code == 413
    assert "larger than calls may be" in answer.json()["error"]


def test_a_long_body_that_is_no_upload_is_refused_wherever_it_goes(http: httpx.Client) -> None:
    answer = http.post("/healthz", content=b"x" * 17_000_000)
    assert answer.status_code == 413


def test_many_files_fit_into_one_call(http: httpx.Client) -> None:
    """Ten thousand pictures are dropped on the page at once; each is named with its path and its address."""
    file = {"path": "/x" * 100, "url": "http://127.0.0.1/" * 12, "orig_name": "IMG_20240101_123456.jpg", "size": 10**6,
            "mime_type": "image/jpeg", "meta": {"_type": "gradio.FileData"}}  # fmt: skip
    answer = http.post(
        "/gradio_api/run/import_images", content=json.dumps({"data": [[file] * 10_000, "", ""]})
    )
    assert "must be uploaded first" in answer.json()["error"]


@pytest.mark.parametrize("body", ["", "{", "\x00", '{"data": ' + "[" * 100_000, "[]", "null"])
@pytest.mark.parametrize("address", ["run/promote", "queue/join", "call/promote", "component_server"])
def test_what_is_no_json_is_refused(http: httpx.Client, address: str, body: str) -> None:
    answer = http.post(f"/gradio_api/{address}", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")


def test_the_streams_of_a_call_tell_the_sentence(http: httpx.Client) -> None:
    event = http.post("/gradio_api/call/promote", content='{"data": []}').json()["event_id"]
    assert "This call needs" in http.get(f"/gradio_api/call/promote/{event}").text
    body = {"data": [], "fn_index": 0, "session_hash": "stream"}
    http.post("/gradio_api/queue/join", content=json.dumps(body))
    assert "This call needs" in http.get("/gradio_api/queue/data?session_hash=stream").text


@pytest.mark.parametrize("address", ["call/promote/unknown", "queue/data?session_hash=unknown"])
def test_the_stream_of_a_call_that_is_not_there_ends_as_a_stream_does(
    http: httpx.Client, address: str
) -> None:
    answer = http.get(f"/gradio_api/{address}")  # raises where the connection is cut off
    assert "There is no such call" in answer.text
    assert "404" not in answer.text
    assert "Traceback" not in answer.text


def test_what_works_in_the_browser_alone_says_so(http: httpx.Client) -> None:
    only_there = [
        function for function in http.get("/config").json()["dependencies"] if not function["backend_fn"]
    ]
    assert only_there
    for function in only_there:
        body = {
            "data": [None] * len(function["inputs"]),
            "fn_index": function["id"],
            "session_hash": "browser",
        }
        answer = http.post("/gradio_api/run/x", content=json.dumps(body))
        assert "nothing to call" in answer.json()["error"]


@pytest.mark.parametrize(
    "address", ["/imports/99999999999999999999999.csv", "/imports/x.csv", "/media/x/y/z", "/none"]
)
def test_our_own_addresses_refuse_in_a_sentence(http: httpx.Client, address: str) -> None:
    answer = http.get(address)
    assert answer.status_code in (400, 404)
    assert answer.json()["error"]


@pytest.mark.parametrize("name", ["bottle.png", ".hidden.png", "a b (1).png", "пляшка.png", ".DS_Store"])
def test_an_upload_is_taken_whatever_its_name(served: Server, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(picture(len(name)))
    answer = served.client().predict(files=[handle_file(str(file))], api_name="/import_images")
    assert answer["imported"] + answer["duplicates"] == 1


def test_the_address_that_the_page_sends_beside_a_path_does_not_matter(
    served: Server, http: httpx.Client
) -> None:
    (path,) = httpx.post(f"{served.url}/gradio_api/upload", files={"files": ("one.png", picture(40))}).json()
    file = {"path": path, "url": f"{served.url}/gradio_api/file={path}", "orig_name": "one.png",
            "meta": {"_type": "gradio.FileData"}}  # fmt: skip
    answer = http.post("/gradio_api/run/import_images", content=json.dumps({"data": [[file], "", "api"]}))
    assert answer.json()["data"][0]["imported"] == 1


def test_what_is_handed_out_can_be_downloaded_and_is_never_shown(served: Server) -> None:
    client = served.client()
    report = client.predict(api_name="/import_report")
    assert '"one.png","imported"' in Path(report).read_text("utf-8-sig")
    name = "page.html"
    (path,) = httpx.post(
        f"{served.url}/gradio_api/upload", files={"files": (name, b"<script>alert(1)</script>")}
    ).json()
    shown = httpx.get(f"{served.url}/gradio_api/file={path}")
    assert shown.headers["content-disposition"].startswith("attachment")
    assert shown.headers["content-type"] == "application/octet-stream"


def test_what_the_server_made_cannot_be_imported(served: Server, client: Client, http: httpx.Client) -> None:
    answer = http.post("/gradio_api/run/export_dataset", content=json.dumps({"data": _defaults(client)}))
    export = answer.json()["data"][0]
    assert Path(export["path"]).is_file()
    body = json.dumps({"data": [[export], "", "api"]})
    answer = http.post("/gradio_api/run/import_images", content=body)
    assert "must be uploaded first" in answer.json()["error"]


def _defaults(client: Client) -> list:
    endpoint = client.view_api(return_format="dict", print_info=False)["named_endpoints"]["/export_dataset"]
    return [parameter["parameter_default"] for parameter in endpoint["parameters"]]
