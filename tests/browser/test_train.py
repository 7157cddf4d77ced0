"""Training from the page: what is planned, what is said while it goes, and how it ends."""

from __future__ import annotations

import os
import re
import shutil
import signal
from pathlib import Path

import h5py
import pytest
from gradio_client import handle_file
from playwright.sync_api import Browser, Page, expect

from tests.pictures import class_zip, picture
from tests.running import Server, until
from workbench.backbones.definitions import BACKBONES
from workbench.core.settings import Settings
from workbench.stores import Stores, open_stores

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tiny_nets")]
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
    start, status = page.get_by_role("button", name="Train on 24 pictures"), page.locator("#train-status")
    place = start.bounding_box()
    start.click()
    expect(status).to_contain_text("Run 1 failed", timeout=LONG)
    expect(status).to_be_in_viewport()
    assert start.bounding_box() == place
    error = stores.runs.get(1).error
    assert error
    expect(status).to_contain_text(error)
    page.get_by_role("button", name="The last lines of its log").click()
    expect(page.locator("#train-log textarea")).to_have_value(re.compile("is not there any more"))

    shutil.rmtree(stores.root / "blobs", ignore_errors=True)
    shutil.move(kept, stores.root / "blobs")
    page.get_by_role("button", name="Train again with the same settings").click()
    expect(status).to_contain_text("Run 2: Training", timeout=LONG)
    pid = stores.runs.get(2).pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    expect(status).to_contain_text("Run 2 was interrupted")
    expect(page.get_by_role("button", name="Train again with the same settings")).to_be_visible()
    assert stores.runs.get(2).spec == stores.runs.get(1).spec


def test_a_recipe_shows_what_belongs_to_it_and_says_what_it_lacks_before_it_is_started(
    page: Page, server: Server, tmp_path: Path
) -> None:
    stocked(server, class_zip(tmp_path / "two.zip"))
    opened(page)
    expect(page.get_by_label("From scratch")).to_be_checked()
    page.get_by_role("button", name="Advanced").click()
    expect(page.get_by_label("Plateau factor")).to_be_visible()
    expect(page.get_by_text("How deep the net adapts")).to_be_hidden()

    page.get_by_label("Fine-tune").check()
    expect(page.get_by_text("How deep the net adapts")).to_be_visible()
    expect(page.get_by_label("Plateau factor")).to_be_hidden()
    expect(page.get_by_label("MobileNetV2")).to_be_checked()
    expect(page.locator("#train-lacking")).to_contain_text(BACKBONES["mobilenet_v2"].weights_file)
    page.get_by_label("ConvNeXt Tiny").check()
    expect(page.locator("#train-net")).to_contain_text("111 MB, MIT licence. They are not here yet.")
    expect(page.locator("#train-lacking")).to_contain_text(BACKBONES["convnext_tiny"].weights_file)

    page.get_by_label("Best in 10 minutes").check()
    expect(page.get_by_label("Epochs, at most")).to_be_hidden()
    page.get_by_label("Minutes to search").fill("1")
    expect(page.get_by_role("button", name="Search for 1 minute on 24 pictures")).to_be_enabled()
    page.get_by_label("Minutes to search").fill("3")
    expect(page.get_by_role("button", name="Search for 3 minutes on 24 pictures")).to_be_enabled()
    expect(page.get_by_label("Best in 3 minutes")).to_be_checked()
    page.reload()
    expect(page.get_by_label("Best in 3 minutes")).to_be_checked()
    page.get_by_label("From scratch").check()
    expect(page.get_by_role("button", name="Train on 24 pictures")).to_be_enabled()
    expect(page.locator("#train-lacking")).to_be_hidden()


def test_what_takes_seconds_is_chosen_at_first_where_its_weights_are_here(
    browser: Browser, tmp_path: Path
) -> None:
    with h5py.File(tmp_path / BACKBONES["mobilenet_v2"].weights_file, "w"):
        pass
    running = Server(tmp_path, WORKBENCH_WEIGHTS=str(tmp_path)).start()
    try:
        stocked(running, class_zip(tmp_path / "two.zip"))
        page = browser.new_page(base_url=running.url)
        page.goto("/?tab=train")
        expect(page.get_by_label("Instant")).to_be_checked()
        expect(page.locator("#train-net")).to_contain_text("They are here.")
        expect(page.locator("#train-start")).to_be_enabled()
        expect(page.locator("#train-lacking")).to_be_hidden()
        page.close()
    finally:
        running.close()


