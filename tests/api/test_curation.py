"""Look-alikes, the bin and quality from a script."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from storage.queries.image_rows import NO_PICTURE
from tests.pictures import picture
from workbench.catalogue.near_duplicates import GROUPS_CHANGED, NO_GROUP, TOO_FEW
from workbench.catalogue.trash import EMPTY_ALREADY
from workbench.core.validation import NOT_WHOLE
from workbench.ui.api.arguments import NOT_IDS, NOT_TEXT
from workbench.ui.api.curation import MAX_COUNT, UNKNOWN_CURSOR


@pytest.fixture(scope="module", autouse=True)
def copies(client: Client, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Three pictures, of which the first is there three times and the second twice, with different classes."""
    path = tmp_path_factory.mktemp("copies") / "copies.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, seed, width in (
            *(("Full/a", 1, 120), ("Full/b", 1, 240), ("Full/c", 1, 90)),
            *(("Full/d", 2, 120), ("Half/e", 2, 200), ("Half/f", 3, 120)),
        ):
            image = Image.open(io.BytesIO(picture(seed))).resize((width, width))
            buffer = io.BytesIO()
            image.save(buffer, "PNG")
            archive.writestr(f"{name}.png", buffer.getvalue())
    client.predict(files=[handle_file(str(path))], api_name="/import_images")


def groups(client: Client, **arguments: object) -> dict:
    return client.predict(**arguments, api_name="/lookalikes")


def names(client: Client, ids: list[int]) -> list[str]:
    pictures = client.predict(api_name="/list_images")["items"]
    stems = {picture["id"]: Path(picture["filename"]).stem for picture in pictures}
    return [stems[image_id] for image_id in ids]


def test_groups_are_listed_and_settled(client: Client) -> None:
    page = groups(client)
    assert [item["different_classes"] for item in page["items"]] == [True, False]
    assert (page["total"], page["pictures"], page["spare"], page["next_cursor"]) == (2, 5, 2, "")
    assert names(client, page["items"][1]["image_ids"])[0] == "b"
    first = groups(client, limit=1)
    assert groups(client, limit=1, cursor=first["next_cursor"])["items"] == page["items"][1:]

    mixed, three = (item["image_ids"] for item in page["items"])
    assert client.predict(mixed, by="Ada", api_name="/keep_all")["changed"] == 2
    assert groups(client)["total"] == 1
    done = client.predict(three, three[0], by="Ada", api_name="/keep_one")
    assert done["changed"] == 2
    assert groups(client)["items"] == []
    assert client.predict(by="Ada", api_name="/undo")["event_id"] == done["event_id"]
    assert groups(client)["total"] == 1
    assert client.predict(2, by="Ada", api_name="/keep_best")["changed"] == 2
    assert client.predict(status="bin", api_name="/list_images")["total"] == 2
    assert client.predict("2", by="Ada", api_name="/empty_bin") == {"removed": 2}
    assert client.predict(status="bin", api_name="/list_images")["total"] == 0
    assert client.predict(api_name="/dataset_summary")["images"] == 4


def test_every_flag_is_counted(client: Client) -> None:
    flags = client.predict(api_name="/quality_summary")["items"]
    for flag in flags:
        listed = client.predict(flag=flag["flag"], api_name="/list_images")
        assert listed["total"] == flag["count"]
    assert len(flags) == 8


@pytest.mark.parametrize(
    ("endpoint", "arguments", "sentence"),
    [
        ("lookalikes", {"cursor": "-1"}, UNKNOWN_CURSOR),
        ("lookalikes", {"cursor": 3}, NOT_TEXT.format(name="cursor")),
        ("lookalikes", {"limit": 0}, NOT_WHOLE.format(key="limit", value=0, range="1 to 500")),
        ("keep_one", {"image_ids": [], "keep": 1}, NOT_IDS),
        ("keep_one", {"image_ids": [1, 2], "keep": 3}, NO_GROUP),
        ("keep_one", {"image_ids": [1, 999], "keep": 1}, NO_PICTURE.format(id=999)),
        ("keep_all", {"image_ids": [1]}, TOO_FEW),
        ("keep_all", {"image_ids": ["1", "2"]}, NOT_IDS),
        (
            "keep_best",
            {"expected": -1},
            NOT_WHOLE.format(key="expected", value=-1, range=f"0 to {MAX_COUNT}"),
        ),
        ("keep_best", {"expected": 500}, GROUPS_CHANGED.partition("{spare")[0]),
        ("empty_bin", {"confirm": 0}, NOT_TEXT.format(name="confirm")),
        ("empty_bin", {"confirm": "yes"}, EMPTY_ALREADY),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    client: Client, endpoint: str, arguments: dict, sentence: str
) -> None:
    with pytest.raises(AppError, match=re.escape(sentence)):
        client.predict(**arguments, api_name=f"/{endpoint}")
