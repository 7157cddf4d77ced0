"""Collecting: the first minute with the sample set, and uploads of every kind."""

from __future__ import annotations

import csv
import re
import shutil
import zipfile
from pathlib import Path

import pytest
from gradio_client import handle_file
from playwright.sync_api import Browser, Page, expect

from tests.pictures import class_zip, picture, write_zip
from tests.running import Server, until

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
    with page.expect_download() as download:
        report.get_by_role("link", name="Download the report as CSV").click()
    with Path(download.value.path()).open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["file"], row["result"], row["class"]) == ("one & <b>bold.jpg", "already there", "Bold")
    page.get_by_role("button", name="Earlier imports").click()
    past = page.get_by_role("table", name="Imports, newest first")
    expect(past.get_by_role("row")).to_have_count(3)
    expect(past.get_by_role("row", name="bottles.zip and 2 more")).to_contain_text("7")

    assert {class_["name"]: class_["count"] for class_ in summary(server)["classes"]} == {
        "Low": 3,
        "High": 3,
        "Bold": 1,
    }

    page.get_by_role("button", name="Train on 7 pictures").click()
    expect(page.get_by_role("tab", name="Train")).to_have_attribute("aria-selected", "true")


def test_a_burst_of_the_camera_goes_into_a_class(browser: Browser, server: Server) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, base_url=server.url, has_touch=True)
    context.grant_permissions(["camera"])
    page = context.new_page()
    page.goto("/")
    page.get_by_role("tab", name="Camera").click()
    page.get_by_label("Class of what it sees").fill("Pacman")
    record = page.get_by_role("button", name="Hold to record")
    expect(record).to_be_enabled()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

    record.hover()
    page.mouse.down()
    frames = page.locator("#collect-camera .frames button")
    expect(frames.nth(5)).to_be_visible()
    page.mouse.up()
    expect(record).to_be_visible()
    taken = frames.count()
    assert taken < 30
    page.keyboard.down("Space")
    expect(frames.nth(taken + 2)).to_be_visible()
    page.keyboard.up("Space")
    expect(record).to_be_visible()
    before = frames.count()
    frames.first.click()
    expect(frames).to_have_count(before - 1)

    page.get_by_role("button", name=f"Add {before - 1} pictures to Pacman").click()
    expect(page.locator("#collect-camera .count")).to_contain_text("on the way to Pacman")
    expect(frames).to_have_count(0)
    expect(page.locator("#collect-report")).to_contain_text(f"{before - 1} imported")
    assert summary(server)["classes"] == [{"name": "Pacman", "count": before - 1}]

    live = "document.querySelector('#collect-camera video').srcObject !== null"
    assert page.evaluate(live)
    page.get_by_role("tab", name="Files").click()
    page.wait_for_function(f"!({live})")
    context.close()


def test_a_burst_that_the_server_refuses_stays(browser: Browser, server: Server) -> None:
    context = browser.new_context(base_url=server.url)
    context.grant_permissions(["camera"])
    page = context.new_page()
    page.goto("/")
    page.get_by_role("tab", name="Camera").click()
    page.get_by_label("Class of what it sees").fill("\u200b")
    record = page.get_by_role("button", name="Hold to record")
    expect(record).to_be_enabled()
    record.hover()
    page.mouse.down()
    frames = page.locator("#collect-camera .frames button")
    expect(frames.nth(1)).to_be_visible()
    page.mouse.up()
    expect(record).to_be_visible()
    taken = frames.count()
    page.locator("#collect-camera .keep").click()
    expect(page.locator("#collect-camera .count")).to_contain_text("class")
    expect(frames).to_have_count(taken)
    page.get_by_role("button", name="Throw away").click()
    expect(frames).to_have_count(0)
    assert summary(server)["images"] == 0
    context.close()


def test_a_copied_picture_is_pasted_into_the_chosen_class(page: Page, server: Server) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/")
    page.get_by_label("Class for these pictures").fill("Copied")
    page.get_by_label("Class for these pictures").press("Enter")
    page.evaluate(
        """async () => {
          const canvas = document.createElement('canvas');
          canvas.getContext('2d').fillRect(0, 0, 100, 80);
          const blob = await new Promise((done) => canvas.toBlob(done, 'image/png'));
          await navigator.clipboard.write([new ClipboardItem({ 'image/png': blob })]);
        }"""
    )
    page.get_by_label("Class for these pictures").focus()
    page.keyboard.press("Control+V")  # into the field, where it means something else
    page.locator("#collect-class input").blur()
    page.keyboard.press("Control+V")
    expect(page.locator("#collect-report")).to_contain_text("1 imported")
    expect(page.locator("#collect-overview img")).to_have_attribute(
        "alt", re.compile(r"pasted-.*\.png, Copied")
    )
    assert summary(server)["classes"] == [{"name": "Copied", "count": 1}]

    page.get_by_role("tab", name="Label").click()
    expect(page.locator("#collect-paste")).to_be_hidden()
    page.keyboard.press("Control+V")
    page.get_by_role("tab", name="Collect").click()
    page.get_by_role("button", name="Earlier imports").click()
    expect(page.get_by_role("table", name="Imports, newest first").get_by_role("row")).to_have_count(2)


