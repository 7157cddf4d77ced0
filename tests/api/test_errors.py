"""Bad input arrives at the client as one sentence, and changes nothing."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from tests.pictures import picture
from tests.running import Server


@pytest.fixture(scope="module", autouse=True)
def one_picture(client: Client, tmp_path_factory: pytest.TempPathFactory) -> int:
    file = tmp_path_factory.mktemp("one") / "one.jpg"
    file.write_bytes(picture(1))
    return client.predict(files=[handle_file(str(file))], api_name="/import_images")["image_ids"][0]


@pytest.mark.parametrize(
    ("endpoint", "arguments", "sentence"),
    [
        ("list_images", {"label": "nope"}, "There is no class “nope”"),
        ("list_images", {"status": "odd"}, "status is “odd”"),
        ("list_images", {"sort": "odd"}, "sort is “odd”"),
        ("list_images", {"cursor": "odd"}, "cursor is not one that this list gave"),
        ("list_images", {"limit": 0}, "limit must be a whole number from 1 to 500"),
        ("label_images", {"image_ids": [99], "label": "Full"}, "There is no picture with id 99"),
        ("label_images", {"image_ids": [], "label": "Full"}, "image_ids must be a list"),
        ("label_images", {"image_ids": ["1"], "label": "Full"}, "image_ids must be a list"),
        ("label_images", {"image_ids": [1], "label": "  "}, "A class needs a name"),
        ("label_images", {"image_ids": [1], "label": "x" * 300}, "at most 60 characters; this one has 300"),
        ("label_images", {"image_ids": [1], "label": "<script>alert(1)</script>"}, "cannot have"),
        ("import_images", {"files": [], "label": "  "}, "A class needs a name"),
        ("import_images", {"files": [], "label": "CON"}, "Windows keeps it for a device"),
        ("label_images", {"image_ids": [1], "label": "."}, "begins or ends with a dot"),
        ("add_class", {"name": "Full\u202egpj"}, "The class name “Full\ufffdgpj” has a character"),
        ("add_class", {"name": "@eaDir"}, "use it for files of their own"),
        ("undo", {}, "nothing left to undo"),
        ("preview_augmentation", {"image_id": "1"}, 'image_id is "1"; it must be a whole number'),
        ("preview_augmentation", {"image_id": 1, "seed": -1}, "seed is -1; it must be a whole number from 0"),
        ("preview_augmentation", {"image_id": 99}, "no picture with id 99"),
        (
            "preview_augmentation",
            {"image_id": 1, "count": 1000},
            "count is 1000; it must be a whole number from 1 to 32",
        ),
        ("preview_augmentation", {"image_id": 1, "augmentation": {"twirl": {}}}, "twirl"),
        ("start_training", {"spec": {}}, "No picture is labelled yet"),
        ("start_training", {"spec": {"epoch": 3}}, 'unknown key "epoch"'),
        ("start_training", {"spec": {"epochs": "3"}}, 'epochs is "3"'),
        ("start_training", {"spec": {"epochs": True}}, "epochs is True"),
        ("start_training", {"spec": {"augmentation": {"rotate": {"strength": "9"}}}}, "rotate"),
        ("run_status", {"run_id": 99}, "There is no run 99"),
        ("run_report", {"run_id": 99}, "There is no run 99"),
        ("stop_training", {"run_id": 99}, "There is no run 99"),
        ("pause_training", {"run_id": 99}, "There is no run 99"),
        ("resume_training", {"run_id": "1"}, 'run_id is "1"; it must be a whole number'),
        ("move_training", {"run_id": 1, "place": 0}, "place is 0; it must be a whole number from 1"),
        ("train_again", {"version": "v99"}, "There is no model version or alias “v99”"),
        ("train_again", {"version": ""}, "version must be a version such as v3"),
        ("list_runs", {"limit": 0}, "limit is 0; it must be a whole number from 1 to 500"),
        ("run_log", {"run_id": 99}, "There is no run 99"),
        ("run_trials", {"run_id": 99}, "There is no run 99"),
        ("promote", {"version": "v99"}, "There is no model version or alias “v99”"),
        ("promote", {"version": "v99", "alias": "../x"}, "alias must have"),
        ("promote", {"version": "v99", "alias": "v1"}, "not look like a version"),
    ],
)
def test_one_sentence(client: Client, endpoint: str, arguments: dict, sentence: str) -> None:
    before = client.predict(api_name="/dataset_summary")
    with pytest.raises(AppError) as error:
        client.predict(**arguments, api_name=f"/{endpoint}")
    assert sentence in str(error.value)
    assert "Traceback" not in str(error.value)
    assert client.predict(api_name="/dataset_summary") == before


def test_predict_names_what_is_missing(client: Client, tmp_path: Path) -> None:
    (tmp_path / "one.jpg").write_bytes(picture(1))
    with pytest.raises(AppError, match="There is no model yet"):
        client.predict(image=handle_file(str(tmp_path / "one.jpg")), api_name="/predict")
    with pytest.raises(AppError, match="no model version or alias “v7”"):
        client.predict(image=handle_file(str(tmp_path / "one.jpg")), model="v7", api_name="/predict")


def test_a_nan_in_a_spec_is_named(served: Server) -> None:
    answer = _call(served, "start_training", '{"data": [{"learning_rate": NaN}]}')
    assert "learning_rate is nan" in answer


@pytest.mark.parametrize(
    ("endpoint", "data"),
    [
        ("predict", [{"path": "/etc/passwd"}, "production"]),
        ("import_images", [[{"path": "/etc/passwd"}], "", "api"]),
        ("import_images", [["/etc/passwd"], "", "api"]),
        ("predict_batch", [[{"path": "/etc/../etc/passwd"}], "production"]),
    ],
)
def test_a_forged_path_is_not_read(served: Server, endpoint: str, data: list) -> None:
    answer = _call(served, endpoint, json.dumps({"data": data}))
    assert "must be uploaded first" in answer
    assert "root:" not in answer


def test_media_serves_only_pictures(served: Server) -> None:
    for path in (
        "/media/../../etc/passwd/stage.jpg",
        f"/media/{'a' * 64}/stage.jpg",
        "/media/x/thumbnail.jpg",
    ):
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(served.url + path)
        assert error.value.code == 404


def _call(server: Server, endpoint: str, body: str) -> str:
    url = f"{server.url}/gradio_api/call/{endpoint}"
    request = urllib.request.Request(url, body.encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        event = json.load(answer)["event_id"]
    with urllib.request.urlopen(f"{url}/{event}") as answer:
        return answer.read().decode()
