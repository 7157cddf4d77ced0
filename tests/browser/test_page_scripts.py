"""The page as a whole: each of its modules is loaded once, what cannot be loaded is said, and its foot describes the API."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.label_page import opened, stocked
from tests.running import Server
from workbench.ui.components.assets import PREFIX, module_address, preload_links

pytestmark = pytest.mark.slow


def test_each_module_comes_once(page: Page, server: Server, tmp_path: Path) -> None:
    stocked(server, tmp_path, 1)
    asked: Counter[str] = Counter()
    page.on("request", lambda request: asked.update([request.url.removeprefix(server.url)]))
    opened(page)
    modules = {path: times for path, times in asked.items() if path.startswith(PREFIX)}
    ours = page.locator(f"head link[rel=modulepreload][href^='{PREFIX}/']")
    expect(ours).to_have_count(preload_links().count("<link "))
    assert module_address("label/board.js") in modules
    assert set(modules.values()) == {1}


def test_a_script_that_does_not_come_is_said_where_it_is_missed(
    page: Page, server: Server, tmp_path: Path
) -> None:
    stocked(server, tmp_path, 1)
    page.route(f"**{module_address('label/queue.js')}", lambda route: route.abort())
    page.goto("/?tab=label")
    expect(page.locator("#label-board")).to_have_text(
        "This part of the page could not be loaded. Reload the page."
    )
    expect(page.locator("#label-classes li")).to_have_count(3)


def test_the_foot_of_the_page_describes_every_endpoint(page: Page, server: Server) -> None:
    names = server.client().view_api(return_format="dict")["named_endpoints"]
    page.goto("/")
    page.get_by_role("button", name="Use via API").click()
    described = page.locator(".api-docs")
    expect(described).to_contain_text(f"{len(names)} API endpoints")
    for name in names:
        expect(described.get_by_text(f'api_name="{name}"')).to_have_count(1)
