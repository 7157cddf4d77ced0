"""What a page of another address can do to the workbench of whoever looks at it, in a real browser: nothing."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import ARGUMENTS, NAMES, PATIENCE_MS
from tests.running import Server
from tests.web.raw_requests import post

pytestmark = pytest.mark.slow
NAMES_THAT_POINT_HERE = "MAP evil.example 127.0.0.1"

# Every way that a page has to send something without asking first; gives what came back, or that nothing could be read.
ATTACK = """async ([target, order]) => {
  const body = JSON.stringify(order);
  const form = new FormData();
  form.append('files', new Blob(['x']), 'stolen.txt');
  const ways = {
    text: {method: 'POST', body},
    opaque: {method: 'POST', body, mode: 'no-cors', credentials: 'include'},
    json: {method: 'POST', body, headers: {'Content-Type': 'application/json'}},
    upload: {method: 'POST', body: form, mode: 'no-cors'},
  };
  const said = {};
  for (const [name, how] of Object.entries(ways)) {
    const path = name === 'upload' ? '/gradio_api/upload' : '/gradio_api/component_server';
    said[name] = await fetch(target + path, how).then((answer) => answer.type, () => 'refused');
  }
  said.read = await fetch(target + '/config').then((answer) => answer.type, () => 'refused');
  said.beacon = String(navigator.sendBeacon(target + '/gradio_api/component_server', body));
  return said;
}"""
# A form sends text that reads as JSON: its one field's name and value around a “=”.
FORM = """([target, order]) => {
  const form = document.createElement('form');
  form.method = 'post';
  form.enctype = 'text/plain';
  form.action = target + '/gradio_api/component_server';
  const field = document.createElement('input');
  field.name = JSON.stringify(order).slice(0, -1) + ', "x": "';
  field.value = '"}';
  form.append(field);
  document.body.append(form);
  form.submit();
}"""


class _Blank(BaseHTTPRequestHandler):
    """An empty page, or one that frames what its address names."""

    def do_GET(self) -> None:
        target = self.path.partition("?frame=")[2]
        body = f"<!doctype html><body><iframe width=800 height=600 src='{target}'></iframe>".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(body if target else b"<!doctype html><body>elsewhere")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[int]:
    """The port of another web server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Blank)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def named(browser: Browser) -> Iterator[Browser]:
    """A browser in which names of others point to this machine, as their owners can make them."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    rules = f"--host-resolver-rules={NAMES_THAT_POINT_HERE}"
    running = browser.browser_type.launch(executable_path=path, args=[*ARGUMENTS, rules])
    yield running
    running.close()


@pytest.fixture
def tab(named: Browser) -> Iterator[Page]:
    context = named.new_context()
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


def classes(server: Server) -> list[str]:
    return [one["name"] for one in server.client().predict(api_name="/dataset_summary")["classes"]]


def adding(server: Server, name: str) -> dict[str, object]:
    """What the page sends to add a class, without any event of Gradio's."""
    config = server.client().config
    holders = [part for part in config["components"] if part["props"].get("elem_id") == "label-classes"]
    order = {"what": "add", "name": name, "to": ""}
    return {"session_hash": "s", "component_id": holders[0]["id"], "fn_name": "change_class", "data": order}


@pytest.mark.parametrize("origin", ["http://127.0.0.1", "http://localhost", "http://evil.example"])
def test_it_can_neither_change_nor_read_anything(
    plain: Server, tab: Page, elsewhere: int, origin: str
) -> None:
    name = f"from {urlsplit(origin).hostname}"
    order = adding(plain, name)
    tab.goto(f"{origin}:{elsewhere}/")
    said = tab.evaluate(ATTACK, [plain.url, order])
    assert {said[way] for way in ("text", "json", "read")} == {"refused"}
    with tab.expect_navigation(url=f"{plain.url}/**") as went:
        tab.evaluate(FORM, [plain.url, order])
    assert went.value.status == 403
    expect(tab.locator("body")).to_contain_text(
        "A page of another address asked for this, so it was not done."
    )
    assert name not in classes(plain)
    # The same order is carried out for a program: it is the page that was refused.
    assert (
        post(
            plain, "/gradio_api/component_server", json.dumps(order).encode(), Content_Type="text/plain"
        ).status
        == 200
    )
    assert name in classes(plain)


def test_a_name_that_points_here_opens_nothing(plain: Server, tab: Page) -> None:
    order = adding(plain, "rebound")
    rebound = f"http://evil.example:{plain.port}"
    opened = tab.goto(f"{rebound}/")
    assert opened is not None
    assert opened.status == 421
    said = tab.evaluate("async (path) => (await fetch(path)).status", "/config")
    assert said == 421
    change = "async (order) => (await fetch('/gradio_api/component_server', {method: 'POST', body: JSON.stringify(order)})).status"
    assert tab.evaluate(change, order) == 421
    assert "rebound" not in classes(plain)


def test_nobody_frames_it(plain: Server, tab: Page, elsewhere: int) -> None:
    blocked: list[str] = []
    tab.on("console", lambda message: blocked.append(message.text))
    with tab.expect_event("console", lambda message: "frame-ancestors" in message.text):
        tab.goto(f"http://evil.example:{elsewhere}/?frame={plain.url}/")
    assert tab.frames[1].locator("#tabs").count() == 0


def test_a_link_to_it_still_opens_it(plain: Server, tab: Page, elsewhere: int) -> None:
    tab.goto(f"http://evil.example:{elsewhere}/")
    tab.evaluate("(url) => { location.href = url }", f"{plain.url}/?tab=label")
    expect(tab.get_by_role("tab", name="Label")).to_have_attribute("aria-selected", "true")
    expect(tab.locator("#strip-facts")).to_contain_text("No pictures yet")