def test_two_tabs_show_one_run_and_a_stop_in_one_is_announced_in_the_other(
    page: Page, server: Server, tmp_path: Path
) -> None:
    stores = stocked(server, class_zip(tmp_path / "two.zip"))
    opened(page)
    endless(page)
    page.get_by_role("button", name="Train on 24 pictures").click()
    status = page.locator("#train-status")
    expect(status).to_contain_text("Run 1: Training", timeout=LONG)
    second = page.context.new_page()
    second.goto("/?tab=train")
    expect(second.locator("#train-status")).to_contain_text("Run 1: Training")
    until(lambda: stores.runs.history(1), "the first epoch", 60)
    _zoom_stays(page, stores)

    page.reload()
    expect(status).to_contain_text("Run 1: Training", timeout=LONG)
    second.get_by_role("tab", name="Collect").click()
    page.get_by_role("button", name="Stop and keep the best epoch").click()
    expect(status).to_contain_text("v1 is ready", timeout=LONG)
    for tab in (page, second):
        expect(tab.locator(".toast-body")).to_contain_text("Run 1 is done: v1 is ready", timeout=LONG)
    second.reload()
    expect(second.locator("#strip-facts")).to_contain_text("24 pictures", timeout=LONG)
    second.get_by_role("tab", name="Train").click()
    expect(second.locator("#train-status")).to_contain_text("v1 is ready")
    expect(second.locator(".toast-body")).to_have_count(0)


def _zoom_stays(page: Page, stores: Stores) -> None:
    """What one has zoomed into stays as it is while epochs come in, and nothing is drawn anew."""
    expect(page.locator("#train-loss .js-plotly-plot")).to_be_visible(timeout=LONG)
    box = page.locator("#train-loss .nsewdrag").bounding_box()
    assert box
    page.mouse.move(box["x"] + 40, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 160, box["y"] + 160, steps=5)
    page.mouse.up()
    figure = "document.querySelector('#train-loss .js-plotly-plot')"
    zoomed = until(lambda: page.evaluate(f"{figure}._fullLayout.yaxis.autorange === false"), "the zoom")
    assert zoomed
    before = page.evaluate(f"{figure}._fullLayout.yaxis.range")
    page.evaluate(f"window.drawn = {figure}.querySelector('.main-svg')")
    seen = page.evaluate(f"{figure}.data[0].x.length")
    until(lambda: page.evaluate(f"{figure}.data[0].x.length") > seen, "another epoch in the chart")
    assert page.evaluate(f"{figure}._fullLayout.yaxis.range") == before
    assert page.evaluate(f"window.drawn === {figure}.querySelector('.main-svg')")


def test_a_run_is_paused_and_resumed_and_the_queue_is_put_in_another_order(
    page: Page, server: Server, tmp_path: Path
) -> None:
    stores = stocked(server, class_zip(tmp_path / "two.zip"))
    opened(page)
    endless(page)
    start = page.get_by_role("button", name="Train on 24 pictures")
    start.click()
    status, runs = page.locator("#train-status"), page.locator("#train-runs tbody tr")
    expect(status).to_contain_text("Run 1: Training", timeout=LONG)
    until(lambda: stores.runs.history(1), "the first epoch", 60)
    for number in (2, 3):
        start.click(timeout=LONG)
        expect(page.get_by_role("button", name=f"Cancel run {number}")).to_be_visible()
    page.get_by_role("button", name="Move up run 3").click()
    expect(runs).to_contain_text(["run 1", "run 3", "run 2"])
    assert [run.id for run in stores.runs.active()] == [1, 3, 2]
    for number in (2, 3):
        page.get_by_role("button", name=f"Cancel run {number}").click()
        expect(page.get_by_role("button", name=f"Cancel run {number}")).to_be_hidden()

    page.get_by_role("button", name="Pause", exact=True).click()
    expect(status).to_contain_text("Run 1 is paused", timeout=LONG)
    epochs = len(stores.runs.history(1))
    page.reload()
    page.get_by_role("button", name="Resume from its last epoch").click()
    until(lambda: len(stores.runs.history(1)) > epochs, "an epoch after the pause", 90)
    expect(status).to_contain_text("Run 1: Training", timeout=LONG)
    page.get_by_role("button", name="Stop and keep the best epoch").click()
    expect(status).to_contain_text("v1 is ready", timeout=LONG)
