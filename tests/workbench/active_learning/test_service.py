"""The model's help on real pictures: suggestions, suspicions, the map, and what happens when the catalogue changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from storage.core.errors import Conflict, NotFound, StaleEdit
from storage.records import Filter
from tests.pictures import class_zip, picture
from tests.workbench.conftest import Take
from tests.workbench.run_active_learning import helped
from workbench.active_learning import fit_suggestions
from workbench.core.errors import NotReady
from workbench.importing.ingest import ImportRequest
from workbench.importing.uploads import Upload, sources
from workbench.services import Services, build_services


@pytest.fixture
def services(services: Services) -> Services:
    return build_services(replace(services.settings, insight=True))


@pytest.fixture
def some_left(services: Services, tmp_path: Path) -> Services:
    """Twelve pictures each of Low and High, of which the first eight are labelled."""
    uploads = [Upload(class_zip(tmp_path / "classes.zip"), "classes.zip")]
    services.ingest.run(ImportRequest(sources(uploads, services.settings.limits)))
    for name in ("Low", "High"):
        services.stores.edits.label(of(services, name)[8:], None, "Ada")
    return services


def of(services: Services, label: str) -> list[int]:
    return services.stores.pages.all_ids(Filter(label=label))


def named(services: Services) -> dict[int, str]:
    page = services.stores.pages.page(Filter(), limit=500)
    return {item.id: item.filename for item in page.items}


def label(services: Services, image_ids: list[int], name: str) -> None:
    services.stores.edits.label(image_ids, services.labelling.ensure(name, "Ada"), "Ada")


def test_every_picture_left_to_label_gets_the_right_suggestion(some_left: Services) -> None:
    status = helped(some_left)
    suggestions = some_left.active_learning.suggestions()
    names = named(some_left)
    assert (status.embedder, status.kind, status.embedded, status.labels) == (
        "built-in 1",
        "built-in",
        24,
        16,
    )
    assert len(suggestions) == status.suggestions == 8
    assert all(names[suggestion.image_id].startswith(suggestion.label.lower()) for suggestion in suggestions)
    assert [suggestion.probability for suggestion in suggestions] == sorted(
        suggestion.probability for suggestion in suggestions
    )
    assert all(0.5 < suggestion.probability <= 1 for suggestion in suggestions)


def test_suggestions_come_page_by_page(some_left: Services) -> None:
    helped(some_left)
    whole = some_left.active_learning.suggestions()
    first = some_left.active_learning.suggestions(3)
    assert first + some_left.active_learning.suggestions(60, first[-1]) == whole


def test_what_to_label_next_is_left_to_label_and_leaves_when_it_is_labelled(some_left: Services) -> None:
    helped(some_left)
    lined_up = some_left.active_learning.next_images()
    assert sorted(lined_up) == sorted(some_left.stores.pages.all_ids(Filter(status="unlabelled")))
    label(some_left, lined_up[:1], "Low")
    assert some_left.active_learning.next_images() == lined_up[1:]


def test_without_two_classes_there_is_a_sentence_and_still_an_order(services: Services, take: Take) -> None:
    take({f"{seed}.jpg": picture(seed) for seed in range(6)})
    assert (
        helped(services).sentence == "Suggestions need two classes with at least two labelled pictures each."
    )
    assert services.active_learning.suggestions() == []
    assert len(services.active_learning.next_images()) == 6
    assert services.active_learning.status().mapped == 6


def test_suggestions_go_when_a_class_empties(some_left: Services) -> None:
    helped(some_left)
    some_left.stores.edits.label(of(some_left, "High"), None, "Ada")
    assert helped(some_left).suggestions == 0
    assert some_left.active_learning.suggestions() == []


def test_wrong_labels_are_found_and_accepted(some_left: Services) -> None:
    wrong = of(some_left, "Low")[0]
    label(some_left, [wrong], "High")
    helped(some_left)
    worst = some_left.active_learning.suspicious()[0]
    assert (worst.image_id, worst.given, worst.likely) == (wrong, "High", "Low")
    assert some_left.active_learning.accept([wrong], "Ada", {wrong: worst.revision})[0] == 1
    assert wrong in of(some_left, "Low")
    assert wrong not in {suspiciou.image_id for suspiciou in some_left.active_learning.suspicious()}


def test_wrong_labels_are_found_in_every_part_of_very_many(
    some_left: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit_suggestions, "CHECKED_TOGETHER", 12)  # twenty-four pictures are very many then
    for name in ("Low", "High"):
        left = [key for key, file in named(some_left).items() if file.startswith(name.lower())]
        label(some_left, left, name)
    wrong = of(some_left, "Low")[:2]
    label(some_left, wrong, "High")
    helped(some_left)
    assert set(wrong) <= suspected(some_left)


def test_accepting_is_refused_where_nothing_is_suspicious_or_the_picture_changed(some_left: Services) -> None:
    wrong, right = of(some_left, "Low")[:2]
    label(some_left, [wrong], "High")
    helped(some_left)
    with pytest.raises(Conflict):
        some_left.active_learning.accept([wrong, right], "Ada")
    with pytest.raises(StaleEdit):
        some_left.active_learning.accept([wrong], "Ada", {wrong: 0})
    with pytest.raises(NotFound):
        some_left.active_learning.accept([wrong, 999], "Ada")
    assert wrong in of(some_left, "High")


@pytest.mark.slow
def test_what_was_dismissed_stays_dismissed_while_the_class_is_the_same(some_left: Services) -> None:
    wrong = of(some_left, "Low")[0]
    label(some_left, [wrong], "High")
    helped(some_left)
    assert some_left.active_learning.dismiss([wrong], "Ada")[0] == 1
    assert wrong not in suspected(some_left)
    helped(some_left)
    assert wrong not in suspected(some_left)
    label(some_left, [wrong], "Low")
    label(some_left, of(some_left, "High")[:1], "Low")
    helped(some_left)
    assert suspected(some_left)


def suspected(services: Services) -> set[int]:
    return {suspiciou.image_id for suspiciou in services.active_learning.suspicious()}


def test_a_suspicion_falls_as_soon_as_the_label_changes_or_the_likely_class_goes(some_left: Services) -> None:
    first, second = of(some_left, "Low")[:2]
    label(some_left, [first, second], "High")
    helped(some_left)
    assert {first, second} <= suspected(some_left)
    label(some_left, [first], "Low")
    assert suspected(some_left).isdisjoint({first})
    some_left.labelling.merge("Low", "High", "Ada")
    assert suspected(some_left) == set()
    assert some_left.active_learning.status().suspicious == 0


@pytest.mark.slow
def test_a_renamed_class_is_suggested_by_its_new_name_and_a_removed_one_never(some_left: Services) -> None:
    helped(some_left)
    some_left.labelling.rename("Low", "Nearly empty", "Ada")
    assert {suggestion.label for suggestion in some_left.active_learning.suggestions()} == {
        "Nearly empty",
        "High",
    }
    some_left.stores.classes.remove(some_left.stores.classes.get("High").id, "Ada")
    assert {suggestion.label for suggestion in some_left.active_learning.suggestions()} == {"Nearly empty"}
    assert helped(some_left, anew=False).suggestions == 0


def test_pictures_in_the_bin_leave_and_come_back(some_left: Services) -> None:
    helped(some_left)
    archived = some_left.active_learning.next_images(2)
    some_left.stores.edits.archive(archived, "Ada")
    for there in (
        {suggestion.image_id for suggestion in some_left.active_learning.suggestions()},
        set(some_left.active_learning.next_images()),
        {point.image_id for point in some_left.active_learning.points()},
        {neighbour.image_id for neighbour in some_left.active_learning.similar(of(some_left, "Low")[0], 30)},
    ):
        assert there
        assert there.isdisjoint(archived)
    assert helped(some_left).embedded == 22
    some_left.stores.edits.restore(archived, "Ada")
    assert helped(some_left).embedded == 24
    assert set(archived) <= {suggestion.image_id for suggestion in some_left.active_learning.suggestions()}


def test_similar_pictures_are_of_the_same_kind_and_never_the_picture_itself(some_left: Services) -> None:
    helped(some_left)
    low = of(some_left, "Low")[0]
    neighbours = some_left.active_learning.similar(low, 5)
    names = named(some_left)
    assert len(neighbours) == 5
    assert low not in {neighbour.image_id for neighbour in neighbours}
    assert all(names[neighbour.image_id].startswith("low") for neighbour in neighbours)
    assert [neighbour.similarity for neighbour in neighbours] == sorted(
        (neighbour.similarity for neighbour in neighbours), reverse=True
    )
    with pytest.raises(NotFound):
        some_left.active_learning.similar(999)


def test_similar_pictures_need_an_embedding(some_left: Services) -> None:
    with pytest.raises(NotReady):
        some_left.active_learning.similar(of(some_left, "Low")[0])


def test_the_map_has_every_picture_with_class_and_suspicion(some_left: Services) -> None:
    wrong = of(some_left, "Low")[0]
    label(some_left, [wrong], "High")
    helped(some_left)
    points = {point.image_id: point for point in some_left.active_learning.points()}
    assert len(points) == 24
    assert np.isfinite([(point.x, point.y) for point in points.values()]).all()
    assert points[wrong].label == "High"
    assert points[wrong].suspicion > 0.5
    assert sum(1 for point in points.values() if not point.label) == 8
    assert len(some_left.active_learning.points(10)) <= 10


@pytest.mark.slow
def test_new_pictures_are_put_on_the_map_that_is_there(some_left: Services, take: Take) -> None:
    helped(some_left)
    before = {point.image_id: (point.x, point.y) for point in some_left.active_learning.points()}
    take({"new.jpg": picture(1)})
    assert helped(some_left, anew=False).mapped == 25
    after = {point.image_id: (point.x, point.y) for point in some_left.active_learning.points()}
    assert {key: after[key] for key in before} == before


def test_a_picture_whose_files_are_gone_is_counted_and_stops_nothing(some_left: Services) -> None:
    lost = some_left.stores.catalogue.get(of(some_left, "Low")[0])
    for file in list((some_left.stores.root / "blobs").glob(f"*/{lost.sha256[:2]}/{lost.sha256}*")):
        file.unlink()
    status = helped(some_left)
    assert (status.embedded, status.unreadable) == (23, 1)


@pytest.mark.slow
def test_another_embedder_makes_all_embeddings_anew_and_the_old_ones_go(some_left: Services) -> None:
    helped(some_left)
    cropping = build_services(replace(some_left.settings, fit="crop"))
    assert helped(cropping).embedder == "built-in 1 crop"
    assert cropping.active_learning.status().embedded == 24
    names = [row[0] for row in cropping.stores.database.rows("SELECT name FROM embedders")]
    assert names == ["built-in 1 crop"]
    assert len(cropping.active_learning.suggestions()) == 8


@pytest.mark.slow
def test_nothing_is_due_when_only_a_note_was_written(some_left: Services) -> None:
    before = helped(some_left)
    some_left.stores.edits.set_note(of(some_left, "Low")[0], "a note", "Ada")
    assert helped(some_left, anew=False).trained_at == before.trained_at


def test_where_it_is_switched_off_it_says_so(some_left: Services) -> None:
    off = build_services(replace(some_left.settings, insight=False))
    assert "WORKBENCH_INSIGHT=off" in off.active_learning.status().sentence
    with pytest.raises(NotReady):
        off.active_learning.refresh()


def test_a_few_labels_of_many_classes_are_learnt_and_nothing_is_suspected_too_early(
    services: Services, take: Take
) -> None:
    take({f"{seed}.jpg": picture(seed) for seed in range(16)})
    ids = services.stores.pages.all_ids(Filter())
    for start in range(0, 8, 2):
        label(services, ids[start : start + 2], f"class {start}")
    early = helped(services)
    assert (early.labels, early.suggestions, early.suspicious, early.accuracy) == (8, 8, 0, None)
    label(services, ids[8:10], "class 8")
    label(services, ids[10:12], "class 10")
    assert helped(services).accuracy is not None
