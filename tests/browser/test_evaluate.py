"""Looking at a model's mistakes, and putting labels right there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.running import Server
from tests.versions import Answers, finished_run, import_pictures
from workbench.core.settings import Settings
from workbench.services import build_services

pytestmark = pytest.mark.slow
HALF = "${1+1} {{x}} 'Half' &amp;"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A running app with one version, which takes 3 of 6 ``HALF`` for ``Full``."""
    services = build_services(Settings(data=tmp_path / "workbench"))
    import_pictures(services, {"Full": 24, HALF: 12, "Over": 8})
    finished_run(services, tmp_path / "model", Answers(HALF, "Full", 3))
    running = Server(tmp_path).start()
    yield running
    running.close()


def test_a_version_is_judged_and_its_mistakes_are_relabelled(page: Page, server: Server) -> None:
    page.goto("/?tab=evaluate")
    headline = page.locator("#evaluate-headline")
    expect(headline).to_contain_text("86 % · 19 of 22")
    expect(headline).to_contain_text("accuracy of always answering “Full”")
    expect(headline).to_contain_text("55 % · 12 of 22")
    rows = page.locator("#evaluate-table tr")
    expect(rows.filter(has_text=HALF)).to_contain_text("0.5")
    expect(rows.filter(has_text="weighted average")).to_contain_text("22")
    expect(page.locator("#evaluate-loss .js-plotly-plot, #evaluate-bars .js-plotly-plot")).to_have_count(2)

    page.get_by_role("button", name=f"{HALF} taken for Full").press("Enter")
    expect(page.locator("#evaluate-opened figure")).to_have_count(3)
    worst = page.locator("#evaluate-worst figure")
    expect(worst).to_have_count(3)
    shown = worst.locator("figcaption").all_inner_texts()
    sure = [int(text.split(" %")[0].split()[-1]) for text in shown]
    assert sure == sorted(sure, reverse=True)

    worst.first.locator("select").select_option("Full")
    expect(worst.first).to_contain_text("now labelled Full")
    expect(headline).to_contain_text("86 % · 19 of 22")
    summary = server.client().predict(api_name="/dataset_summary")
    assert {class_["name"]: class_["count"] for class_ in summary["classes"]} == {
        "Full": 25,
        HALF: 11,
        "Over": 8,
    }


def test_a_click_on_the_heat_map_opens_the_pictures_of_the_cell(page: Page, server: Server) -> None:
    page.goto("/?tab=evaluate")
    page.get_by_text("Shares of each row").click()
    expect(page.locator("#evaluate-confusion")).to_contain_text("50 %")
    # The plot is drawn anew: the listener must be on the new one.
    cells = page.locator("#evaluate-confusion .js-plotly-plot[data-pressable] .nsewdrag").first
    cells.scroll_into_view_if_needed()
    box = cells.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 6)
    expect(page.locator("#evaluate-confusion .hoverlayer text").first).to_be_visible()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 6)
    expect(page.locator("#evaluate-opened-title")).to_contain_text(f"{HALF}, answered Full: 3 pictures")
    page.locator("#evaluate-opened a").first.click()
    expect(page.locator("dialog img")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
