"""A tab that was left open goes on where it stands, although the server has forgotten its session meanwhile."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.label_page import opened
from tests.running import Server
from tests.versions import Answers, finished_run, import_pictures
from workbench.core.settings import Settings
from workbench.services import build_services

pytestmark = pytest.mark.slow
MOST_SESSIONS = 2


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A running app with two versions, which remembers two sessions."""
    services = build_services(Settings(data=tmp_path / "workbench"))
    import_pictures(services, {"Full": 24, "Half": 12, "Over": 8})
    finished_run(services, tmp_path / "first", Answers("Half", "Full", 3))
    finished_run(services, tmp_path / "second", Answers("Half", "Full", 1), seed=2)
    running = Server(tmp_path, WORKBENCH_MAX_SESSIONS=str(MOST_SESSIONS)).start()
    yield running
    running.close()


def others_come(server: Server) -> None:
    """More tabs than the server remembers are opened elsewhere."""
    with httpx.Client(base_url=server.url, timeout=60) as http:
        loads = [
            function
            for function in http.get("/config").json()["dependencies"]
            if function["backend_fn"] and any(event == "load" for _, event in function["targets"])
        ]
        for _ in range(2 * MOST_SESSIONS):
            session = uuid.uuid4().hex
            for function in loads:
                data = ["" for _ in function["inputs"]]
                body = {"data": data, "fn_index": function["id"], "session_hash": session}
                http.post("/gradio_api/run/x", json=body).raise_for_status()


def choose(page: Page, field: str, option: str) -> None:
    page.locator(f"#{field} input").click()
    page.get_by_role("option", name=option).first.click()


def no_error(page: Page) -> None:
    expect(page.locator(".toast-body.error")).to_have_count(0)


def test_label_goes_on_with_its_filter(page: Page, server: Server) -> None:
    opened(page)
    choose(page, "label-class", "Half")
    cells = page.locator(".cell")
    expect(cells).to_have_count(12)
    page.wait_for_url(re.compile("class=Half"))

    others_come(server)
    cells.first.click()
    page.locator("#label-palette").get_by_role("button", name="Over").click()
    page.get_by_role("button", name="Label 1 as Over").click()
    expect(cells).to_have_count(11)
    assert "class=Half" in page.url

    others_come(server)
    choose(page, "label-class", "Over")
    expect(cells).to_have_count(9)
    others_come(server)
    page.locator("#label-undo").click()
    expect(cells).to_have_count(8)
    no_error(page)


def test_evaluate_and_models_go_on_with_what_is_chosen(page: Page, server: Server) -> None:
    page.goto("/?tab=evaluate")
    headline = page.locator("#evaluate-headline")
    expect(headline).to_contain_text("of 22", timeout=60_000)
    choose(page, "evaluate-run", "v1")
    expect(headline).to_contain_text("86 % · 19 of 22")
    others_come(server)
    page.get_by_role("button", name="Half taken for Full").press("Enter")
    expect(page.locator("#evaluate-opened figure")).to_have_count(3)
    others_come(server)
    choose(page, "evaluate-run", "v2")
    expect(headline).not_to_contain_text("86 % · 19 of 22")

    page.get_by_role("tab", name="Models").click()
    expect(page.locator("#models-comparison")).to_contain_text("is ahead in macro-F1")
    others_come(server)
    choose(page, "models-left", "v2")
    expect(page.locator("#models-comparison")).to_contain_text("Choose two different versions")
    others_come(server)
    choose(page, "models-chosen", "v1")
    expect(page.get_by_role("button", name="Promote v1 to production")).to_be_visible()
    no_error(page)


def test_the_other_tabs_go_on(page: Page, server: Server) -> None:
    page.goto("/?tab=augment")
    preview = page.locator("#augment-preview .set")
    expect(preview.first).to_be_visible()
    others_come(server)
    choose(page, "augment-class", "Over")
    expect(preview.filter(has_not_text="Over")).to_have_count(0)
    expect(preview.first).to_be_visible()

    page.get_by_role("tab", name="Predict").click()
    expect(page.locator("#predict-model input")).to_have_value("production (none yet)")
    others_come(server)
    choose(page, "predict-model", "v2")
    expect(page.locator("#predict-notice")).to_contain_text("Model v2 cannot be loaded here")

    page.get_by_role("tab", name="Curate").click()
    opens(page, server, page.locator("#curate-nav [data-part=quality]"))
    opens(page, server, page.locator("#curate-nav [data-part=alike]"))
    no_error(page)


def opens(page: Page, server: Server, button: Locator) -> None:
    expect(button).to_be_visible()
    others_come(server)
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
