"""A real Chromium for tests of the page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.running import Server

# The first, a build without windows, opens a page with half the CPU time.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE_MS = 60_000
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium, or the one that Playwright installed; missing is an error, not a skip."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    """A page on the running app; a script error on it, or a request to anywhere else, fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, base_url=server.url)
    context.set_default_timeout(PATIENCE_MS)
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    yield opened
    context.close()
    assert not errors, f"script errors on the page: {errors}"
    assert server.url + "/" in {url.split("?")[0] for url in asked}
    outside = [url for url in asked if not url.startswith((f"{server.url}/", "data:", "blob:"))]
    assert not outside, f"requests to other hosts: {outside}"
