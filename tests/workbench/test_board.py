"""What the Label tab's script is told, and what it may ask for."""

from __future__ import annotations

import pytest

from storage.records import Filter, NewImage
from workbench.services import Services
from workbench.ui.components import board
from workbench.ui.components.board import PAGE, View


def stock(services: Services, count: int) -> list[int]:
    """Pictures without files: the board only ever reads the catalogue."""
    new = [
        NewImage(f"{each:064x}", f"{each:04}.jpg", 10, 10, 100, "JPEG", "0" * 16, None)
        for each in range(count)
    ]
    services.labelling.add("Full", "test")
    return [each for each in services.stores.catalogue.add(new) if each]


def ask(services: Services, name: str, edit: object) -> dict:
    return {each.__name__: each for each in board.asked(services)}[name](edit, None)


def test_a_page_comes_with_what_follows_it(services: Services) -> None:
    ids = stock(services, PAGE + 10)
    view, data = board.present(services, View(Filter(sort="oldest")))
    assert [each["id"] for each in data["items"]] == ids[:PAGE]
    assert [each["id"] for each in data["ahead"]] == ids[PAGE:]
    _, second = board.present(services, view.next(data["next"]))
    assert ([each["id"] for each in second["items"]], second["next"], second["page"]) == (ids[PAGE:], "", 2)


def test_a_page_whose_pictures_left_the_filter_gives_way_to_the_one_before(services: Services) -> None:
    ids = stock(services, PAGE + 2)
    wanted = Filter(status="unlabelled", sort="oldest")
    _, data = board.present(services, View(wanted))
    services.labelling.label(ids[PAGE:], "Full", "test")
    view, shown = board.present(services, View(wanted).next(data["next"]))
    assert view == View(wanted)
    assert len(shown["items"]) == PAGE


def test_a_filter_by_a_class_that_is_gone_is_dropped(services: Services) -> None:
    stock(services, 2)
    view, data = board.present(services, View(Filter(label="Gone")))
    assert view.wanted.label == ""
    assert data["total"] == 2


def test_a_label_answers_with_the_new_state_and_what_can_be_undone(services: Services) -> None:
    ids = stock(services, 2)
    answer = ask(services, "save_labels", {"pictures": [[ids[0], 0]], "label": "Full"})
    assert (answer["error"], answer["left"]) == ("", 1)
    assert [(each["label"], each["revision"]) for each in answer["items"]] == [("Full", 1)]
    assert answer["undo"]["summary"] == "labelled 1 picture as Full"


def test_a_stale_label_is_refused_with_the_true_state(services: Services) -> None:
    ids = stock(services, 2)
    services.labelling.label(ids[:1], "Full", "somebody")
    answer = ask(services, "save_labels", {"pictures": [[ids[0], 0], [ids[1], 0]], "label": ""})
    assert "changed in the meantime" in answer["error"]
    assert [each["label"] for each in answer["items"]] == ["Full", ""]


def test_undo_takes_back_only_what_the_reader_was_told(services: Services) -> None:
    ids = stock(services, 2)
    told = ask(services, "save_labels", {"pictures": [[ids[0], 0]], "label": "Full"})["undo"]["id"]
    services.labelling.label(ids[1:], "Full", "somebody")
    refused = ask(services, "take_back", {"event": told})
    assert "changed in the meantime: labelled 1 picture as Full" in refused["error"]
    done = ask(services, "take_back", {"event": refused["undo"]["id"]})
    assert (done["error"], done["ids"]) == ("", ids[1:])
    assert [each.label for each in services.stores.catalogue.several(ids)] == ["Full", None]


def test_removed_pictures_come_back_with_undo(services: Services) -> None:
    ids = stock(services, 3)
    answer = ask(services, "remove_pictures", {"pictures": [[each, 0] for each in ids[:2]]})
    assert (answer["error"], answer["items"], answer["images"]) == ("", [], 1)
    back = ask(services, "take_back", {"event": answer["undo"]["id"]})
    assert ([each["id"] for each in back["items"]], back["images"]) == (ids[:2], 3)


@pytest.mark.parametrize(
    "edit",
    [
        None,
        [],
        {},
        {"pictures": []},
        {"pictures": [[1]]},
        {"pictures": [["1", 0]], "label": "Full"},
        {"pictures": [[True, 0]], "label": "Full"},
        {"pictures": [[1, 0.5]], "label": "Full"},
        {"pictures": [[each, 0] for each in range(600)], "label": "Full"},
        {"pictures": [[999, 0]], "label": "Full"},
        {"pictures": [[1, 0]], "label": "No such class"},
        {"event": "last"},
    ],
)
@pytest.mark.parametrize("name", ["save_labels", "take_back"])
def test_a_malformed_edit_gets_a_sentence_and_changes_nothing(
    services: Services, name: str, edit: object
) -> None:
    stock(services, 1)
    before = services.stores.journal.recent()
    answer = ask(services, name, edit)
    assert answer["error"].endswith(".")
    assert "Something went wrong" not in answer["error"]
    assert services.stores.journal.recent() == before


def test_a_first_class_can_be_added_and_a_bad_name_gets_a_sentence(services: Services) -> None:
    assert ask(services, "add_class", {"name": " Full  level "})["error"] == ""
    assert "character that a name cannot have" in ask(services, "add_class", {"name": "<b>"})["error"]
    assert [each.name for each in services.stores.classes.all()] == ["Full level"]
