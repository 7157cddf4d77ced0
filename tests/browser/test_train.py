"""Training from the page: what is planned, what is said while it goes, and how it ends."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest
from gradio_client import handle_file
from playwright.sync_api import Page, expect

from tests.pictures import class_zip, picture
from tests.running import Server, until
from workbench.settings import Settings
from workbench.stores import Stores, open_stores

pytestmark = pytest.mark.slow
expect.set_options(timeout=20_000)
LONG = 90_000


def stocked(server: Server, archive: Path) -> Stores:
    server.client().predict([handle_file(archive)], "", api_name="/import_images")
    return open_stores(Settings(data=server.data / "workbench"))


def opened(page: Page) -> None:
    page.goto("/?tab=train")
    expect(page.get_by_role("button", name="Train on 24 pictures")).to_be_enabled()
    expect(page.get_by_label("Epochs, at most")).not_to_have_value("")


def endless(page: Page) -> None:
    """Let the next run go on until it is stopped: on a fast machine 80 epochs of 24 pictures take seconds.

    Small batches make epochs that last, so that the page is not busy with new charts all the time.
    """
    page.get_by_label("Epochs, at most").fill("1000")
    page.get_by_role("button", name="Advanced").click()
    page.get_by_label("Batch size").fill("8")
    page.get_by_label("Patience, epochs", exact=True).fill("1000")


def test_what_cannot_be_trained_says_what_to_do_first(page: Page, server: Server, tmp_path: Path) -> None:
    page.goto("/?tab=train")
    expect(page.locator("#train-start")).to_be_disabled()
    expect(page.locator("#train-reason")).to_contain_text("No picture is labelled yet")
    page.get_by_role("button", name="Collect pictures").click()
    expect(page.get_by_role("tab", name="Collect")).to_have_attribute("aria-selected", "true")

    stocked(server, class_zip(tmp_path / "two.zip"))
    opened(page)
    rows = page.locator("#train-plan tbody tr")
    expect(rows).to_have_count(2)
    expect(page.locator("#train-plan tfoot td")).to_contain_text(["20", "4", ""])
    page.get_by_label("Epochs, at most").fill("0")
    expect(page.locator("#train-start")).to_be_disabled()
    expect(page.locator("#train-reason")).to_contain_text("epochs is 0")
    expect(page.get_by_role("button", name="Collect pictures")).to_be_hidden()


def test_one_class_alone_leads_back_to_more_pictures(page: Page, server: Server, tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes(picture(1))
    server.client().predict([handle_file(tmp_path / "one.png")], "Low", api_name="/import_images")
    page.goto("/?tab=train")
    expect(page.locator("#train-reason")).to_contain_text("All labelled pictures are in one class (Low).")
    page.get_by_role("button", name="Collect pictures").click()
    expect(page.get_by_role("tab", name="Collect")).to_have_attribute("aria-selected", "true")


def test_settings_are_the_same_after_a_reload(page: Page, server: Server, tmp_path: Path) -> None:
    stocked(server, class_zip(tmp_path / "two.zip"))
    opened(page)
    page.get_by_label("Epochs, at most").fill("7")
    page.get_by_text("By hand").click()
    page.get_by_label("High").fill("2.5")
    weight = page.locator("#train-plan tr", has_text="High").locator("td").last
    expect(weight).to_contain_text("2.5")

    page.reload()
    expect(page.get_by_label("Epochs, at most")).to_have_value("7")
    expect(page.get_by_label("High")).to_have_value("2.5")
    expect(weight).to_contain_text("2.5")
    page.get_by_text("Balanced", exact=True).click()
    expect(weight).not_to_contain_text("2.5")
    expect(page.get_by_label("High")).to_be_hidden()


def test_a_run_is_followed_through_a_reload_and_a_restart_and_stopped(
    page: Page, server: Server, tmp_path: Path
) -> None:
    stores = stocked(server, class_zip(tmp_path / "two.zip"))
    opened(page)
    endless(page)
    second = page.context.new_page()
    second.goto("/?tab=train")
    page.get_by_role("button", name="Train on 24 pictures").click()
    status = page.locator("#train-status")
    expect(status).to_contain_text("Run 1: Training", timeout=LONG)
    expect(second.locator("#train-status")).to_contain_text("Run 1: Training")
    until(lambda: stores.runs.history(1), "the first epoch", 60)
    expect(status).to_contain_text("validation macro-F1")
    expect(page.locator("#train-loss .js-plotly-plot")).to_be_visible()
    second.close()
    page.get_by_role("button", name="Train on 24 pictures").click()
    expect(page.locator("#train-runs")).to_contain_text("Cancel run 2")

    server.end()
    server.start()
    page.reload()
    expect(status).to_contain_text("best epoch so far")
    assert stores.runs.get(1).status == "running"
    page.get_by_role("button", name="Cancel run 2").click()
    expect(page.locator("#train-runs tr", has_text="run 2")).to_contain_text("stopped")
    page.get_by_role("button", name="Stop and keep the best epoch").click()
    expect(status).to_contain_text("v1 is ready: macro-F1", timeout=LONG)
    assert stores.runs.get(1).status == "stopped"
    page.get_by_role("button", name="See how good it is").click()
    expect(page.locator("#evaluate-headline")).to_contain_text("macro-F1")


def test_a_run_that_fails_or_is_killed_says_why_and_can_be_repeated(
    page: Page, server: Server, tmp_path: Path
) -> None:
    stores = stocked(server, class_zip(tmp_path / "two.zip"))
    opened(page)
    kept = tmp_path / "kept"
    shutil.move(stores.root / "blobs", kept)
    page.get_by_role("button", name="Train on 24 pictures").click()
    status = page.locator("#train-status")
    expect(status).to_contain_text("Run 1 failed", timeout=LONG)
    error = stores.runs.get(1).error
    assert error
    expect(status).to_contain_text(error)
    page.get_by_text("The last lines of its log").click()
    expect(status.locator("pre")).to_contain_text("the run failed")

    shutil.rmtree(stores.root / "blobs", ignore_errors=True)
    shutil.move(kept, stores.root / "blobs")
    page.get_by_role("button", name="Train again with the same settings").click()
    expect(status).to_contain_text("Run 2: Training", timeout=LONG)
    pid = stores.runs.get(2).pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    expect(status).to_contain_text("Run 2 was interrupted")
    expect(status).to_contain_text("Start the run again.")
    assert stores.runs.get(2).spec == stores.runs.get(1).spec
