"""What the browser tests of the Label tab share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gradio_client import Client, handle_file
from playwright.sync_api import Page, expect

from tests.pictures import picture
from tests.running import Server

CLASSES = ("Full", "Half", "Overflowing")


def stocked(
    server: Server, folder: Path, count: int, classes: tuple[str, ...] = CLASSES
) -> tuple[Client, list[int]]:
    """A catalogue of unlabelled pictures, and classes."""
    client, files = server.client(), []
    for seed in range(count):
        files.append(folder / f"bottle-{seed:03}.jpg")
        files[-1].write_bytes(picture(seed))
    imported = client.predict([handle_file(file) for file in files], "", api_name="/import_images")
    for name in classes:
        client.predict(name, api_name="/add_class")
    return client, imported["image_ids"]


def listed(client: Client, ids: list[int], **wanted: Any) -> list[dict[str, Any]]:
    """What the database says of the pictures, in their order; those that a filter leaves out are missing."""
    items = client.predict(limit=500, **wanted, api_name="/list_images")["items"]
    by_id = {item["id"]: item for item in items}
    return [by_id[image_id] for image_id in ids if image_id in by_id]


def labels(client: Client, ids: list[int]) -> list[str | None]:
    return [item["label"] for item in listed(client, ids)]


def opened(page: Page, tab: str = "label", address: str = "") -> None:
    page.goto(f"/?tab={tab}{address}")
    expect(page.get_by_role("tab", name=tab.capitalize())).to_have_attribute("aria-selected", "true")
    expect(page.locator("#label-board .board-facts")).not_to_be_empty()


def named(page: Page, name: str) -> None:
    """Say who labels, as a person would, and wait until the board knows."""
    page.locator("#strip-name").fill(name)
    page.keyboard.press("Enter")


def show(page: Page, what: str) -> None:
    """Choose what the tab shows."""
    page.locator("#label-show input").click()
    page.get_by_role("option", name=what).click()


def on_stage(page: Page, image_id: int) -> None:
    expect(page.locator("#label-stage")).to_have_attribute("data-id", str(image_id))
