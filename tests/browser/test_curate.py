"""Curating in the browser: look-alikes, suspicious labels, the map, quality, the bin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from storage.records import Filter
from tests.pictures import picture
from tests.running import Server, until
from workbench.core.settings import Settings
from workbench.importing.ingest import ImportRequest
from workbench.importing.uploads import Source
from workbench.services import Services, build_services

pytestmark = pytest.mark.slow
# Pictures by seed: 1 is there three times, 2 twice with different classes, the others once.
PICTURES = [
    *[("Full", 1, 120), ("Full", 1, 240), ("Full", 1, 180)],
    *[("Full", 2, 120), ("Half", 2, 240)],
    *[("Full", seed, 120) for seed in (3, 4, 5, 6)],
    *[("Half", seed, 120) for seed in (7, 8, 9, 10)],
]


def fill(services: Services) -> None:
    """Bring the pictures in, with what a model would say: the last four are suspicious, and lie left on the map."""
    sources = [
        Source(
            f"{place:02}-{seed}.png", name, lambda seed=seed, size=size: picture(seed, (size, size), "PNG")
        )
        for place, (name, seed, size) in enumerate(PICTURES)
    ]
    services.ingest.run(ImportRequest(sources))
    stores = services.stores
    ids = np.array(stores.pages.all_ids(Filter()))
    classes = {class_.name: class_.id for class_ in stores.classes.all()}
    stores.suggestions.save_suspicions(
        [
            (int(image_id), classes["Half"], classes["Full"], 0.9 - place / 10)
            for place, image_id in enumerate(ids[-4:])
        ]
    )
    across = np.where(ids >= ids[-4], -1.0, 1.0)
    embedder = stores.embeddings.embedder("test", "built-in", 4)
    stores.suggestions.save_projection(
        embedder, ids, np.stack([across, np.linspace(-1, 1, len(ids))], axis=1)
    )


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """The services on the data folder of the running app."""
    return build_services(Settings(data=tmp_path / "workbench"))


@pytest.fixture
def server(tmp_path: Path, services: Services) -> Iterator[Server]:
    """A running app whose pictures have copies, suspicious labels and places on the map."""
    fill(services)
    running = Server(tmp_path).start()
    yield running
    running.close()


def part(page: Page, name: str) -> Locator:
    return page.locator("#curate-nav").get_by_role("button", name=name)


def labels(services: Services) -> dict[int, str | None]:
    return {item.id: item.label for item in services.stores.pages.page(Filter(), limit=100).items}


def in_bin(services: Services, count: int) -> list[int]:
    """The pictures in the bin, once there are so many."""
    until(lambda: services.stores.curation.in_bin() == count, f"{count} pictures in the bin", 20)
    return services.stores.pages.all_ids(Filter(status="bin"))


def test_groups_are_settled_one_by_one_and_each_step_is_undone(page: Page, services: Services) -> None:
    page.goto("/?tab=curate")
    expect(part(page, "Look-alikes")).to_contain_text("2")
    groups = page.locator(".alike")
    expect(groups).to_have_count(2)
    expect(groups.first).to_contain_text("different classes")
    expect(groups.nth(1)).to_contain_text("3 pictures")

    # The largest is marked; another one can be.
    marked = groups.nth(1).locator("[data-pick][aria-pressed=true]")
    expect(marked).to_have_count(1)
    groups.nth(1).locator("[data-pick]").nth(2).click()
    expect(marked).to_have_count(1)
    kept = int(marked.get_attribute("data-pick") or 0)
    groups.nth(1).get_by_role("button", name="Keep the marked one").click()
    said = page.locator("#curate-said")
    expect(said).to_contain_text("2 pictures went to the bin")
    assert kept not in in_bin(services, 2)
    expect(groups).to_have_count(1)
    said.get_by_role("button", name="Undo").click()
    expect(said).to_contain_text("Undone")
    expect(groups).to_have_count(2)
    in_bin(services, 0)

    groups.first.get_by_role("combobox").select_option("Half")
    expect(said).to_contain_text("Labelled 1 picture as Half")
    expect(page.locator(".chip.warn")).to_have_count(0)
    assert sum(label == "Half" for label in labels(services).values()) == 6

    groups.first.get_by_role("button", name="Keep all").click()
    expect(said).to_contain_text("Kept all")
    expect(groups).to_have_count(1)
    page.reload()
    expect(part(page, "Look-alikes")).to_contain_text("1")


def test_the_best_of_each_is_kept_after_a_question(page: Page, services: Services) -> None:
    page.goto("/?tab=curate&part=alike")
    page.get_by_role("button", name="Keep the best of each: 2 pictures go to the bin").click()
    expect(page.get_by_role("alert")).to_contain_text("Undo brings them back")
    page.get_by_role("button", name="Move 2 pictures").click()
    expect(page.locator("#curate-said")).to_contain_text("kept the best of each")
    sizes = {item.id: item.width for item in services.stores.pages.page(Filter(), limit=100).items}
    in_bin(services, 2)
    assert 240 in sizes.values()
    expect(page.locator(".alike")).to_have_count(1)
    expect(page.locator(".alike")).to_contain_text("different classes")


def test_suspicious_labels_are_judged_by_keys(page: Page, services: Services) -> None:
    page.goto("/?tab=curate&part=doubts")
    rows = page.locator(".doubt:not(.gone)")
    expect(rows).to_have_count(4)
    ids = [int(row.get_attribute("data-image") or 0) for row in rows.all()]
    expect(rows.first).to_have_attribute("aria-current", "true")
    page.keyboard.press("Enter")
    page.keyboard.press("d")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(rows).to_have_count(1)
    until(lambda: labels(services)[ids[3]] == "Full", "the third answer", 20)
    assert [labels(services)[image_id] for image_id in ids] == ["Full", "Half", "Half", "Full"]
    expect(part(page, "Suspicious labels")).to_contain_text("1")
    expect(rows.first).to_have_attribute("aria-current", "true")
    assert rows.first.get_attribute("data-image") == str(ids[2])
    # What was dismissed stays dismissed, and the last answer can be taken back.
    page.reload()
    expect(rows).to_have_count(1)
    assert [suspiciou.image_id for suspiciou in services.active_learning.suspicious()] == [ids[2]]


def test_a_key_for_a_picture_that_changed_is_refused_with_a_sentence(page: Page, services: Services) -> None:
    page.goto("/?tab=curate&part=doubts")
    rows = page.locator(".doubt:not(.gone)")
    expect(rows).to_have_count(4)
    first = int(rows.first.get_attribute("data-image") or 0)
    services.stores.edits.set_note(first, "seen", "ada")
    rows.first.get_by_role("button", name="Label as Full").click()
    expect(rows.first).to_contain_text("changed in the meantime by ada")
    assert labels(services)[first] == "Half"


def test_a_suspicious_picture_opens_on_the_label_tab(page: Page) -> None:
    page.goto("/?tab=curate&part=doubts")
    row = page.locator(".doubt").first
    expect(row).to_have_attribute("aria-current", "true")
    name = row.locator(".note").inner_text()
    page.keyboard.press("o")
    expect(page.locator("#label-board .stage-file")).to_contain_text(name)


def drag(page: Page, mode: str, left: float, right: float) -> None:
    """Draw a box over a part of the map."""
    page.locator(f"#curate-plot .modebar-btn[data-val={mode}]").click(force=True)
    box = page.locator("#curate-plot .nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * left, box["y"] + 6)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * (left + right) / 2, box["y"] + box["height"] / 2, steps=5)
    page.mouse.move(box["x"] + box["width"] * right, box["y"] + box["height"] - 6, steps=5)
    page.mouse.up()


def test_a_part_of_the_map_opens_its_pictures(page: Page, services: Services) -> None:
    page.goto("/?tab=curate&part=map")
    plot = page.locator("#curate-plot .js-plotly-plot[data-listens]")
    expect(plot).to_be_visible(timeout=60_000)
    expect(page.locator("#curate-plot .legendtext")).to_contain_text(["Full 8", "Half 5"])
    page.locator("#curate-plot").hover()
    drag(page, "select", 0.01, 0.4)
    tiles = page.locator("#curate-chosen [data-pick]")
    expect(tiles).to_have_count(4)
    tiles.first.click()
    move = page.locator("#curate-chosen").get_by_role("button", name="Move 3 pictures to the bin")
    expect(move).to_be_enabled()
    page.locator("#curate-chosen").get_by_role("combobox").select_option("Full")
    expect(page.locator("#curate-said")).to_contain_text("Labelled 3 pictures as Full")
    assert sum(label == "Full" for label in labels(services).values()) == 11
    expect(page.locator("#curate-plot .legendtext")).to_contain_text(["Full 11", "Half 2"])


def test_the_zoom_of_the_map_outlives_other_colours(page: Page) -> None:
    page.goto("/?tab=curate&part=map")
    expect(page.locator("#curate-plot .js-plotly-plot[data-listens]")).to_be_visible(timeout=60_000)
    page.locator("#curate-plot").hover()
    seen = "document.querySelector('#curate-plot .js-plotly-plot').layout.xaxis.range"
    drag(page, "zoom", 0.5, 0.99)
    zoomed = until(lambda: [range_ for range_ in [page.evaluate(seen)] if range_[0] > -0.5], "the zoom")[0]
    page.get_by_text("By suspicion").click()
    expect(page.locator("#curate-plot .legendtext").first).to_contain_text("suspicious")
    expect(page.locator("#curate-plot .js-plotly-plot[data-listens]")).to_be_visible()
    assert page.evaluate(seen) == pytest.approx(zoomed)


def test_the_bin_gives_back_and_is_emptied_by_its_count(page: Page, services: Services) -> None:
    stores = services.stores
    ids = stores.pages.all_ids(Filter())[:4]
    stores.edits.archive(ids, "ada")
    gone = [item.sha256 for item in stores.pages.page(Filter(status="bin")).items if item.id in ids[:3]]
    page.goto("/?tab=curate&part=bin")
    tiles = page.locator("#curate-binned [data-pick]")
    expect(tiles).to_have_count(4)
    page.locator(f"#curate-binned [data-pick='{ids[3]}']").click()
    page.get_by_role("button", name="Restore 1 picture").click()
    expect(tiles).to_have_count(3)
    assert in_bin(services, 3) == ids[:3]

    page.get_by_text("Empty the bin …").click()
    field = page.locator("#curate-binned [data-typed]")
    field.fill("4")
    page.get_by_role("button", name="Empty the bin").click()
    expect(page.get_by_text("Type 3 (so many pictures")).to_be_visible()
    in_bin(services, 3)
    field.fill("3")
    field.press("Enter")
    expect(page.locator("#curate-said")).to_contain_text("Removed 3 pictures for good")
    expect(page.locator("#curate-binned")).to_contain_text("The bin is empty")
    left = {path.name for path in (stores.root / "blobs").rglob("*") if path.is_file()}
    assert not left & set(gone)


def test_a_quality_flag_leads_to_its_pictures(page: Page, services: Services) -> None:
    with services.stores.database.write() as connection:
        connection.execute("UPDATE images SET flags = iif(id <= (SELECT min(id) + 2 FROM images), 2, 0)")
    page.goto("/?tab=curate&part=quality")
    page.get_by_role("link", name="Look at 3 pictures").click()
    expect(page.locator("#label-board .cell:visible")).to_have_count(3)


def test_where_nothing_waits_it_is_said(page: Page, services: Services) -> None:
    stores = services.stores
    stores.edits.archive(stores.pages.all_ids(Filter()), "ada")
    page.goto("/?tab=curate")
    expect(page.locator("#curate-groups")).to_contain_text("No two pictures look alike")
    part(page, "Suspicious labels").click()
    expect(page.locator("#curate-doubts-rows")).to_contain_text("No label looks wrong")
