"""The keyboard: a hundred pictures, fast keys, skipping, the bin, undo and redo, tags and notes."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.label_page import CLASSES, labels, listed, on_stage, opened, stocked
from tests.running import Server, until

pytestmark = pytest.mark.slow


def begun(page: Page, left: int) -> None:
    opened(page)
    page.get_by_role("button", name=f"Label the {left} left, one by one").click()
    expect(page.locator("#label-stage")).to_have_attribute("data-id", re.compile(r"\d+"))


def test_a_hundred_pictures_by_keyboard(page: Page, server: Server, tmp_path: Path) -> None:
    client, ids = stocked(server, tmp_path, 100)
    begun(page, 100)
    wanted = {}
    chance = random.Random(7)
    for image_id in reversed(ids):
        on_stage(page, image_id)
        key = chance.randint(1, 3)
        wanted[image_id] = CLASSES[key - 1]
        page.keyboard.press(str(key))
    expect(page.locator(".stage-over")).to_have_text("Nothing is left to label.")
    until(lambda: None not in labels(client, ids), "a hundred labels")
    assert dict(zip(ids, labels(client, ids), strict=True)) == wanted
    page.keyboard.press("1")
    page.keyboard.press("ArrowLeft")
    on_stage(page, ids[0])
    expect(page.locator(".stage-class")).to_have_text(wanted[ids[0]])
    events = client.predict(api_name="/activity")["items"]
    assert [(event["by"], event["labelled"]) for event in events if event["labelled"]] == [("someone", 100)]


def test_keys_faster_than_a_slow_network_land_in_order(page: Page, server: Server, tmp_path: Path) -> None:
    client, ids = stocked(server, tmp_path, 40)
    begun(page, 40)
    dropped = []

    def slow(route: Route) -> None:
        if '"save"' in (route.request.post_data or "") and len(dropped) < 2:
            dropped.append(route)
            route.abort()
            return
        page.wait_for_timeout(150)
        route.continue_()

    page.route(re.compile("component_server"), slow)
    typed = "12331221313212331123"
    page.keyboard.type(typed)
    on_stage(page, ids[-21])
    until(lambda: page.evaluate("1") and None not in labels(client, ids[-20:]), "twenty labels")
    assert labels(client, ids[::-1]) == [*(CLASSES[int(key) - 1] for key in typed), *[None] * 20]
    assert len(dropped) == 2


def test_skip_bin_undo_and_redo(page: Page, server: Server, tmp_path: Path) -> None:
    client, ids = stocked(server, tmp_path, 6)
    begun(page, 6)
    page.keyboard.press("s")
    on_stage(page, ids[-2])
    page.keyboard.press("a")
    on_stage(page, ids[-3])
    page.keyboard.press("1")
    on_stage(page, ids[-4])
    until(lambda: labels(client, ids[-3:-2]) == ["Full"], "the label")
    assert [item["id"] for item in listed(client, ids, status="bin")] == ids[-2:-1]

    page.keyboard.press("u")
    on_stage(page, ids[-3])
    expect(page.locator("#label-undo")).to_have_text("Undo: removed 1 picture")
    page.keyboard.press("u")
    on_stage(page, ids[-2])
    expect(page.locator("#label-redo")).to_have_text("Redo: removed 1 picture")
    page.keyboard.press("Shift+U")
    expect(page.locator("#label-redo")).to_have_text("Redo: labelled 1 picture as Full")
    page.keyboard.press("Shift+U")
    expect(page.locator("#label-redo")).to_be_hidden()
    until(lambda: labels(client, ids[-3:-2]) == ["Full"], "the label again")
    assert [item["id"] for item in listed(client, ids, status="bin")] == ids[-2:-1]

    expect(page).to_have_url(re.compile("show=unlabelled&view=stage"))
    page.reload()
    for image_id in (ids[-4], ids[-5], ids[-6]):
        on_stage(page, image_id)
        page.keyboard.press("2")
    expect(page.locator(".stage-over")).to_contain_text("1 picture left")
    assert labels(client, ids) == ["Half", "Half", "Half", "Full", None]


def test_a_picture_of_the_bin_comes_back(page: Page, server: Server, tmp_path: Path) -> None:
    client, ids = stocked(server, tmp_path, 4)
    client.predict(ids[:3], api_name="/archive_images")
    opened(page, address="&show=bin")
    expect(page.locator(".cell")).to_have_count(3)
    page.locator(".cell").first.dblclick()
    on_stage(page, ids[2])
    page.keyboard.press("1")
    expect(page.locator("#label-said")).to_contain_text("Restore it first")
    page.keyboard.press("a")
    on_stage(page, ids[1])
    page.keyboard.press("Escape")
    expect(page.locator(".cell")).to_have_count(2)
    page.locator("#label-page").click()
    page.get_by_role("button", name="Restore 2 pictures").click()
    expect(page.locator(".nothing")).to_contain_text("The bin is empty.")
    assert labels(client, ids) == [None] * 4


def test_tags_notes_and_history_are_text(page: Page, server: Server, tmp_path: Path) -> None:
    client, ids = stocked(server, tmp_path, 2)
    hostile = "<img src=x onerror=alert(1)>"
    opened(page, address=f"&picture={ids[0]}")
    on_stage(page, ids[0])
    page.keyboard.press("t")
    page.keyboard.type(hostile)
    page.keyboard.press("Enter")
    expect(page.locator(".panel-tags li")).to_have_text(f"{hostile}×")
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    page.keyboard.type("Bent 1 & blue <b>")
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    until(lambda: listed(client, ids)[0]["label"], "the label")
    page.keyboard.press("ArrowLeft")
    on_stage(page, ids[0])
    expect(page.locator(".panel-history li").first).to_contain_text("someone class: none → Full")
    expect(page.locator(".panel-history li").nth(1)).to_contain_text("note: none → Bent 1 & blue <b>")
    noted = listed(client, ids)[0]
    assert (noted["tags"], noted["notes"], noted["label"]) == ([hostile], "Bent 1 & blue <b>", "Full")

    page.get_by_role("button", name=f"Remove the tag {hostile}").click()
    expect(page.locator(".panel-tags li")).to_have_count(0)
    page.locator("#label-panel textarea").fill("unsaved until it is left")
    page.get_by_role("button", name="Next picture").click()
    until(lambda: listed(client, ids)[0]["notes"] == "unsaved until it is left", "the note")
    assert listed(client, ids)[0]["tags"] == []
