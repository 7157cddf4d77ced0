"""Collecting: the first minute with the sample set, and uploads of every kind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.pictures import class_zip, picture
from tests.running import Server

pytestmark = pytest.mark.slow
IMPORT_SECONDS = 90_000


def summary(server: Server) -> dict:
    return server.client().predict(api_name="/dataset_summary")


def test_the_sample_set_comes_in_with_one_click_survives_a_reload_and_goes_again(
    page: Page, server: Server
) -> None:
    page.goto("/")
    expect(page.locator("#collect-welcome")).to_contain_text("Start with pictures")
    page.get_by_role("button", name="Start with 200 sample bottles").click()
    expect(page.get_by_role("progressbar", name="Import")).to_contain_text(re.compile(r"[1-9]\d* of 200"))

    page.reload()
    expect(page.get_by_role("progressbar", name="Import")).to_be_visible()
    expect(page.locator("#collect-report")).to_contain_text("200 imported", timeout=IMPORT_SECONDS)
    expect(page.locator("#collect-overview")).to_contain_text("all synthetic")
    expect(page.locator("#collect-overview .mark").first).to_have_text("synthetic")
    expect(page.locator("#collect-overview")).to_contain_text("60 % · 120 of 200")
    expect(page.get_by_role("button", name="Train on 200 pictures")).to_be_visible()
    expect(page.locator("#collect-welcome")).to_be_hidden()

    page.get_by_role("button", name="Remove the 200 sample pictures").click()
    expect(page.locator("#collect-welcome")).to_be_visible()
    assert summary(server)["images"] == 0
    page.get_by_role("button", name="Undo: removed 200 pictures").click()
    expect(page.locator("#collect-overview")).to_contain_text("200 pictures")
    assert summary(server)["images"] == 200


def test_pictures_zips_and_what_is_neither_end_in_one_report(
    page: Page, server: Server, tmp_path: Path
) -> None:
    archive = class_zip(tmp_path / "bottles.zip", per_class=3)
    alone = tmp_path / "one & <b>bold.jpg"
    alone.write_bytes(picture(7))
    text = tmp_path / "notes.jpg"
    text.write_text("no picture")

    page.goto("/")
    chooser = page.locator("#collect-drop input[type=file]")
    chooser.set_input_files([archive, alone, text])
    page.get_by_role("button", name="Import 8 files").click()

    report = page.locator("#collect-report")
    expect(report).to_contain_text("7 imported")
    expect(report).to_contain_text("1 rejected")
    expect(report.get_by_role("row", name="notes.jpg")).to_contain_text("not a picture in a known format")
    expect(page.locator("#collect-overview")).to_contain_text("Left to label")
    expect(page.locator("#collect-overview img").first).to_have_attribute("alt", re.compile("bold"))
    assert summary(server)["unlabelled"] == 1

    chooser.set_input_files([alone])
    page.get_by_label("Class for these pictures").fill("Bold")
    page.get_by_label("Class for these pictures").press("Enter")
    page.get_by_role("button", name="Import 1 file").click()
    expect(report).to_contain_text("1 already there")
    assert {each["name"]: each["count"] for each in summary(server)["classes"]} == {
        "Low": 3,
        "High": 3,
        "Bold": 1,
    }

    page.get_by_role("button", name="Train on 7 pictures").click()
    expect(page.get_by_role("tab", name="Train")).to_have_attribute("aria-selected", "true")
