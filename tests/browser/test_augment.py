"""Augmenting: dials that show at once what training will do, and that are kept."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from gradio_client import handle_file
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.pictures import class_zip
from tests.running import Server
from workbench.augmentation import OPERATIONS

pytestmark = pytest.mark.slow


@pytest.fixture
def stocked(server: Server, tmp_path: Path) -> Server:
    files = [handle_file(class_zip(tmp_path / "bottles.zip", per_class=4))]
    server.client().predict(files, "", api_name="/import_images")
    return server


def opened(page: Page) -> Locator:
    page.goto("/?tab=augment")
    pictures = page.locator("#augment-preview img")
    expect(pictures).to_have_count(15)
    return pictures


def pixels(image: Locator) -> np.ndarray:
    address = image.get_attribute("src") or ""
    data = base64.b64decode(address.partition(",")[2])
    return np.asarray(Image.open(BytesIO(data)), dtype=np.int16)


def test_without_pictures_the_tab_says_where_to_get_some(page: Page) -> None:
    page.goto("/?tab=augment")
    expect(page.locator("#augment-preview")).to_contain_text("There are none yet")
    page.get_by_role("button", name="Collect pictures").click()
    expect(page.get_by_role("tab", name="Collect")).to_have_attribute("aria-selected", "true")


def test_a_dial_changes_the_variants_and_is_kept_for_every_tab_and_for_training(
    page: Page, stocked: Server
) -> None:
    pictures = opened(page)
    before, address = pixels(pictures.nth(1)), pictures.nth(1).get_attribute("src") or ""
    page.get_by_label("range slider for Brightness").fill("0.9")
    expect(pictures.nth(1)).not_to_have_attribute("src", address)
    assert np.abs(pixels(pictures.nth(1)) - before).mean() > 5

    second = page.context.new_page()
    same = opened(second)
    expect(second.get_by_label("range slider for Brightness")).to_have_value("0.9")
    assert same.nth(1).get_attribute("src") == pictures.nth(1).get_attribute("src")


def test_with_all_operations_off_each_variant_is_the_picture_itself(page: Page, stocked: Server) -> None:
    pictures = opened(page)
    for name in [operation.label for operation in OPERATIONS if operation.enabled]:
        switch = page.locator("#augment .operation").filter(has_text=name).get_by_role("checkbox")
        switch.uncheck()
        expect(page.get_by_label(f"range slider for {name}")).to_be_disabled()
    expect(pictures.nth(1)).to_have_attribute("src", pictures.nth(0).get_attribute("src") or "")

    page.get_by_role("button", name="Back to the defaults").click()
    expect(page.get_by_label("range slider for Tilt")).to_be_enabled()
    expect(pictures.nth(1)).not_to_have_attribute("src", pictures.nth(0).get_attribute("src") or "")


def test_the_same_seed_shows_the_same_variants(page: Page, stocked: Server) -> None:
    pictures = opened(page)
    first = pictures.nth(1).get_attribute("src") or ""
    page.get_by_role("button", name="New variants").click()
    expect(page.get_by_label("Seed")).to_have_value("2")
    expect(pictures.nth(1)).not_to_have_attribute("src", first)
    page.get_by_label("Seed").fill("1")
    expect(pictures.nth(1)).to_have_attribute("src", first)
