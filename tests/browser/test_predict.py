"""Predicting: one picture, the camera, many pictures, and all that can be in the way."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PATIENCE_MS
from tests.pictures import class_zip, picture, shaded
from tests.running import Server, until

pytestmark = pytest.mark.slow
TRAINING_SECONDS = 240
LIVE = "(document.querySelector('#predict-camera video').srcObject !== null)"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_nets: None) -> Iterator[Server]:
    """A running app with a model that is not in production."""
    folder = tmp_path_factory.mktemp("trained")
    running = Server(folder).start()
    client = running.client()
    client.predict([handle_file(class_zip(folder / "levels.zip"))], "", api_name="/import_images")
    run = client.predict({"epochs": 1, "batch_size": 8}, api_name="/start_training")["run_id"]
    until(lambda: _finished(client, run), "a model", TRAINING_SECONDS)
    yield running
    running.end()


@pytest.fixture(scope="module")
def promoted(trained: Server) -> Server:
    """The same app with its model in production."""
    trained.client().predict("v1", "production", "test", api_name="/promote")
    return trained


@pytest.fixture
def asking(browser: Browser, promoted: Server) -> Iterator[Page]:
    """The Predict tab of the app that has a model in production."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, base_url=promoted.url)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto("/?tab=predict")
    expect(page.get_by_label("Model to ask")).to_have_value("production (v1)")
    yield page
    context.close()


def _finished(client: Client, run: int) -> bool:
    status = client.predict(run, api_name="/run_status")
    assert status["status"] in {"queued", "running", "finished"}, status["error"]
    return status["status"] == "finished"


def choose(page: Page, name: str, data: bytes) -> None:
    file = {"name": name, "mimeType": "image/jpeg", "buffer": data}
    page.locator("#predict-picture input[type=file]").set_input_files(file)


def test_without_a_model_a_sentence_says_what_to_do(page: Page, server: Server) -> None:
    page.goto("/?tab=predict")
    expect(page.locator("#predict-notice")).to_contain_text("There is no model yet.")
    choose(page, "bottle.jpg", picture(1))
    expect(page.locator("#predict-result")).to_contain_text("There is no model yet.")
    page.get_by_role("button", name="Train a model").click()
    expect(page.get_by_role("tab", name="Train")).to_have_attribute("aria-selected", "true")


def test_the_newest_version_answers_until_it_is_put_to_work(browser: Browser, trained: Server) -> None:
    page = browser.new_page(base_url=trained.url)
    page.goto("/?tab=predict")
    notice = page.locator("#predict-notice")
    expect(notice).to_contain_text("No version is in production yet, so v1, the newest, answers.")
    choose(page, "bottle.png", shaded(0.7, 5))
    expect(page.locator("#predict-result")).to_contain_text("Answered by v1, not in production.")
    page.get_by_role("button", name="Put v1 to work").click()
    expect(notice).to_be_hidden()
    expect(page.get_by_label("Model to ask")).to_have_value("production (v1)")
    page.close()


def test_a_picture_gets_a_class_all_probabilities_and_the_version(asking: Page) -> None:
    choose(asking, "bottle.png", shaded(0.7, 5))
    result = asking.locator("#predict-result")
    expect(result.locator(".class")).to_have_text(re.compile(r"(Low|High)\s*\d+"))
    expect(result.get_by_role("listitem")).to_have_count(2)
    expect(result).to_contain_text("Answered by v1, in production.")
    expect(asking.locator("#predict-notice")).to_be_hidden()
    width = asking.evaluate("document.documentElement.scrollWidth")
    assert width <= 390


def test_a_broken_picture_gets_a_reason_and_the_next_one_an_answer(asking: Page) -> None:
    result = asking.locator("#predict-result")
    choose(asking, "text.jpg", b"no picture")
    expect(result).to_contain_text("This is not a picture in a known format")
    expect(asking.locator("#predict-picture img")).to_have_count(0)
    choose(asking, "bottle.png", shaded(0.3, 5))
    expect(result.locator(".class")).to_be_visible()


def test_a_pasted_picture_gets_an_answer(asking: Page) -> None:
    asking.context.grant_permissions(["clipboard-read", "clipboard-write"])
    asking.evaluate(
        """async () => {
          const canvas = document.createElement('canvas');
          const blob = await new Promise((done) => canvas.toBlob(done, 'image/png'));
          await navigator.clipboard.write([new ClipboardItem({ 'image/png': blob })]);
        }"""
    )
    asking.get_by_role("button", name="Paste from clipboard").click()
    expect(asking.locator("#predict-result .class")).to_be_visible()


def test_the_camera_answers_with_one_press_and_stops_when_one_leaves(asking: Page) -> None:
    asking.context.grant_permissions(["camera"])
    asking.get_by_role("tab", name="Camera").click()
    expect(asking.locator(".camera-answer .class")).to_be_visible()
    expect(asking.locator(".camera-answer")).to_contain_text("Answered by v1, in production.")
    assert asking.evaluate(LIVE)
    asking.get_by_role("tab", name="Many pictures").click()
    asking.wait_for_function(f"!{LIVE}")
    asking.get_by_role("tab", name="Camera").click()
    expect(asking.get_by_role("button", name="Start the camera")).to_be_visible()


def test_many_pictures_give_a_table_to_look_at_and_one_to_download(asking: Page, tmp_path: Path) -> None:
    archive = class_zip(tmp_path / "more.zip", per_class=2)
    text = tmp_path / "notes.txt"
    text.write_text("no picture")
    asking.get_by_role("tab", name="Many pictures").click()
    asking.locator("#predict-files input[type=file]").set_input_files([archive, text])
    asking.get_by_role("button", name="Classify 5 files").click()
    table = asking.locator("#predict-many")
    expect(table).to_contain_text("4 pictures classified")
    expect(table.get_by_role("row", name="notes.txt")).to_contain_text("not a picture in a known format")

    with asking.expect_download() as download:
        asking.get_by_role("button", name="Download as CSV").click()
    with Path(download.value.path()).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["version"] for row in rows] == ["v1"] * 4 + [""]
    assert all(row["label"] in {"Low", "High"} for row in rows[:4])
