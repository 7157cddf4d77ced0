"""Everything that a person does in the Label tab, done by a script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from storage.journal.events import NOTHING_LEFT
from storage.journal.history import UNKNOWN_PICTURE
from storage.journal.image_edits import BLANK_TAG, OWN_LABEL, TOO_LONG
from storage.queries.filters import NO_CLASS
from storage.queries.image_rows import NO_PICTURE, NOT_IN_BIN
from tests.pictures import picture
from tests.running import Server
from tests.sentences import raises_sentence
from workbench.catalogue.labelling import INVALID_COLOUR, INVALID_NAME
from workbench.core.path_names import A_CHARACTER
from workbench.core.validation import NOT_WHOLE
from workbench.ui.api.arguments import NOT_TEXT, NOT_TEXTS
from workbench.ui.api.edits import NO_TAG


@pytest.fixture
def stocked(server: Server, tmp_path: Path) -> tuple[Client, list[int]]:
    client, files = server.client(), []
    for seed in range(4):
        files.append(tmp_path / f"Räum-{seed}.jpg")
        files[-1].write_bytes(picture(seed))
    imported = client.predict([handle_file(file) for file in files], "", api_name="/import_images")
    return client, imported["image_ids"]


def items(client: Client, **wanted: Any) -> list[dict[str, Any]]:
    return client.predict(sort="oldest", **wanted, api_name="/list_images")["items"]


def test_pictures_are_labelled_reviewed_and_settled_by_people(stocked: tuple[Client, list[int]]) -> None:
    client, ids = stocked
    client.predict(ids, "Full", "Anna", True, api_name="/label_images")
    client.predict("Half", "Anna", api_name="/add_class")
    with raises_sentence(AppError, OWN_LABEL):
        client.predict(ids[:1], "Half", "Anna", api_name="/review_images")
    assert client.predict(ids[:1], "Half", "Bert", api_name="/review_images")["changed"] == 1
    assert client.predict(ids[1:2], "Full", "Bert", api_name="/review_images")["changed"] == 1
    (open_one,) = items(client, status="disagreed")
    assert (open_one["label"], open_one["review_label"], open_one["labelled_by"]) == ("Full", "Half", "Anna")
    client.predict(ids[:1], "Half", "Cleo", True, api_name="/label_images")
    assert [item["id"] for item in items(client, status="agreed")] == ids[:2]
    history = client.predict(ids[0], api_name="/picture_history")["items"]
    assert [change["by"] for change in history[:3]] == ["Cleo", "Bert", "Anna"]
    assert {"field": "class", "before": "Full", "after": "Half"} in history[0]["changes"]
    done = {person["by"]: person["labelled"] for person in client.predict(api_name="/activity")["items"]}
    assert (done["Anna"], done["Cleo"]) == (4, 1)


def test_the_bin_splits_tags_and_notes_with_undo_and_redo(stocked: tuple[Client, list[int]]) -> None:
    client, ids = stocked
    client.predict(ids[:2], api_name="/archive_images")
    assert [item["id"] for item in items(client, status="bin")] == ids[:2]
    assert client.predict(api_name="/undo")["undone"] == "removed 2 pictures"
    assert client.predict(api_name="/redo")["redone"] == "removed 2 pictures"
    client.predict(ids[:2], api_name="/restore_images")
    client.predict(ids[:1], "validation", api_name="/move_images")
    client.predict(ids[1:], ["Two  bottles"], api_name="/tag_images")
    client.predict(ids[3], "seen twice", api_name="/note_image")
    first, *others = items(client)
    assert (first["split"], first["pin"], first["tags"]) == ("validation", "validation", [])
    assert [other["tags"] for other in others] == [["two bottles"]] * 3
    assert [item["id"] for item in items(client, tag="two bottles", search="räum-3")] == ids[3:]
    assert items(client)[3]["notes"] == "seen twice"
    client.predict(ids, remove=["two bottles"], api_name="/tag_images")
    client.predict(ids[:1], "automatic", api_name="/move_images")
    assert not any(item["tags"] or item["pin"] for item in items(client))


def test_classes_come_change_and_go(stocked: tuple[Client, list[int]]) -> None:
    client, ids = stocked
    client.predict(ids[:3], "Full", create=True, api_name="/label_images")
    client.predict("Half", api_name="/add_class")
    assert client.predict("Full", " Brim  full", api_name="/rename_class") == {
        "name": "Brim full",
        "changed": 3,
    }
    client.predict("half", "#123456", api_name="/recolour_class")
    assert client.predict("Brim full", "Half", api_name="/merge_classes") == {"name": "Half", "changed": 3}
    assert client.predict("Half", api_name="/remove_class")["changed"] == 3
    assert client.predict(api_name="/dataset_summary")["classes"] == []
    assert client.predict(api_name="/undo")["undone"].startswith("removed class Half")
    assert [item["label"] for item in items(client)] == ["Half", "Half", "Half", None]


@pytest.mark.parametrize(
    ("endpoint", "arguments", "sentence"),
    [
        ("list_images", {"flag": "odd"}, "flag is “odd”"),
        ("list_images", {"search": 7}, NOT_TEXT.format(name="search")),
        ("review_images", {"image_ids": [1], "label": "Full"}, NO_CLASS.format(name="Full")),
        ("archive_images", {"image_ids": [99]}, NO_PICTURE.format(id=99)),
        ("restore_images", {"image_ids": [1]}, NOT_IN_BIN.format(id=1)),
        ("move_images", {"image_ids": [1], "split": "elsewhere"}, "split is “elsewhere”"),
        ("tag_images", {"image_ids": [1]}, NO_TAG),
        ("tag_images", {"image_ids": [1], "add": "red"}, NOT_TEXTS.format(name="add")),
        ("tag_images", {"image_ids": [1], "add": [" "]}, BLANK_TAG),
        (
            "note_image",
            {"image_id": 1, "text": "x" * 3000},
            TOO_LONG.format(what="A note", longest=2000, length=3000),
        ),
        (
            "note_image",
            {"image_id": "1", "text": ""},
            NOT_WHOLE.format(key="image_id", value='"1"', range="1"),
        ),
        ("label_images", {"image_ids": [1], "label": "Full", "by": 7}, NOT_TEXT.format(name="by")),
        ("picture_history", {"image_id": 99}, UNKNOWN_PICTURE.format(id=99)),
        ("activity", {"days": 0}, NOT_WHOLE.format(key="days", value=0, range="1 to 366")),
        ("redo", {}, NOTHING_LEFT.format(verb="redo")),
        ("add_class", {"name": "<b>"}, INVALID_NAME.format(name="<b>", reason=A_CHARACTER)),
        ("rename_class", {"name": "Full", "to": "Half"}, NO_CLASS.format(name="Full")),
        ("recolour_class", {"name": "Full", "colour": "red"}, INVALID_COLOUR),
        ("merge_classes", {"name": "Full", "into": "Half"}, NO_CLASS.format(name="Full")),
        ("remove_class", {"name": "Full"}, NO_CLASS.format(name="Full")),
        ("accept_suggestions", {"image_ids": [99]}, NO_PICTURE.format(id=99)),
    ],
)
def test_bad_input_gets_a_sentence(
    client: Client, endpoint: str, arguments: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(AppError) as error:
        client.predict(**arguments, api_name=f"/{endpoint}")
    assert sentence in str(error.value)
