"""Windows of every width: nothing that can be pressed or typed into lies beyond the edge of the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.running import Server
from tests.versions import Answers, finished_run, import_pictures
from workbench.core.settings import Settings
from workbench.services import build_services
from workbench.ui.context import TABS

pytestmark = pytest.mark.slow
WIDTHS = (1400, 1024, 900, 700, 390)
BEYOND_THE_EDGE = """() => {
  const scrolls = (element) => {
    for (let box = element.parentElement; box; box = box.parentElement) {
      if (['auto', 'scroll'].includes(getComputedStyle(box).overflowX) && box.scrollWidth > box.clientWidth) return true;
    }
    return false;
  };
  const beyond = (element) => {
    const box = element.getBoundingClientRect();
    return element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && box.width > 1
      && (box.right > innerWidth + 1 || box.left < -1) && !scrolls(element)
      && !element.closest('[aria-hidden=true], .visually-hidden');  // Gradio measures its tabs there
  };
  return [...document.querySelectorAll('button, input, select, textarea, a[href]')].filter(beyond)
    .map((element) => element.id || element.textContent || element.getAttribute('aria-label') || element.outerHTML);
}"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A running app with pictures, classes with long names, and two versions."""
    services = build_services(Settings(data=tmp_path / "workbench", insight=False))
    import_pictures(services, {"Full": 12, "Half of what it holds": 12, "Overflowing": 12})
    for number in (1, 2):
        finished_run(services, tmp_path / f"run-{number}", Answers("Overflowing", "Full", 1), seed=number)
    running = Server(tmp_path).start()
    yield running
    running.close()


def test_nothing_lies_beyond_the_edge_of_a_window(page: Page, server: Server) -> None:
    page.goto("/")
    for tab in TABS:
        page.set_viewport_size({"width": WIDTHS[0], "height": 900})
        page.get_by_role("tab", name=tab.capitalize(), exact=True).click()
        expect(page.locator(f"#tab-{tab}")).to_be_visible()
        if tab == "label":
            expect(page.locator("#label-board .cell").first).to_be_visible()
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_function("new Promise(requestAnimationFrame).then(() => true)")
            assert page.evaluate(BEYOND_THE_EDGE) == [], (tab, width)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (tab, width)
