"""Two people at once: whose picture it is, whose name stands there, and what they think of each other's labels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PATIENCE_MS
from tests.browser.label_page import listed, named, on_stage, opened, show, stocked
from tests.running import Server, until

pytestmark = pytest.mark.slow


@contextmanager
def second(browser: Browser, server: Server) -> Iterator[Page]:
    """Another person's browser."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, base_url=server.url)
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


def shown(page: Page) -> int:
    expect(page.locator("#label-stage.empty")).to_have_count(0)
    return int(page.locator("#label-stage").get_attribute("data-id") or 0)


def begin(page: Page, name: str) -> None:
    opened(page)
    named(page, name)
    page.locator("#label-primary").click()
    expect(page.locator("#label-stage")).to_be_visible()
    page.wait_for_function("document.querySelector('#label-stage')?.dataset.id")


def test_no_picture_is_handed_to_both(page: Page, browser: Browser, server: Server, tmp_path: Path) -> None:
    client, ids = stocked(server, tmp_path, 100)
    begin(page, "Anna")
    with second(browser, server) as other:
        begin(other, "Bert")
        seen: dict[str, list[int]] = {"Anna": [], "Bert": []}
        for _ in range(15):
            for who, tab in (("Anna", page), ("Bert", other)):
                seen[who].append(shown(tab))
                tab.keyboard.press("1")
                expect(tab.locator("#label-stage")).not_to_have_attribute("data-id", str(seen[who][-1]))
        assert not set(seen["Anna"]) & set(seen["Bert"])
        until(lambda: len(listed(client, ids, status="labelled")) == 30, "thirty labels")
    by = {item["id"]: item["labelled_by"] for item in listed(client, ids, status="labelled")}
    assert by == {**dict.fromkeys(seen["Anna"], "Anna"), **dict.fromkeys(seen["Bert"], "Bert")}
    page.reload()
    page.locator("#label-people-panel button").first.click()
    expect(page.locator("#label-people")).to_contain_text("Anna: 15 labelled today")
    expect(page.locator("#label-people")).to_contain_text("Bert: 15 labelled today")


def test_a_duplicated_tab_is_handed_pictures_of_its_own(page: Page, server: Server, tmp_path: Path) -> None:
    stocked(server, tmp_path, 100)
    begin(page, "Anna")
    first = shown(page)
    with page.expect_popup() as opening:
        # The new tab copies the session storage, as a tab that is duplicated does.
        page.evaluate("void window.open(location.href)")
    duplicate = opening.value
    opened(duplicate)
    duplicate.locator("#label-primary").click()
    duplicate.wait_for_function("document.querySelector('#label-stage')?.dataset.id")
    assert shown(duplicate) != first
    duplicate.close()
    page.reload()
    page.wait_for_function("document.querySelector('#label-stage')?.dataset.id")
    assert shown(page) == first, "a reload lost what the tab holds"


def test_second_opinions_agree_disagree_and_are_settled_by_a_key(
    page: Page, server: Server, tmp_path: Path
) -> None:
    client, ids = stocked(server, tmp_path, 5)
    client.predict(ids[:4], "Full", "Anna", api_name="/label_images")
    client.predict(ids[4:], "Full", "Bert", api_name="/label_images")
    opened(page)
    named(page, "Bert")
    show(page, "Not reviewed")
    expect(page.locator(".cell")).to_have_count(5)
    page.get_by_role("button", name="One by one").click()
    on_stage(page, ids[3])
    expect(page.locator(".stage-question")).to_contain_text("Second opinion")
    expect(page.locator(".stage-class")).to_have_text("first answer hidden")
    page.keyboard.press("x")
    on_stage(page, ids[3])
    for key, after in (("1", ids[2]), ("2", ids[1]), ("1", ids[0])):
        page.keyboard.press(key)
        on_stage(page, after)
    page.keyboard.press("2")
    expect(page.locator(".stage-over")).to_contain_text("No picture waits for a second opinion of yours.")
    until(lambda: len(listed(client, ids, status="unreviewed")) == 1, "four opinions")
    assert [item["id"] for item in listed(client, ids, status="agreed")] == [ids[1], ids[3]]
    assert [item["id"] for item in listed(client, ids, status="unreviewed")] == ids[4:]

    page.keyboard.press("Escape")
    show(page, "Disagreed · 2")
    page.get_by_role("button", name="One by one").click()
    on_stage(page, ids[2])
    expect(page.locator(".stage-settle button")).to_have_text(["1Anna: Full", "2Bert: Half"])
    page.keyboard.press("2")
    on_stage(page, ids[0])
    page.locator(".stage-settle").get_by_role("button", name="Anna: Full").click()
    expect(page.locator(".stage-over")).to_be_visible()
    until(lambda: not listed(client, ids, status="disagreed"), "both settled")
    assert [item["label"] for item in listed(client, ids)] == ["Full", "Full", "Half", "Full", "Full"]


def test_a_picture_that_somebody_changed_is_refused_with_a_name(
    page: Page, server: Server, tmp_path: Path
) -> None:
    client, ids = stocked(server, tmp_path, 2)
    begin(page, "Anna")
    client.predict(ids[-1:], "Half", "Bert", api_name="/label_images")
    page.keyboard.press("1")
    expect(page.locator("#label-said")).to_contain_text("bottle-001.jpg: This picture was changed")
    expect(page.locator("#label-said")).to_contain_text("by Bert")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".stage-class")).to_have_text("Half")
    expect(page.locator(".panel-who")).to_have_text("Labelled by Bert.")
    assert [item["label"] for item in listed(client, ids)] == [None, "Half"]


def test_a_hostile_name_is_only_text(page: Page, server: Server, tmp_path: Path) -> None:
    client, ids = stocked(server, tmp_path, 1)
    begin(page, "<img src=x onerror=alert(1)> 1234567890123")
    page.keyboard.press("1")
    until(lambda: listed(client, ids)[0]["label"], "the label")
    name = "<img src=x onerror=alert(1)> 1234567890123"[:40].strip()
    assert listed(client, ids)[0]["labelled_by"] == name
    page.reload()
    expect(page.locator("#strip-name")).to_have_value(name)
    page.locator("#label-history-panel button").first.click()
    expect(page.locator("#label-history")).to_contain_text(name)
