"""Bad input arrives at the client as one sentence, and changes nothing."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from storage.journal.events import NOTHING_LEFT
from storage.queries.filters import NO_CLASS
from storage.queries.image_rows import NO_PICTURE
from storage.queries.pagination import INVALID_LIMIT, UNKNOWN_CURSOR
from storage.training.registry import UNKNOWN_VERSION
from storage.training.runs import NO_RUN
from tests.pictures import picture
from tests.running import Server
from tests.sentences import raises_sentence
from workbench.catalogue.labelling import INVALID_NAME, NO_NAME, TOO_LONG
from workbench.catalogue.splits import NOTHING_LABELLED
from workbench.core.path_names import A_CHARACTER, A_DEVICE, A_LEFTOVER, AT_THE_ENDS
from workbench.core.validation import NOT_WHOLE
from workbench.serving.service import NO_MODEL
from workbench.ui.api.arguments import NOT_IDS
from workbench.ui.api.edits import TO_CREATE
from workbench.ui.api.models import INVALID_ALIAS, NO_ALIAS
from workbench.ui.api.runs import NO_VERSION_NAME
from workbench.ui.file_transfer import NOT_UPLOADED


@pytest.fixture(scope="module", autouse=True)
def one_picture(client: Client, tmp_path_factory: pytest.TempPathFactory) -> int:
    file = tmp_path_factory.mktemp("one") / "one.jpg"
    file.write_bytes(picture(1))
    return client.predict(files=[handle_file(str(file))], api_name="/import_images")["image_ids"][0]


@pytest.mark.parametrize(
    ("endpoint", "arguments", "sentence"),
    [
        ("list_images", {"label": "nope"}, NO_CLASS.format(name="nope")),
        ("list_images", {"status": "odd"}, "status is “odd”"),
        ("list_images", {"sort": "odd"}, "sort is “odd”"),
        ("list_images", {"cursor": "odd"}, UNKNOWN_CURSOR),
        ("list_images", {"limit": 0}, INVALID_LIMIT),
        ("label_images", {"image_ids": [99], "label": ""}, NO_PICTURE.format(id=99)),
        ("label_images", {"image_ids": [99], "label": "Full"}, TO_CREATE),
        ("label_images", {"image_ids": [99], "label": "Full", "create": True}, NO_PICTURE.format(id=99)),
        ("label_images", {"image_ids": [], "label": "Full"}, NOT_IDS),
        ("label_images", {"image_ids": ["1"], "label": "Full"}, NOT_IDS),
        ("label_images", {"image_ids": [1], "label": "  ", "create": True}, NO_NAME),
        (
            "label_images",
            {"image_ids": [1], "label": "x" * 300, "create": True},
            TOO_LONG.format(longest=60, length=300),
        ),
        (
            "label_images",
            {"image_ids": [1], "label": "<b>", "create": True},
            INVALID_NAME.format(name="<b>", reason=A_CHARACTER),
        ),
        ("import_images", {"files": [], "label": "  "}, NO_NAME),
        ("import_images", {"files": [], "label": "CON"}, INVALID_NAME.format(name="CON", reason=A_DEVICE)),
        (
            "label_images",
            {"image_ids": [1], "label": ".", "create": True},
            INVALID_NAME.format(name=".", reason=AT_THE_ENDS),
        ),
        (
            "add_class",
            {"name": "Full\u202egpj"},
            INVALID_NAME.format(name="Full\ufffdgpj", reason=A_CHARACTER),
        ),
        ("add_class", {"name": "@eaDir"}, INVALID_NAME.format(name="@eaDir", reason=A_LEFTOVER)),
        ("undo", {}, NOTHING_LEFT.format(verb="undo")),
        (
            "preview_augmentation",
            {"image_id": "1"},
            NOT_WHOLE.format(key="image_id", value='"1"', range=1),
        ),
        (
            "preview_augmentation",
            {"image_id": 1, "seed": -1},
            NOT_WHOLE.format(key="seed", value=-1, range=f"0 to {2**32 - 1}"),
        ),
        ("preview_augmentation", {"image_id": 99}, NO_PICTURE.format(id=99)),
        (
            "preview_augmentation",
            {"image_id": 1, "count": 1000},
            NOT_WHOLE.format(key="count", value=1000, range="1 to 32"),
        ),
        ("preview_augmentation", {"image_id": 1, "augmentation": {"twirl": {}}}, "twirl"),
        ("start_training", {"spec": {}}, NOTHING_LABELLED),
        ("start_training", {"spec": {"epoch": 3}}, 'unknown key "epoch"'),
        ("start_training", {"spec": {"epochs": "3"}}, 'epochs is "3"'),
        ("start_training", {"spec": {"epochs": True}}, "epochs is True"),
        ("start_training", {"spec": {"augmentation": {"rotate": {"strength": "9"}}}}, "rotate"),
        ("run_status", {"run_id": 99}, NO_RUN.format(id=99)),
        ("run_report", {"run_id": 99}, NO_RUN.format(id=99)),
        ("stop_training", {"run_id": 99}, NO_RUN.format(id=99)),
        ("pause_training", {"run_id": 99}, NO_RUN.format(id=99)),
        ("resume_training", {"run_id": "1"}, NOT_WHOLE.format(key="run_id", value='"1"', range=1)),
        (
            "move_training",
            {"run_id": 1, "place": 0},
            NOT_WHOLE.format(key="place", value=0, range="1"),
        ),
        ("train_again", {"version": "v99"}, UNKNOWN_VERSION.format(name="v99", known="none yet")),
        ("train_again", {"version": ""}, NO_VERSION_NAME),
        ("list_runs", {"limit": 0}, NOT_WHOLE.format(key="limit", value=0, range="1 to 500")),
        ("run_log", {"run_id": 99}, NO_RUN.format(id=99)),
        ("run_trials", {"run_id": 99}, NO_RUN.format(id=99)),
        ("promote", {"version": "v99"}, UNKNOWN_VERSION.format(name="v99", known="none yet")),
        ("promote", {"version": "v99", "alias": "../x"}, INVALID_ALIAS),
        ("promote", {"version": "v99", "alias": "v1"}, INVALID_ALIAS),
        ("alias_history", {"alias": "v1"}, INVALID_ALIAS),
        ("download_model", {"version": "v99"}, UNKNOWN_VERSION.format(name="v99", known="none yet")),
        ("delete_model", {"version": "v99"}, UNKNOWN_VERSION.format(name="v99", known="none yet")),
        ("delete_model", {"version": "production"}, NO_ALIAS),
        (
            "compare_models",
            {"first": "v1", "second": ""},
            UNKNOWN_VERSION.format(name="v1", known="none yet"),
        ),
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
    with raises_sentence(AppError, NO_MODEL):
        client.predict(image=handle_file(str(tmp_path / "one.jpg")), api_name="/predict")
    with raises_sentence(AppError, UNKNOWN_VERSION.format(name="v7", known="none yet")):
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
    assert json.dumps(NOT_UPLOADED)[1:-1] in answer
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