def test_the_check_of_the_data_says_what_is_wrong_and_repairs_it(page: Page, server: Server) -> None:
    client = server.client()
    client.predict(
        [handle_file(class_zip(server.data / "six.zip", per_class=3))], "", api_name="/import_images"
    )
    page.goto("/")
    folder = server.data / "workbench/blobs/thumbnails"
    thumbnails = until(lambda: sorted(folder.glob("*/[0-9a-f]*")), "a thumbnail")
    thumbnails[0].write_bytes(b"")
    page.get_by_role("button", name="Check the data").click()
    page.get_by_role("button", name="Check now").click()
    findings = page.locator("#collect-check-found")
    expect(findings).to_contain_text("Damaged small copies of pictures: 1 file")
    page.get_by_role("button", name="Repair").click()
    expect(findings).to_contain_text("Repaired: they were made again")
    page.get_by_role("button", name="Check now").click()
    expect(findings).to_contain_text("All is well.")
    assert thumbnails[0].stat().st_size > 0


def test_the_data_goes_out_as_a_file_that_comes_back(page: Page, server: Server) -> None:
    client = server.client()
    client.predict(
        [handle_file(class_zip(server.data / "six.zip", per_class=3))], "", api_name="/import_images"
    )
    page.goto("/")
    page.get_by_role("button", name="Take your data with you").click()
    page.get_by_label("What", exact=True).click()
    page.get_by_role("option", name="Class Low (3)").click()
    page.get_by_role("button", name=re.compile(r"Export 3 pictures, about \d")).click()
    link = page.locator("#collect-take-result").get_by_role("link")
    with page.expect_download() as download:
        link.click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert [name.split("/")[0] for name in archive.namelist()] == ["Low"] * 3
    again = server.data / "again.zip"
    shutil.copy(download.value.path(), again)
    back = client.predict([handle_file(again)], "", api_name="/import_images")
    assert (back["imported"], back["duplicates"]) == (0, 3)

    page.get_by_label("Format", exact=True).click()
    page.get_by_role("option", name="CSV, without the pictures").click()
    page.get_by_role("button", name="Export 3 pictures", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile(r"Download .*\.csv")).click()
    assert len(Path(download.value.path()).read_text().splitlines()) == 4


def test_a_folder_of_the_server_is_imported_where_it_is_allowed(browser: Browser, tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    (allowed / "Full").mkdir(parents=True)
    for seed in range(3):
        (allowed / "Full" / f"{seed}.jpg").write_bytes(picture(seed))
    server = Server(tmp_path, WORKBENCH_IMPORT_FOLDERS=str(allowed)).start()
    try:
        page = browser.new_page(base_url=server.url)
        page.goto("/")
        page.get_by_role("tab", name="Server").click()
        folder = page.get_by_label("Folder on the server")
        folder.fill("/<b>etc")
        folder.press("Enter")
        expect(page.locator("#collect-folder-said")).to_contain_text(
            "“/<b>etc” is not a folder that may be imported"
        )
        folder.fill(str(allowed))
        folder.press("Enter")
        page.get_by_role("button", name="Import 3 files").click()
        expect(page.locator("#collect-report")).to_contain_text("3 imported")
        assert summary(server)["classes"] == [{"name": "Full", "count": 3}]
        page.close()
    finally:
        server.close()


def test_imports_wait_in_line_and_can_be_taken_from_it(page: Page, server: Server, tmp_path: Path) -> None:
    large = picture(1, (4000, 3000), "PNG")
    slow = write_zip(tmp_path / "slow.zip", {f"{number}.png": large for number in range(60)})
    one = tmp_path / "later.jpg"
    one.write_bytes(picture(1))
    page.goto("/")
    chooser = page.locator("#collect-drop input[type=file]")
    chooser.set_input_files([slow])
    page.get_by_role("button", name="Import 60 files").click()
    expect(page.get_by_role("progressbar", name="Import")).to_be_visible()
    chooser.set_input_files([one])
    page.get_by_role("button", name="Import 1 file").click()
    line = page.locator("#collect-progress .queue li")
    expect(line).to_contain_text("later.jpg")
    line.get_by_role("button", name="Cancel").click()
    expect(line).to_have_count(0)
    page.get_by_role("button", name="Stop the import").click()
    report = page.locator("#collect-report")
    expect(report).to_contain_text("slow.zip", timeout=IMPORT_SECONDS)
    expect(report).to_contain_text("stopped by hand")
    page.get_by_role("button", name="Earlier imports").click()
    past = page.get_by_role("table", name="Imports, newest first")
    expect(past.get_by_role("row", name="later.jpg")).to_contain_text("stopped by hand")
    expect(past.get_by_role("row", name="slow.zip")).to_contain_text("stopped by hand")
    assert summary(server)["images"] == 1


def test_what_is_worth_a_look_opens_on_the_label_tab(page: Page, server: Server, tmp_path: Path) -> None:
    tiny, whole = tmp_path / "tiny.png", tmp_path / "whole.jpg"
    tiny.write_bytes(picture(1, (40, 40), "PNG"))
    whole.write_bytes(picture(2))
    page.goto("/")
    page.locator("#collect-drop input[type=file]").set_input_files([tiny, whole])
    page.get_by_role("button", name="Import 2 files").click()
    page.locator("#collect-report").get_by_role("link", name="1 too small").click()
    expect(page.get_by_label("Show")).to_have_value(re.compile("too small"))
    assert "tab=label" in page.url
