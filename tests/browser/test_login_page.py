"""The login in a real browser, on a telephone and in the frame of a Space."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import PATIENCE_MS
from tests.conftest import PASSWORD
from tests.pictures import class_zip
from tests.running import ColdServer, Server

pytestmark = pytest.mark.slow
CONTRAST = """(element) => {
  const light = (text) => {
    const parts = text.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255);
    const [r, g, b] = parts.map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const style = getComputedStyle(element);
  const ground = [element, document.body].map((one) => getComputedStyle(one).backgroundColor).find((one) => one !== 'rgba(0, 0, 0, 0)');
  const [dark, bright] = [light(style.color), light(ground)].sort((a, b) => a - b);
  return (bright + 0.05) / (dark + 0.05);
}"""


@pytest.fixture(params=["light", "dark"])
def phone(browser: Browser, locked: Server, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, base_url=locked.url, color_scheme=request.param
    )
    context.set_default_timeout(PATIENCE_MS)
    yield context
    context.close()


def log_in(page: Page, password: str) -> None:
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")


def test_the_password_opens_what_was_asked_for(phone: BrowserContext) -> None:
    page = phone.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto("/?tab=train")
    expect(page.get_by_label("Password")).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for element in page.locator("label, button, h1").all():
        assert element.evaluate(CONTRAST) >= 4.5
    log_in(page, "wrong")
    expect(page.get_by_role("alert")).to_have_text(
        "That is not the password. Try again, or ask whoever runs this workbench."
    )
    assert page.get_by_role("alert").evaluate(CONTRAST) >= 4.5
    expect(page.get_by_label("Password")).to_be_focused()
    log_in(page, PASSWORD)
    expect(page.get_by_role("tab", name="Train")).to_have_attribute("aria-selected", "true", timeout=60_000)
    expect(page.locator("#strip-facts")).to_contain_text("No pictures yet")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("document.cookie") == ""
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Password")).to_be_visible()
    page.goto("/")
    expect(page.get_by_label("Password")).to_be_visible()
    assert errors == []


def test_pictures_go_in_and_out_behind_the_login(browser: Browser, tmp_path: Path) -> None:
    server = Server(tmp_path, WORKBENCH_PASSWORD="right").start()
    context = browser.new_context(base_url=server.url)
    try:
        page = context.new_page()
        page.goto("/")
        log_in(page, "right")
        page.locator("#collect-drop input[type=file]").set_input_files(class_zip(tmp_path / "bottles.zip", 2))
        page.get_by_role("button", name=re.compile("^Import .* files?$")).click()
        expect(page.locator("#strip-facts")).to_contain_text("pictures ·", timeout=60_000)
        shown = page.locator("#collect-overview img[src*='/media/']").first
        expect(shown).to_be_visible(timeout=60_000)
        assert shown.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 0
    finally:
        context.close()
        server.close()


def test_it_works_in_the_frame_of_a_space(browser: Browser, tmp_path: Path) -> None:
    server = ColdServer(tmp_path, WORKBENCH_PASSWORD="right", SPACE_ID="anna/bottles").start()
    context = browser.new_context(permissions=["local-network-access"])
    frame = f"<!doctype html><iframe src='{server.url}/?tab=train' width=1000 height=700></iframe>"
    context.route(
        "https://huggingface.co/**", lambda route: route.fulfill(body=frame, content_type="text/html")
    )
    try:
        page = context.new_page()
        page.goto("https://huggingface.co/spaces/anna/bottles")
        inside = page.frame_locator("iframe")
        inside.get_by_label("Password").fill("right")
        inside.get_by_role("button", name="Log in").click()
        expect(inside.get_by_role("tab", name="Train")).to_have_attribute(
            "aria-selected", "true", timeout=60_000
        )
        expect(inside.locator("#strip-facts")).to_contain_text("No pictures yet")
        cookies = [cookie for cookie in context.cookies() if cookie["name"].startswith("waterline_session")]
        assert [(cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) for cookie in cookies] == [
            (True, True, "None")
        ]
    finally:
        context.close()
        server.close()
