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
from tests.running import Server, until
from tests.two_halves import import_halves, promote_reader
from workbench.core.settings import Settings
from workbench.imaging.augmentation import OPERATIONS
from workbench.services import build_services

pytestmark = pytest.mark.slow


@pytest.fixture
def stocked(server: Server, tmp_path: Path) -> Server:
    files = [handle_file(class_zip(tmp_path / "bottles.zip", per_class=4))]
    server.client().predict(files, "", api_name="/import_images")
    return server


@pytest.fixture
def read(server: Server, tmp_path: Path) -> Server:
    """Pictures whose light half is their class, and the model that reads it in production."""
    services = build_services(Settings(data=server.data / "workbench", insight=False))
    import_halves(services, tmp_path)
    promote_reader(services, tmp_path)
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


def test_further_variants_come_with_their_numbers(page: Page, stocked: Server) -> None:
    pictures = opened(page)
    page.get_by_label("Variants").click()
    page.get_by_role("option", name="8").click()
    expect(pictures).to_have_count(27)
    expect(page.locator("#augment-preview .set").first).to_contain_text("Variant 8")


def test_a_no_shows_each_operation_alone_and_switches_the_one_off_that_a_person_names(
    page: Page, stocked: Server
) -> None:
    opened(page)
    page.get_by_role("button", name="No, variant 2").first.click()
    asked = page.locator("#augment-preview .no")
    expect(asked).to_contain_text("Which of these alone no longer shows")
    expect(asked.get_by_role("button", name="Switch Colour off")).to_be_visible()
    asked.get_by_role("button", name="Switch Tilt off").click()
    tilt = page.locator("#augment-rotate")
    expect(tilt.get_by_role("checkbox")).not_to_be_checked()
    expect(tilt).to_contain_text("Switched off: variant 2 of")

    page.reload()
    expect(tilt).to_contain_text("Switched off: variant 2 of")
    tilt.get_by_role("checkbox").check()
    expect(tilt).not_to_contain_text("Switched off")


def test_what_was_switched_off_is_put_back_and_the_question_closed(page: Page, stocked: Server) -> None:
    opened(page)
    page.get_by_role("button", name="No, variant 1").first.click()
    asked = page.locator("#augment-preview .no")
    asked.get_by_role("button", name="Switch Zoom off").click()
    zoom = page.locator("#augment-zoom").get_by_role("checkbox")
    expect(zoom).not_to_be_checked()
    asked.get_by_role("button", name="Zoom is off. Put it back").click()
    expect(zoom).to_be_checked()
    asked.get_by_role("button", name="None of them: close").click()
    expect(asked).to_have_count(0)


def test_the_only_operation_is_switched_off_at_once(page: Page, stocked: Server) -> None:
    opened(page)
    for name in ("flip", "rotate", "shift", "zoom", "brightness", "contrast"):
        page.locator(f"#augment-{name}").get_by_role("checkbox").uncheck()
        expect(page.locator(f"#augment-{name}").get_by_role("slider")).to_be_disabled()
    page.get_by_role("button", name="No, variant 1").first.click()
    expect(page.locator("#augment-colour").get_by_role("checkbox")).not_to_be_checked()
    expect(page.locator("#augment-colour")).to_contain_text("no longer showed")
    expect(page.locator("#augment-summary")).to_contain_text("Nothing is switched on")


def test_what_an_operation_costs_stands_beside_it(page: Page, stocked: Server) -> None:
    opened(page)
    for name in ("flip", "noise"):
        expect(page.locator(f"#augment-note-{name}")).to_contain_text("pictures/s")
    expect(page.locator("#augment-summary")).to_contain_text("Once a model is in production")


def test_the_model_names_the_operation_that_changes_the_class(page: Page, read: Server) -> None:
    wanted = {"flip_vertical": {"enabled": True, "strength": 1}}
    client = read.client()
    until(
        lambda: client.predict(augmentation=wanted, api_name="/check_augmentation")["state"] == "checked",
        "the check to end",
    )
    opened(page)
    turned = page.locator("#augment-flip_vertical")
    turned.get_by_role("checkbox").check()
    page.get_by_label("range slider for Upside down").fill("1")
    expect(turned).to_contain_text("Changes the class? v1 misreads 24 of 24")
    expect(page.locator("#augment-summary")).to_contain_text("Upside down clearly changed what it reads")
    page.get_by_role("tab", name="Train").click()
    expect(page.locator("#train-plan")).to_contain_text("Upside down may change the class: v1 reads 24 of 24")
    page.get_by_role("tab", name="Augment").click()

    page.get_by_role("button", name="No, variant 1").first.click()
    expect(turned.get_by_role("checkbox")).not_to_be_checked()
    expect(page.locator("#augment-preview .no")).to_contain_text("Upside down is off. Put it back")
    expect(page.locator("#augment-summary")).to_contain_text("no operation that is on clearly changed")
