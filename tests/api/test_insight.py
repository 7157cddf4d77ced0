"""The model's help over the public endpoints, with a worker of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from storage.queries.image_rows import NO_PICTURE
from tests.pictures import class_zip
from tests.running import Server, until
from tests.sentences import raises_sentence
from workbench.active_learning.service import NOT_SUSPICIOUS
from workbench.core.validation import NOT_WHOLE
from workbench.ui.api.arguments import NOT_IDS
from workbench.ui.api.curation import UNKNOWN_CURSOR

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("insight"), WORKBENCH_INSIGHT="on").start()
    yield running
    running.close()


@pytest.fixture(scope="module")
def client(served: Server, tmp_path_factory: pytest.TempPathFactory) -> Client:
    client = served.client()
    file = class_zip(tmp_path_factory.mktemp("zip") / "classes.zip")
    client.predict(files=[handle_file(str(file))], api_name="/import_images")
    page = client.predict(label="Low", api_name="/list_images")["items"]
    client.predict(image_ids=[page[0]["id"], page[1]["id"]], label="", api_name="/label_images")
    client.predict(image_ids=[page[2]["id"]], label="High", api_name="/label_images")
    client.predict(api_name="/refresh_insight")

    def ready() -> bool:
        status = client.predict(api_name="/insight_status")
        return bool(status["mapped"] == 24 and status["suggestions"] == 2 and status["suspicious"])

    until(ready, "the model's help", 120)
    return client


def test_suggestions_and_what_to_label_next(client: Client) -> None:
    first = client.predict(limit=1, api_name="/suggestions")
    rest = client.predict(cursor=first["next_cursor"], api_name="/suggestions")
    assert [item["label"] for item in first["items"] + rest["items"]] == ["Low", "Low"]
    assert rest["next_cursor"] == ""
    ids = {item["id"] for item in first["items"] + rest["items"]}
    assert set(client.predict(count=9, api_name="/next_images")["image_ids"]) == ids


def test_similar_pictures_and_the_map(client: Client) -> None:
    points = client.predict(api_name="/map_points")
    assert points["total"] == len(points["items"]) == 24
    one = points["items"][0]["id"]
    similar = client.predict(image_id=one, count=3, api_name="/similar_images")["items"]
    assert len(similar) == 3
    assert one not in {item["id"] for item in similar}


def test_a_suspicious_label_is_dismissed_by_name_or_accepted(client: Client) -> None:
    worst = client.predict(api_name="/suspicious_labels")["items"][0]
    assert (worst["label"], worst["likely"]) == ("High", "Low")
    changed = client.predict(image_ids=[worst["id"]], by="Ada", api_name="/dismiss_suspicions")
    assert changed["changed"] == 1
    listed = client.predict(api_name="/suspicious_labels")["items"]
    assert worst["id"] not in {item["id"] for item in listed}
    with raises_sentence(AppError, NOT_SUSPICIOUS):
        client.predict(image_ids=[worst["id"]], api_name="/accept_suspicions")


@pytest.mark.parametrize(
    ("endpoint", "arguments", "sentence"),
    [
        ("suggestions", {"cursor": "odd"}, UNKNOWN_CURSOR),
        ("suggestions", {"limit": 0}, NOT_WHOLE.format(key="limit", value=0, range="1 to 500")),
        ("next_images", {"count": 501}, NOT_WHOLE.format(key="count", value=501, range="1 to 500")),
        ("suspicious_labels", {"limit": "3"}, NOT_WHOLE.format(key="limit", value='"3"', range="1 to 500")),
        ("dismiss_suspicions", {"image_ids": []}, NOT_IDS),
        ("dismiss_suspicions", {"image_ids": [999]}, NO_PICTURE.format(id=999)),
        ("accept_suspicions", {"image_ids": ["1"]}, NOT_IDS),
        ("similar_images", {"image_id": 999}, NO_PICTURE.format(id=999)),
        (
            "similar_images",
            {"image_id": 1, "count": 0},
            NOT_WHOLE.format(key="count", value=0, range="1 to 500"),
        ),
        ("map_points", {"limit": 10**6}, NOT_WHOLE.format(key="limit", value=10**6, range="1 to 20000")),
    ],
)
def test_bad_input_is_one_sentence(client: Client, endpoint: str, arguments: dict, sentence: str) -> None:
    with raises_sentence(AppError, sentence):
        client.predict(**arguments, api_name=f"/{endpoint}")
