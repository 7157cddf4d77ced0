"""Labelling with the keyboard and the mouse: what the page shows and what the database holds afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.label_page import CLASSES, labels, on_stage, opened, stocked
from tests.running import Server, until

pytestmark = pytest.mark.slow


def test_twenty_fast_keys_label_the_right_twenty_pictures(page: Page, server: Server, tmp_path: Path) -> None:
    client, ids = stocked(server, tmp_path, 24)
    opened(page)
    page.get_by_role("button", name="Label the 24 left, one by one").click()
    on_stage(page, ids[-1])

    typed = "12331221313212331123"
    page.keyboard.type(typed)

    expect(page.locator(".board-facts")).to_contain_text("4 left to label")
    wanted = [CLASSES[int(key) - 1] for key in typed]
    newest_first = ids[::-1]
    until(lambda: None not in labels(client, newest_first[:20]), "twenty labels")
    assert labels(client, newest_first) == [*wanted, None, None, None, None]
    on_stage(page, newest_first[20])

    page.keyboard.press("ArrowLeft")
    expect(page.locator(".stage-class")).to_have_text(wanted[-1])
    page.keyboard.press("u")
    expect(page.locator(".stage-class")).to_have_text("not labelled")
    assert labels(client, newest_first[18:20]) == [wanted[18], None]


def test_keys_that_are_not_meant_for_the_board_label_nothing(
    page: Page, server: Server, tmp_path: Path
) -> None:
    client, ids = stocked(server, tmp_path, 3)
    opened(page)
    page.locator(".cell").first.dblclick()
    expect(page.locator("#label-stage")).to_be_visible()
    page.locator("#class-name").fill("")
    page.keyboard.type("1x2")
    page.locator("#class-name").blur()
    page.keyboard.press("Control+1")
    page.get_by_role("tab", name="Augment").click()
    expect(page.locator("#label-stage")).to_be_hidden()
    page.keyboard.type("12")
    page.get_by_role("tab", name="Label").click()
    page.keyboard.press("?")
    expect(page.locator("#label-help")).to_be_visible()
    page.keyboard.type("1")
    page.keyboard.press("?")
    expect(page.locator("#label-help")).to_be_hidden()
    page.keyboard.press("3")
    expect(page.locator(".board-facts")).to_contain_text("2 left to label")
    until(lambda: labels(client, ids)[-1], "a label")
    assert labels(client, ids) == [None, None, "Overflowing"]


def test_a_picture_that_somebody_else_changed_is_left_as_it_is(
    page: Page, server: Server, tmp_path: Path
) -> None:
    client, ids = stocked(server, tmp_path, 3)
    opened(page)
    page.locator(".cell").first.dblclick()
    on_stage(page, ids[-1])
    client.predict(ids[-1:], "Half", api_name="/label_images")
    page.keyboard.press("1")
    expect(page.locator("#label-said")).to_contain_text("changed in the meantime")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".stage-class")).to_have_text("Half")
    assert labels(client, ids) == [None, None, "Half"]


def test_many_at_once_and_undo_after_a_restart(page: Page, server: Server, tmp_path: Path) -> None:
    client, ids = stocked(server, tmp_path, 6)
    opened(page)
    cells = page.locator(".cell")
    cells.nth(1).click()
    cells.nth(4).click(modifiers=["Shift"])
    page.locator("#label-palette").get_by_role("button", name="Half").click()
    page.get_by_role("button", name="Label 4 as Half").click()
    expect(page.locator(".cell-class", has_text="Half")).to_have_count(4)
    expect(page.locator(".board-facts")).to_contain_text("2 left to label")
    until(lambda: any(labels(client, ids)), "the labels")
    assert labels(client, ids) == [None, "Half", "Half", "Half", "Half", None]

    cells.first.click()
    page.get_by_role("button", name="Move 1 picture to the bin").click()
    expect(cells).to_have_count(5)
    expect(page.locator("#label-undo")).to_have_text("Undo: removed 1 picture")

    server.end()
    server.start()
    opened(page)
    expect(cells).to_have_count(5)
    page.locator("#label-undo").click()
    expect(cells).to_have_count(6)
    expect(page.locator("#label-undo")).to_have_text("Undo: labelled 4 pictures as Half")
    page.locator("#label-undo").click()
    expect(page.locator(".board-facts")).to_contain_text("6 left to label")
    assert labels(server.client(), ids) == [None] * 6


def test_the_class_manager_says_what_it_does(page: Page, server: Server, tmp_path: Path) -> None:
    client, ids = stocked(server, tmp_path, 3, classes=())
    opened(page)
    page.get_by_label("Add your first class").fill("Full")
    page.locator("#label-first-class button").click()
    expect(page.locator("#label-palette [data-class=Full] kbd")).to_have_text("1")
    client.predict(ids[:2], "Half", create=True, api_name="/label_images")
    page.reload()
    expect(page.locator("#label-palette [data-class=Half] kbd")).to_have_text("2")
    for name, sentence in (
        (" ", "needs a name"),
        ("<script>alert(1)</script>", "character that a name cannot have"),
        ("x" * 300, "at most 60 characters"),
        ("half", "already a class"),
    ):
        page.locator("#class-name").fill(name)
        page.locator("#class-add").click()
        expect(page.locator("#class-said")).to_contain_text(sentence)
    page.locator("#class-name").fill("Empty")
    page.locator("#class-add").click()
    expect(page.locator("#label-palette [data-class=Empty] kbd")).to_have_text("3")

    page.get_by_label("Name of Full").fill("Brim")
    page.keyboard.press("Enter")
    expect(page.locator("#label-palette [data-class=Brim]")).to_be_visible()

    page.get_by_role("button", name="Merge or remove Half").click()
    page.get_by_label("Merge Half into").select_option("Brim")
    page.get_by_role("button", name="Move 2 pictures into Brim and remove Half").click()
    expect(page.locator("#class-said")).to_contain_text("Moved 2 pictures from Half into Brim")
    expect(page.locator(".cell-class", has_text="Brim")).to_have_count(2)
    summary = client.predict(api_name="/dataset_summary")
    assert {class_["name"]: class_["count"] for class_ in summary["classes"]} == {
        "Brim": 2,
        "Empty": 0,
    }


def test_a_phone_shows_the_stage_first_and_an_empty_catalogue_leads_to_collect(
    page: Page, server: Server, tmp_path: Path
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/?tab=label")
    expect(page.locator("#label-board .board")).to_be_hidden()
    page.locator("#label-collect").click()
    expect(page.get_by_role("tab", name="Collect")).to_have_attribute("aria-selected", "true")

    client, ids = stocked(server, tmp_path, 2)
    page.goto("/?tab=label")
    expect(page.locator("#label-stage")).to_be_visible()
    for name in ("Full", "Half"):
        page.locator("#label-palette").get_by_role("button", name=name).click()
    expect(page.get_by_role("button", name="Train on 2 pictures")).to_be_visible()
    until(lambda: None not in labels(client, ids), "two labels")
    assert labels(client, ids) == ["Half", "Full"]
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.get_by_role("button", name="Train on 2 pictures").click()
    expect(page.get_by_role("tab", name="Train")).to_have_attribute("aria-selected", "true")
