"""What the Label tab's script is told, and what it may ask for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from storage.records import Filter, NewImage
from workbench.services import Services
from workbench.ui.components.filter_address import address, filter_from_address
from workbench.ui.tabs.label import server_functions, view_model
from workbench.ui.tabs.label.view_model import PAGE, LabelState, Viewer

ME = Viewer("Anna")


def stock(services: Services, count: int) -> list[int]:
    """Pictures without files: the board only ever reads the catalogue."""
    new = [
        NewImage(f"{number:064x}", f"{number:04}.jpg", 10, 10, 100, "JPEG", "0" * 16, None)
        for number in range(count)
    ]
    for name in ("Full", "Half"):
        services.labelling.add(name, "test")
    return [image_id for image_id in services.stores.catalogue.add(new) if image_id]


def call(services: Services, function: str, argument: Any, by: str = "Anna") -> dict[str, Any]:
    server_function = {callback.__name__: callback for callback in server_functions.functions(services)}[
        function
    ]
    request = SimpleNamespace(cookies={"waterline_name": by})
    return (
        server_function(argument, request) if function in {"save", "hand_out"} else server_function(argument)
    )


def save(services: Services, *orders: Any, by: str = "Anna") -> dict[str, Any]:
    return call(services, "save", {"orders": list(orders)}, by)


def one(services: Services, order: Any, by: str = "Anna") -> tuple[dict[str, Any], dict[str, Any]]:
    """The result of one order, and the whole answer."""
    answer = save(services, order, by=by)
    return answer["results"][0], answer


def label(ids: list[int], name: str, revision: int = 0) -> dict[str, Any]:
    return {"kind": "label", "pictures": [[image_id, revision] for image_id in ids], "label": name}


def labels(services: Services, ids: list[int]) -> list[str | None]:
    return [image.label for image in services.stores.catalogue.several(ids)]


def test_a_page_comes_with_what_follows_it(services: Services) -> None:
    ids = stock(services, PAGE + 10)
    view, data = view_model.page_data(services, LabelState(Filter(sort="oldest")), ME)
    assert [item["id"] for item in data["items"]] == ids[:PAGE]
    assert [item["id"] for item in data["ahead"]] == ids[PAGE:]
    _, second = view_model.page_data(services, view.next(data["next"]), ME)
    assert ([item["id"] for item in second["items"]], second["next"], second["page"]) == (ids[PAGE:], "", 2)


def test_a_page_whose_pictures_left_the_filter_gives_way_to_the_one_before(services: Services) -> None:
    ids = stock(services, PAGE + 2)
    filter_ = Filter(status="unlabelled", sort="oldest")
    _, data = view_model.page_data(services, LabelState(filter_), ME)
    services.labelling.label(ids[PAGE:], "Full", "test")
    view, shown = view_model.page_data(services, LabelState(filter_).next(data["next"]), ME)
    assert view == LabelState(filter_)
    assert len(shown["items"]) == PAGE


@pytest.mark.parametrize(
    "filter_",
    [Filter(label="Gone"), Filter(tag="gone"), Filter(status="odd"), Filter(sort="odd", flag="odd")],
)
def test_a_filter_that_is_no_more_is_dropped(services: Services, filter_: Filter) -> None:
    stock(services, 2)
    view, data = view_model.page_data(services, LabelState(filter_), ME)
    assert view.filter_ == Filter()
    assert data["total"] == 2


def test_an_address_names_what_is_shown_and_a_picture_to_open(services: Services) -> None:
    ids = stock(services, 3)
    filter_ = Filter(label="Full", flag="blurred", tag="a&b", search="é x", sort="name")
    assert filter_from_address(address(filter_)) == filter_
    _, data = view_model.page_data(services, LabelState(), Viewer("Anna", picture=ids[0]))
    assert ([item["id"] for item in data["opened"]], data["mode"]) == (ids[:1], "stage")
    _, data = view_model.page_data(services, LabelState(), Viewer("Anna", picture=999))
    assert (data["opened"], data["mode"]) == ([], "")


def test_a_label_answers_with_the_new_state_and_what_can_be_undone(services: Services) -> None:
    ids = stock(services, 2)
    result, answer = one(services, label(ids[:1], "Full"))
    assert (result["error"], answer["left"], answer["me"]) == ("", 1, "Anna")
    assert [(item["label"], item["revision"], item["by"]) for item in answer["items"]] == [
        ("Full", 1, "Anna")
    ]
    assert answer["undo"]["summary"] == "labelled 1 picture as Full"


def test_a_stale_label_is_refused_with_the_true_state_and_the_others_go_on(services: Services) -> None:
    ids = stock(services, 3)
    services.labelling.label(ids[:1], "Full", "Bert")
    answer = save(services, label(ids[:2], ""), label(ids[2:], "Half"))
    refused, done = answer["results"]
    assert "changed in the meantime by Bert" in refused["error"]
    assert done["error"] == ""
    assert [item["label"] for item in answer["items"]] == ["Full", "", "Half"]


def test_a_key_labels_what_was_seen_and_never_adds_a_class(services: Services) -> None:
    ids = stock(services, 3)
    assert one(services, label(ids, "Full"))[0]["error"] == ""
    assert "changed in the meantime by Anna" in one(services, label(ids, ""), by="Ben")[0]["error"]
    unknown, _ = one(services, label(ids[:1], "Quarter", 1), by="Ben")
    assert unknown["error"] == "There is no class “Quarter”. The classes are: Full, Half."
    assert labels(services, ids) == ["Full"] * 3
    assert [class_.name for class_ in services.stores.classes.all()] == ["Full", "Half"]


def test_a_class_is_known_in_any_case_and_told_as_the_catalogue_spells_it(services: Services) -> None:
    ids = stock(services, 2)
    whole = {"filter": {"status": "unlabelled"}, "expected": 2}
    result, answer = one(services, {"kind": "label", "label": "half", **whole})
    assert (result["said"], labels(services, ids)) == ("2 pictures: Half", ["Half", "Half"])
    assert answer["undo"]["summary"] == "labelled 2 pictures as Half"
    half = {"filter": {"label": "Half"}, "expected": 2}
    assert one(services, {"kind": "label", "label": "", **half})[0]["said"] == "2 pictures: not labelled"


def test_each_undoes_and_redoes_their_own(services: Services) -> None:
    ids = stock(services, 2)
    event_id = one(services, label(ids[:1], "Full"))[1]["undo"]["id"]
    save(services, label(ids[1:], "Half"), by="Bert")
    result, answer = one(services, {"kind": "undo", "event": event_id})
    assert (result["ids"], result["said"]) == (ids[:1], "Undone: labelled 1 picture as Full.")
    assert labels(services, ids) == [None, "Half"]
    result, _ = one(services, {"kind": "redo", "event": answer["redo"]["id"]})
    assert (result["error"], labels(services, ids)) == ("", ["Full", "Half"])
    assert "nothing left to undo" in one(services, {"kind": "undo", "event": 0}, by="Cleo")[0]["error"]


def test_the_bin_takes_and_gives_back(services: Services) -> None:
    ids = stock(services, 3)
    pairs = [[image_id, 0] for image_id in ids[:2]]
    result, answer = one(services, {"kind": "archive", "pictures": pairs})
    assert (result["error"], answer["items"], answer["images"]) == ("", [], 1)
    result, answer = one(services, {"kind": "restore", "pictures": [[ids[0], 1]]})
    assert ([item["id"] for item in answer["items"]], answer["images"]) == (ids[:1], 2)
    refused, _ = one(services, {"kind": "restore", "pictures": [[ids[0], 2]]})
    assert f"no picture with id {ids[0]} in the bin" in refused["error"]


def test_a_whole_filter_is_one_event_and_refused_where_its_count_is_another(services: Services) -> None:
    ids = stock(services, 700)
    services.labelling.label(ids[:100], "Half", "test")
    whole = {"filter": {"status": "unlabelled"}, "expected": 600}
    events = len(services.stores.journal.recent(99))
    result, answer = one(services, {"kind": "label", "label": "Full", **whole})
    assert (result["said"], answer["left"]) == ("600 pictures: Full", 0)
    assert len(services.stores.journal.recent(99)) == events + 1
    again, _ = one(services, {"kind": "archive", **whole})
    assert "There are 0 pictures in this filter by now" in again["error"]
    save(services, {"kind": "undo", "event": answer["undo"]["id"]})
    assert services.stores.pages.count(Filter(status="unlabelled")) == 600


def test_splits_tags_and_notes(services: Services) -> None:
    ids = stock(services, 2)
    pairs = [[image_id, 0] for image_id in ids]
    save(services, {"kind": "move", "side": "validation", "pictures": pairs})
    save(services, {"kind": "tag", "add": ["Odd  one", "<i>"], "remove": [], "pictures": pairs})
    _, answer = one(services, {"kind": "note", "text": "as it is", "pictures": [[ids[0], 2]]})
    noted = answer["items"][0]
    assert (noted["split"], noted["tags"], noted["notes"]) == ("validation", ["<i>", "odd one"], "as it is")
    stale, _ = one(services, {"kind": "note", "text": "late", "pictures": [[ids[0], 2]]})
    assert "changed in the meantime" in stale["error"]
    _, data = view_model.page_data(services, LabelState(Filter(tag="<i>")), ME)
    assert (data["total"], data["tags"]) == (2, ["<i>", "odd one"])
    save(services, {"kind": "move", "side": "automatic", "pictures": pairs})
    assert [image.split for image in services.stores.catalogue.several(ids)] == ["", ""]


def test_pictures_are_handed_to_one_tab_until_it_gives_them_back(services: Services) -> None:
    ids = stock(services, 5)
    request = {"filter": {"status": "unlabelled", "sort": "oldest"}, "count": 3}

    def hand(holder: str) -> list[int]:
        return [item["id"] for item in call(services, "hand_out", {"holder": holder, **request})["items"]]

    assert (hand("one"), hand("two"), hand("one")) == (ids[:3], ids[3:], ids[:3])
    save(services, {"kind": "skip", "holder": "one", "pictures": [[ids[0], 0]]})
    assert (hand("one"), hand("two")) == (ids[1:3], [ids[0], *ids[3:]])
    call(services, "hand_out", {"holder": "two", "count": 0})
    assert hand("three") == [ids[0], *ids[3:]]
    for bad in (None, {}, {"holder": "x"}, {"holder": "x", "count": 3, "filter": {"status": 7}}):
        assert call(services, "hand_out", bad)["error"].endswith(".")


def test_a_second_opinion_comes_from_somebody_else(services: Services) -> None:
    ids = stock(services, 3)
    save(services, label(ids[:2], "Full"), by="Anna")
    save(services, label(ids[2:], "Full"), by="Bert")
    request = {"filter": {"status": "unreviewed"}, "count": 9, "holder": "tab"}
    items = call(services, "hand_out", request, "Bert")["items"]
    assert [item["id"] for item in items] == ids[1::-1]
    review = {"kind": "review", "pictures": [[ids[0], 1]], "label": "Half"}
    assert "labelled this picture yourself" in one(services, review, by="Anna")[0]["error"]
    _, answer = one(services, review, by="Bert")
    reviewed = answer["items"][0]
    assert [reviewed[name] for name in ("review", "label", "review_label", "reviewed_by")] == [
        "disagreed",
        "Full",
        "Half",
        "Bert",
    ]
    _, settled = one(services, label(ids[:1], "Half", 2), by="Anna")
    assert (settled["items"][0]["label"], settled["items"][0]["review"]) == ("Half", "agreed")


def test_suggestions_are_accepted_as_one_event(services: Services) -> None:
    ids = stock(services, 3)
    classes = {class_.name: class_.id for class_ in services.stores.classes.all()}
    with services.stores.database.write() as connection:
        connection.executemany(
            "INSERT INTO suggestions (image_id, class_id, probability) VALUES (?, ?, 0.86)",
            [(ids[0], classes["Full"]), (ids[1], classes["Half"])],
        )
    _, data = view_model.page_data(services, LabelState(Filter(sort="oldest")), ME)
    assert [(item["suggestion"], item["probability"]) for item in data["items"]] == [
        ("Full", 0.86),
        ("Half", 0.86),
        ("", 0),
    ]
    order = {"kind": "accept", "pictures": [[image_id, 0] for image_id in ids]}
    result, answer = one(services, order)
    assert result["said"] == "Labelled 2 pictures as suggested."
    assert labels(services, ids) == ["Full", "Half", None]
    save(services, {"kind": "undo", "event": answer["undo"]["id"]})
    assert labels(services, ids) == [None, None, None]


def test_the_history_of_a_picture_names_people_and_values(services: Services) -> None:
    ids = stock(services, 1)
    save(services, label(ids, "Full"), by="Anna")
    history = call(services, "look", {"id": ids[0]})["history"]
    assert (history[0]["who"], history[0]["what"]) == ("Anna", "class: none → Full")
    assert call(services, "look", {"id": 999})["error"] == "There is no picture with id 999."
    assert call(services, "look", None)["error"].endswith(".")


@pytest.mark.parametrize(
    "order",
    [
        None,
        [],
        {},
        {"kind": ["label"]},
        {"kind": "drop"},
        {"kind": "label", "pictures": []},
        {"kind": "label", "pictures": [[1]]},
        {"kind": "label", "pictures": [["1", 0]], "label": "Full"},
        {"kind": "label", "pictures": [[True, 0]], "label": "Full"},
        {"kind": "label", "pictures": [[1, 0.5]], "label": "Full"},
        {"kind": "label", "pictures": [[number, 0] for number in range(600)], "label": "Full"},
        {"kind": "label", "pictures": [[999, 0]], "label": "Full"},
        {"kind": "label", "pictures": [[1, 0]], "label": "No such class"},
        {"kind": "label", "filter": {}, "label": "Full"},
        {"kind": "label", "filter": {"status": 7}, "expected": 1, "label": "Full"},
        {"kind": "label", "filter": {"status": "odd"}, "expected": 1, "label": "Full"},
        {"kind": "archive", "filter": "all", "expected": 2},
        {"kind": "move", "pictures": [[1, 0]], "side": "elsewhere"},
        {"kind": "tag", "pictures": [[1, 0]], "add": ["\x00"]},
        {"kind": "note", "pictures": [[1, 0]], "text": "x" * 99_999},
        {"kind": "review", "pictures": [[1, 0]], "label": "Full"},
        {"kind": "undo", "event": "last"},
        {"kind": "add", "name": "<b>"},
    ],
)
def test_a_malformed_edit_gets_a_sentence_and_changes_nothing(services: Services, order: Any) -> None:
    stock(services, 1)
    before = services.stores.journal.recent()
    result, _ = one(services, order)
    assert result["error"].endswith(".")
    assert "Something went wrong" not in result["error"]
    assert services.stores.journal.recent() == before


@pytest.mark.parametrize("batch", [None, [], {"orders": None}, {"orders": "label"}])
def test_a_malformed_batch_gets_a_sentence(services: Services, batch: Any) -> None:
    assert call(services, "save", batch)["results"][0]["error"].startswith("An edit is one of")
