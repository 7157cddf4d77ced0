"""The grid: ranges, whole filters, search, and the address."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from gradio_client import handle_file
from playwright.sync_api import Page, expect

from tests.browser.label_page import labels, listed, opened, show, stocked
from tests.pictures import picture
from tests.running import Server, until

pytestmark = pytest.mark.slow


def test_a_whole_filter_is_changed_after_a_question_and_undone_at_once(
    page: Page, server: Server, tmp_path: Path
) -> None:
    client, ids = stocked(server, tmp_path, 70)
    client.predict(ids[:5], "Half", api_name="/label_images")
    opened(page, address="&show=unlabelled")
    page.get_by_role("button", name="All 65 in this filter").click()
    page.keyboard.press("1")
    dialog = page.locator("#label-confirm")
    expect(dialog).to_contain_text("Label 65 pictures as Full?")
    dialog.get_by_role("button", name="Cancel").click()
    assert labels(client, ids) == ["Half"] * 5 + [None] * 65
    page.keyboard.press("1")
    client.predict(ids[-1:], "Half", api_name="/label_images")
    dialog.get_by_role("button", name="Label 65 pictures as Full").click()
    expect(page.locator("#label-said")).to_contain_text("64 pictures in this filter by now")
    page.get_by_role("button", name="All 64 in this filter").click()
    page.keyboard.press("1")
    dialog.get_by_role("button", name="Label 64 pictures as Full").click()
    expect(page.locator(".nothing")).to_contain_text("Nothing is left to label.")
    assert labels(client, ids) == ["Half"] * 5 + ["Full"] * 64 + ["Half"]
    page.locator("#label-undo").click()
    expect(page.locator(".cell")).to_have_count(60)
    assert labels(client, ids) == ["Half"] * 5 + [None] * 64 + ["Half"]


def test_ranges_move_to_a_split_and_to_the_bin(page: Page, server: Server, tmp_path: Path) -> None:
    client, ids = stocked(server, tmp_path, 8)
    newest = ids[::-1]
    opened(page)
    cells = page.locator(".cell")
    cells.nth(1).click()
    cells.nth(3).click(modifiers=["Shift"])
    cells.nth(6).click(modifiers=["ControlOrMeta"])
    expect(page.locator(".selected-count")).to_have_text("4 selected")
    page.locator("#label-move").select_option("validation")
    expect(page.locator("#label-said")).to_have_text("Moved 4 pictures to the validation split.")
    moved = [newest[place] for place in (1, 2, 3, 6)]
    assert {item["id"] for item in listed(client, ids) if item["pin"] == "validation"} == set(moved)
    show(page, "In the validation split · 4")
    expect(cells).to_have_count(4)
    page.locator("#label-page").click()
    page.keyboard.press("a")
    expect(page.locator(".nothing")).to_be_visible()
    assert {item["id"] for item in listed(client, ids, status="bin")} == set(moved)
    page.locator("#label-undo").click()
    expect(cells).to_have_count(4)
    page.locator("#label-undo").click()
    until(lambda: not any(item["pin"] for item in listed(client, ids)), "the split")
    assert len(listed(client, ids)) == 8


def test_many_are_tagged_and_found_by_tag(page: Page, server: Server, tmp_path: Path) -> None:
    client, ids = stocked(server, tmp_path, 5)
    opened(page)
    page.locator(".cell").first.click()
    page.locator(".cell").nth(2).click(modifiers=["Shift"])
    page.get_by_role("button", name="Tag …").click()
    page.get_by_label("Tag of the selected pictures").fill("Glass <1>")
    page.get_by_role("button", name="Add tag").click()
    expect(page.locator("#label-said")).to_have_text("Changed the tags of 3 pictures.")
    page.locator("#label-tag input").click()
    page.get_by_role("option", name="glass <1>").click()
    expect(page.locator(".cell")).to_have_count(3)
    expect(page).to_have_url(re.compile("tag=glass"))
    page.reload()
    expect(page.locator(".cell")).to_have_count(3)
    assert [item["tags"] for item in listed(client, ids)] == [[], [], *[["glass <1>"]] * 3]


def test_search_finds_names_and_shows_them_as_text(page: Page, server: Server, tmp_path: Path) -> None:
    client, _ = stocked(server, tmp_path, 12)
    odd = tmp_path / "<img src=x onerror=alert(1)> & 100%.jpg"
    odd.write_bytes(picture(500))
    client.predict([handle_file(odd)], "", api_name="/import_images")
    opened(page)
    page.keyboard.press("/")
    page.keyboard.type("BOTTLE-00")
    expect(page.locator(".cell")).to_have_count(10)
    page.locator("#label-search").fill("img src")
    expect(page.locator(".cell")).to_have_count(1)
    expect(page.locator(".cell")).to_have_attribute("title", re.compile(r"<?img src=x onerror=alert"))
    page.keyboard.press("Escape")
    page.locator(".cell").dblclick()
    expect(page.locator(".stage-file")).to_contain_text("img src=x onerror=alert")
    expect(page).to_have_url(re.compile("search=img.*picture="))
    page.reload()
    expect(page.locator("#label-search")).to_have_value("img src")
    expect(page.locator(".stage-file")).to_contain_text("img src=x onerror=alert")
    page.keyboard.press("Escape")
    page.locator("#label-search").fill("no such name")
    expect(page.locator(".nothing")).to_contain_text("No picture fits this filter.")
    page.get_by_role("button", name="Show all pictures").click()
    expect(page.locator(".cell")).to_have_count(13)


def test_a_class_that_goes_in_another_tab_breaks_nothing(page: Page, server: Server, tmp_path: Path) -> None:
    client, ids = stocked(server, tmp_path, 4)
    client.predict(ids[:2], "Half", api_name="/label_images")
    opened(page, address="&class=Half")
    expect(page.locator(".cell")).to_have_count(2)
    client.predict("Half", "Full", api_name="/merge_classes")
    client.predict("Overflowing", api_name="/remove_class")
    page.locator("#label-page").click()
    page.keyboard.press("3")
    expect(page.locator("#label-said")).to_contain_text("There is no class “Overflowing”")
    expect(page.locator(".cell")).to_have_count(4)
    expect(page.locator("#label-palette .class-button")).to_have_count(2)
    assert labels(client, ids) == ["Full", "Full", None, None]
