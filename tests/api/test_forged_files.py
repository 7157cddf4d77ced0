"""No call of anything makes the server read, copy or fetch a file that was not uploaded; each is refused in a sentence."""

from __future__ import annotations

import itertools
import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.api.forged_files import SECRET, Attacked, attacked, healthy
from workbench.ui.error_boundary import UNWRITABLE
from workbench.ui.file_transfer import NOT_UPLOADED

TOGETHER = 12


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with attacked(tmp_path_factory.mktemp("forged")) as attacked_server:
        yield attacked_server
        # It is a signal that a server which reads /dev/zero would not hear any more.
        attacked_server.server.end(signal.SIGTERM)


@pytest.fixture(autouse=True)
def nothing_was_read(target: Attacked) -> Iterator[None]:
    before = target.kept()
    yield
    assert target.kept() == before
    assert target.requests == []
    assert healthy(target.server)
    assert SECRET not in target.server.log


def refused(answer: httpx.Response, what: str) -> None:
    """Assert that a call was refused in a sentence."""
    assert answer.status_code >= 400, what
    assert answer.json()["error"] in (NOT_UPLOADED, UNWRITABLE), what
    assert SECRET not in answer.text
    assert "Traceback" not in answer.text


def test_every_parameter_refuses_a_forged_file(target: Attacked) -> None:
    kinds = itertools.cycle(target.forged().items())
    for function in target.functions():
        for position in range(len(function["inputs"])):
            kind, forged = next(kinds)
            data: list[Any] = [None] * len(function["inputs"])
            data[position] = [forged] if position % 2 else forged
            refused(target.run(function["id"], data), f"{kind} as value {position} of {function['api_name']}")


def test_what_takes_files_refuses_every_kind_of_forged_file(target: Attacked) -> None:
    taking = target.taking_files()
    assert {"import_images", "predict", "predict_batch"} <= {function["api_name"] for function in taking}
    for kind, forged in target.forged().items():
        for function in taking:
            data = [forged for _ in function["inputs"]]
            refused(target.run(function["id"], data), f"{kind}: {function['api_name']}")


def test_what_comes_with_an_event_is_checked_too(target: Attacked) -> None:
    listening = [function for function in target.functions() if function["collects_event_data"]]
    for (kind, forged), listener in zip(target.forged().items(), itertools.cycle(listening), strict=False):
        refused(target.run(listener["id"], [None] * len(listener["inputs"]), {"files": [forged]}), kind)
    for function in target.functions():
        forged = target.forged()["canary, with meta"]
        refused(
            target.run(function["id"], [None] * len(function["inputs"]), {"files": [forged]}),
            function["api_name"],
        )


def test_through_the_queue_functions_refuse(target: Attacked) -> None:
    forged = target.forged()["endless, with meta"]
    called = [
        *target.taking_files(),
        *[function for function in target.functions() if function["inputs"]][::6],
    ]
    with ThreadPoolExecutor(TOGETHER) as pool:
        answers = pool.map(
            lambda function: target.queued(function["id"], [forged for _ in function["inputs"]]), called
        )
    for endpoint, text in zip(called, answers, strict=True):
        assert NOT_UPLOADED in text, endpoint["api_name"]


def test_called_by_name_every_endpoint_refuses(target: Attacked) -> None:
    forged = target.forged()["endless, with meta"]
    called = [
        function
        for function in target.functions()
        if function["inputs"] and function["api_visibility"] == "public"
    ]
    assert len(called) > 40
    with ThreadPoolExecutor(TOGETHER) as pool:
        answers = pool.map(
            lambda function: target.called(function["api_name"], [forged for _ in function["inputs"]]), called
        )
    for endpoint, text in zip(called, answers, strict=True):
        assert NOT_UPLOADED in text, endpoint["api_name"]


def test_the_other_ways_of_calling_an_endpoint_refuse(target: Attacked) -> None:
    forged = target.forged()["canary, with meta"]
    body = json.dumps({"data": [[forged], "", "api"]})
    refused(_post(target, "/gradio_api/api/import_images", body), "api")
    named = json.dumps({"files": [forged]})
    event = _post(target, "/gradio_api/call/v2/import_images", named).json()["event_id"]
    assert NOT_UPLOADED in target.http.get(f"/gradio_api/call/v2/import_images/{event}").text


def test_every_function_of_a_component_refuses(target: Attacked) -> None:
    functions = target.component_functions()
    assert len(functions) >= 8
    for kind, forged in target.forged().items():
        for number, (component_id, name) in enumerate(functions):
            data = ([forged], {"orders": [{"kind": "label", "pictures": forged}]})[number % 2]
            refused(target.component(component_id, name, data), f"{kind}: {name}")


def test_a_component_takes_no_files_of_a_form(target: Attacked) -> None:
    component_id, name = target.component_functions()[0]
    fields = {"component_id": str(component_id), "session_hash": "x", "fn_name": name}
    answer = target.http.post("/gradio_api/component_server", data=fields, files={"file": ("a.csv", b"a")})
    assert answer.status_code == 400
    assert "No files are taken here" in answer.json()["error"]


def test_addresses_of_gradio_that_read_write_or_fetch_are_closed(target: Attacked) -> None:
    api, loopback = "/gradio_api", target.paths["loopback"]
    addresses = [
        *(f"{api}/file={path}" for path in target.paths.values() if "0" * 32 + "/" not in path and 0 < len(path) < 9000 and path.isprintable()),
        f"{api}/file={loopback}", f"{api}/file/{loopback}", f"{api}/file//etc/passwd", f"{api}/proxy={loopback}",
        f"{api}/stream/a/b/1/playlist.m3u8", f"{api}/stream//etc/passwd", f"{api}/deep_link?session_hash={target.session}",
        f"{api}/custom_component/1/client/component/../../x", f"{api}/vibe-code", f"{api}/runs", f"{api}/run-history/records",
        "/static/../../../../../../etc/passwd", "/static/%2e%2e/%2e%2e/%2e%2e/routes.py", "/assets/..%2f..%2froutes.py",
        "/svelte/..%2f..%2froutes.py", "/monitoring/x",
    ]  # fmt: skip
    for address in addresses:
        answer = target.http.get(address)
        assert answer.status_code in (400, 403, 404), address
        assert answer.json()["error"].endswith("."), address
        assert SECRET not in answer.text
        assert "root:" not in answer.text


@pytest.mark.parametrize(
    "address",
    [
        "process_recording",
        "vibe-edit",
        "undo-vibe-edit",
        "vibe-starter-queries",
        "stream/a",
        "stream/a/close",
    ],
)
def test_addresses_of_gradio_that_act_are_closed(target: Attacked, address: str) -> None:
    answer = _post(target, f"/gradio_api/{address}", json.dumps({"data": [], "prompt": "x", "hash": "x"}))
    assert answer.status_code == 404
    assert answer.json()["error"] == "There is nothing at this address."


def _post(target: Attacked, address: str, body: str) -> httpx.Response:
    return target.http.post(address, content=body, headers={"Content-Type": "application/json"})
