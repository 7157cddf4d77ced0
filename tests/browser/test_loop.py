"""The whole loop as a person walks it: from a zip to a prediction, with a reload during training."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.pictures import class_zip, shaded
from tests.running import Server

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tiny_nets")]
TRAINING = 120_000


def test_from_a_zip_to_a_prediction(page: Page, server: Server, tmp_path: Path) -> None:
    page.goto("/")
    expect(page.get_by_role("button", name="Start with 200 sample bottles")).to_be_visible()
    _import(page, tmp_path)
    _correct_a_label(page)
    _look_at_variants(page)
    _train(page)
    _evaluate(page)
    _promote(page)
    _predict(page, tmp_path)


def _import(page: Page, folder: Path) -> None:
    (folder / "notes.jpg").write_text("not a picture")
    files = [str(class_zip(folder / "photos.zip")), str(folder / "notes.jpg")]
    page.locator("#collect-drop input[type=file]").set_input_files(files)
    page.get_by_role("button", name="Import 25 files").click()
    expect(page.locator("#collect-report")).to_contain_text("notes.jpg")
    expect(page.locator("#collect-report")).to_contain_text("not a picture in a known format")
    expect(page.locator("#strip-facts")).to_contain_text("24 pictures")
    expect(page.get_by_role("button", name="Train on 24 pictures")).to_be_visible()


def _correct_a_label(page: Page) -> None:
    page.get_by_role("tab", name="Label").click()
    page.get_by_role("button", name="One by one").click()
    stage = page.locator("#label-stage")
    first = stage.get_attribute("data-id")
    page.keyboard.press("2")
    expect(stage).not_to_have_attribute("data-id", str(first))
    undo = page.locator("#label-undo")
    expect(undo).to_have_text("Undo: labelled 1 picture as Low")
    page.keyboard.press("u")
    expect(undo).to_have_text("Nothing to undo")
    expect(stage).to_have_attribute("data-id", str(first))
    expect(page.locator(".stage-class")).to_have_text("High")


def _look_at_variants(page: Page) -> None:
    page.get_by_role("tab", name="Augment").click()
    expect(page.locator("#augment-preview img").first).to_be_visible()
    assert parse_qs(urlsplit(page.url).query)["tab"] == ["augment"]


def _train(page: Page) -> None:
    page.get_by_role("tab", name="Train").click()
    expect(page.locator("#train-plan")).to_contain_text("High")
    # Epochs without end: of 24 pictures they take a moment each, and the run is to last until it is stopped.
    page.get_by_label("Epochs, at most").fill("1000")
    page.get_by_role("button", name="Advanced").click()
    page.get_by_label("Patience, epochs", exact=True).fill("1000")
    page.get_by_label("Batch size").fill("8")
    page.get_by_role("button", name="Train on 24 pictures").click()
    status = page.locator("#train-status")
    expect(status).to_contain_text(re.compile(r"([2-9]|\d\d) of at most"), timeout=TRAINING)
    page.reload()
    expect(status).to_contain_text(re.compile(r"\d+ of at most"))
    page.get_by_role("button", name="Stop and keep the best epoch").click()
    expect(status).to_contain_text("v1", timeout=TRAINING)


def _evaluate(page: Page) -> None:
    page.get_by_role("button", name="See how good it is").click()
    expect(page.get_by_text("The worst mistakes")).to_be_visible()
    expect(page.locator("#evaluate")).to_contain_text("macro-F1")
    expect(page.locator("#evaluate .js-plotly-plot").first).to_be_visible()


def _promote(page: Page) -> None:
    page.get_by_role("tab", name="Models").click()
    page.get_by_label("Why").fill("the first one")
    page.get_by_role("button", name="Promote v1 to production").click()
    expect(page.locator("#strip-facts")).to_contain_text("In production: v1")


def _predict(page: Page, folder: Path) -> None:
    (folder / "new.png").write_bytes(shaded(0.7, 4711))
    page.get_by_role("tab", name="Predict").click()
    page.locator("#predict-picture input[type=file]").set_input_files(str(folder / "new.png"))
    expect(page.locator("#predict-result")).to_contain_text("v1")
    expect(page.locator("#predict-result")).to_contain_text("Low")
    expect(page.locator("#predict-result")).to_contain_text("High")
