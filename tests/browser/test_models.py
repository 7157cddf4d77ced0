"""Comparing, promoting, rolling back, downloading and deleting versions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.running import Server
from tests.versions import Answers, finished_run, import_pictures
from workbench.core.settings import Settings
from workbench.services import build_services
from workbench.stores import open_stores

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tiny_nets")]
REASON = "finds <b>Over</b> better"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A running app with two versions from different splits."""
    services = build_services(Settings(data=tmp_path / "workbench"))
    import_pictures(services, {"Full": 24, "Half": 12, "Over": 8})
    finished_run(services, tmp_path / "first", Answers("Over", "Full", 3))
    finished_run(services, tmp_path / "second", Answers("Half", "Full", 1), seed=2)
    running = Server(tmp_path).start()
    yield running
    running.close()


def promote(page: Page, version: str, reason: str) -> None:
    page.locator("#models-versions").get_by_role("button", name=version, exact=True).click()
    button = page.get_by_role("button", name=f"Promote {version} to production")
    expect(button).to_be_enabled()
    page.get_by_label("Why").fill(reason)
    button.click()
    expect(page.locator("#models-production")).to_contain_text(f"{version} is in production")


def test_versions_are_compared_promoted_and_rolled_back(page: Page, server: Server) -> None:
    page.goto("/?tab=models")
    expect(page.locator("#models-comparison")).to_contain_text("v2 is ahead in macro-F1")
    expect(page.locator("#models-comparison")).to_contain_text("different snapshots")
    promote(page, "v1", "")
    promote(page, "v2", REASON)
    expect(page.locator("#models-history")).to_contain_text(REASON)
    expect(page.locator("#strip-facts")).to_contain_text("In production: v2")

    page.get_by_role("button", name="Roll back to v1").click()
    expect(page.locator("#models-production")).to_contain_text("v1 is in production")
    expect(page.locator("#models-history tbody tr")).to_have_count(3)
    models = server.client().predict(api_name="/list_models")["models"]
    assert {model["version"]: model["aliases"] for model in models} == {"v2": [], "v1": ["production"]}


def test_a_version_is_trained_again_with_its_pictures_and_settings(
    page: Page, server: Server, tmp_path: Path
) -> None:
    page.goto("/?tab=models")
    page.locator("#models-versions").get_by_role("button", name="v1", exact=True).click()
    expect(page.locator("#models-chosen input")).to_have_value("v1")
    page.get_by_role("button", name="Repeat v1 exactly").click()
    expect(page.get_by_text("Run 3 repeats v1 with the same pictures and labels")).to_be_visible()
    server.client().predict([1], "Half", api_name="/label_images")
    page.get_by_role("button", name="Train v1’s settings on today’s labels").click()
    expect(page.get_by_text("Run 4 trains the settings of v1 on the labels of today")).to_be_visible()
    page.get_by_role("tab", name="Train").click()
    expect(page.locator("#train-status")).to_contain_text("Run 3")
    runs = open_stores(Settings(data=tmp_path / "workbench")).runs
    fourth, third, second, first = runs.recent()
    assert (third.snapshot_id, third.spec) == (first.snapshot_id, first.spec)
    assert fourth.spec == first.spec != second.spec
    assert fourth.snapshot_id not in (first.snapshot_id, second.snapshot_id)
    for number in (3, 4):
        server.client().predict(run_id=number, api_name="/stop_training")
        expect(page.locator("#train-runs tr", has_text=f"run {number}")).to_contain_text("stopped")


def test_a_newest_version_that_cannot_be_loaded_is_not_put_to_work(page: Page, server: Server) -> None:
    page.goto("/?tab=predict")
    expect(page.locator("#predict-notice")).to_contain_text("Model v2 cannot be loaded here.")
    page.get_by_role("button", name="Choose a model").click()
    expect(page.get_by_role("tab", name="Models")).to_have_attribute("aria-selected", "true")
    models = server.client().predict(api_name="/list_models")["models"]
    assert [model["aliases"] for model in models] == [[], []]


