"""What a tab or a client leaves in the server: two thousand of them next to nothing, and none is needed for long."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psutil
import pytest

from tests.running import Server

MEGABYTE = 2**20
TOGETHER = 4


@pytest.fixture
def http(served: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url, timeout=60) as client:
        yield client


def memory(server: Server) -> float:
    """Of the web process, in megabytes."""
    return psutil.Process(server.pid).memory_info().rss / MEGABYTE


def loads(http: httpx.Client) -> list[dict[str, Any]]:
    """What a page calls when it has loaded."""
    called = [
        function
        for function in http.get("/config").json()["dependencies"]
        if function["backend_fn"] and any(event == "load" for _, event in function["targets"])
    ]
    assert len(called) >= 4
    return called


def open_page(http: httpx.Client, called: list[dict[str, Any]]) -> str:
    """Do what a browser does that opens the page; what the stream of events says."""
    assert http.get("/").status_code == 200
    session = uuid.uuid4().hex
    for function in called:
        body = {
            "data": [None] * len(function["inputs"]),
            "fn_index": function["id"],
            "session_hash": session,
        }
        http.post("/gradio_api/queue/join", json=body).raise_for_status()
    return http.get("/gradio_api/queue/data", params={"session_hash": session}).text


def call(http: httpx.Client, number: int) -> None:
    """A call as one of three kinds of scripts makes it: with a session of its own, with none, and through the queue."""
    body: dict[str, Any] = {"data": []}
    if number % 3 == 2:
        event = http.post("/gradio_api/call/dataset_summary", json=body).json()["event_id"]
        assert "complete" in http.get(f"/gradio_api/call/dataset_summary/{event}").text
        return
    if number % 3 == 0:
        body["session_hash"] = uuid.uuid4().hex
    assert http.post("/gradio_api/run/dataset_summary", json=body).json()["data"][0]["images"] == 0


def several(http: httpx.Client, count: int) -> None:
    """Some calls, and a page load for every fifty."""
    called = loads(http)

    def one(number: int) -> None:
        if number % 50:
            call(http, number)
        else:
            assert open_page(http, called).count("process_completed") == len(called)

    with ThreadPoolExecutor(TOGETHER) as pool:
        list(pool.map(one, range(count)))


@pytest.mark.slow
def test_two_thousand_sessions_add_at_most_100_mb(served: Server, http: httpx.Client) -> None:
    several(http, 60)
    before = memory(served)
    several(http, 2000)
    assert memory(served) - before <= 100


@pytest.mark.parametrize("name", ["x" * 200, "x" * 1_000_000])
def test_a_session_has_no_name_without_end(http: httpx.Client, name: str) -> None:
    body = {"data": [], "session_hash": name, "fn_index": 0}
    for address in ("run/dataset_summary", "queue/join"):
        answer = http.post(f"/gradio_api/{address}", json=body)
        assert answer.status_code == 400
        assert "session_hash" in answer.json()["error"]


def test_answers_that_nobody_reads_do_not_pile_up(served: Server, http: httpx.Client) -> None:
    """Whoever joins the queue of calls and never asks for the answers is forgotten; others are not."""
    (api,) = [
        function["id"]
        for function in http.get("/config").json()["dependencies"]
        if function["api_name"] == "dataset_summary"
    ]
    for number in range(300):
        body = {"data": [], "fn_index": api, "session_hash": f"unread-{number}"}
        assert http.post("/gradio_api/queue/join", json=body).status_code == 200
    forgotten = http.get("/gradio_api/queue/data", params={"session_hash": "unread-0"}).text
    kept = http.get("/gradio_api/queue/data", params={"session_hash": "unread-299"}).text
    assert "process_completed" not in forgotten
    assert "process_completed" in kept


def test_a_field_whose_choices_the_server_forgot_takes_what_the_page_shows(
    served: Server, http: httpx.Client
) -> None:
    http.post("/gradio_api/run/add_class", json={"data": ["Full", "", ""]})
    config = http.get("/config").json()
    names = {component["id"]: component["props"].get("elem_id") for component in config["components"]}
    chosen = [
        function
        for function in config["dependencies"]
        if "label-class" in [names[number] for number in function["inputs"]] and function["backend_fn"]
    ]
    assert chosen
    for function, value in itertools.product(chosen, ("Full", "Nothing of the kind", 3)):
        data: list[Any] = ["" for _ in function["inputs"]]
        data[[names[number] for number in function["inputs"]].index("label-class")] = value
        body = {"data": data, "fn_index": function["id"], "session_hash": uuid.uuid4().hex}
        answer = http.post("/gradio_api/run/x", json=body)
        assert answer.status_code == 200, answer.text