def test_files_are_downloaded_unless_they_were_changed(page: Page, server: Server, tmp_path: Path) -> None:
    page.goto("/?tab=models")
    expect(page.locator("#models-chosen input")).to_have_value("v2")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download the manifest").click()
    assert waiting.value.suggested_filename == "v2-manifest.json"
    assert json.loads(Path(waiting.value.path()).read_text())["version"] == "v2"
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download the Keras model").click()
    assert Path(waiting.value.path()).read_bytes() == b"keras" * 100

    (tmp_path / "workbench" / "models" / "v2" / "model.tflite").write_bytes(b"something else")
    page.get_by_role("button", name="Download the LiteRT model").click()
    expect(
        page.get_by_text("model.tflite of model v2 is missing or no longer matches its hash")
    ).to_be_visible()


def test_a_version_is_deleted_by_its_name_and_never_while_in_use(page: Page, server: Server) -> None:
    page.goto("/?tab=models")
    promote(page, "v2", REASON)
    page.get_by_role("button", name="Delete this version").click()
    expect(page.locator("#models-delete-note")).to_contain_text("v2 is in use as production")
    expect(page.get_by_label("Type v2 to delete it")).to_be_disabled()

    page.locator("#models-versions").get_by_role("button", name="v1", exact=True).click()
    expect(page.locator("#models-delete")).to_be_disabled()
    page.get_by_label("Type v1 to delete it").fill("v1")
    page.get_by_role("button", name="Delete v1").click()
    expect(page.locator("#models-versions tbody tr")).to_have_count(1)
    expect(page.locator("#models-compare")).to_be_hidden()
    models = server.client().predict(api_name="/list_models")["models"]
    assert [model["version"] for model in models] == ["v2"]


@pytest.fixture
def worse_newest(server: Server, tmp_path: Path) -> Server:
    """That app with a third version that does far worse than the second, which is in production."""
    services = build_services(Settings(data=tmp_path / "workbench"))
    finished_run(services, tmp_path / "third", Answers("Full", "Half", 12), seed=1)
    services.stores.registry.promote("v2", "production", "the best so far", "ann")
    return server


def test_the_main_button_follows_the_figures_and_a_worse_version_is_asked_about_first(
    page: Page, worse_newest: Server
) -> None:
    page.goto("/?tab=models")
    expect(page.locator("#models-chosen input")).to_have_value("v2")
    expect(page.locator("#models-promote-note")).to_contain_text("v2 is in production already")

    page.locator("#models-versions").get_by_role("button", name="v3", exact=True).click()
    button = page.get_by_role("button", name="Promote v3 to production …")
    expect(button).to_have_class(re.compile("secondary"))
    expect(page.locator("#models-promote-note")).to_contain_text("comparable only roughly")
    page.get_by_label("Why").fill("to see what happens")
    button.click()
    asked = page.locator("#models-ask")
    expect(asked).to_contain_text(re.compile(r"v3 has macro-F1 0\.\d+ .* v2 in production 0\.\d+"))
    expect(page.locator("#models-production")).to_contain_text("v2 is in production")
    asked.get_by_role("button", name="Keep v2").click()
    expect(asked).to_be_hidden()

    button.click()
    asked.get_by_role("button", name="Promote v3 all the same").click()
    expect(page.locator("#models-production")).to_contain_text("v3 is in production")
    expect(asked).to_be_hidden()
    expect(page.locator("#models-history")).to_contain_text("to see what happens")


def test_the_question_goes_when_another_version_is_chosen(page: Page, worse_newest: Server) -> None:
    page.goto("/?tab=models")
    page.locator("#models-versions").get_by_role("button", name="v3", exact=True).click()
    page.get_by_label("Why").fill("to see what happens")
    page.get_by_role("button", name="Promote v3 to production …").click()
    expect(page.locator("#models-ask")).to_be_visible()
    page.locator("#models-versions").get_by_role("button", name="v1", exact=True).click()
    expect(page.locator("#models-ask")).to_be_hidden()
    expect(page.locator("#models-production")).to_contain_text("v2 is in production")


def test_scripts_promote_what_they_name_and_say_who_does(worse_newest: Server) -> None:
    moved = worse_newest.client().predict(version="v3", reason="a trial", by="Bea", api_name="/promote")
    last = moved["history"][0]
    assert (last["version"], last["previous"], last["actor"]) == ("v3", "v2", "Bea")
