"""Model versions over the public endpoints: compared, downloaded, deleted, and what their aliases went through."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from tests.running import Server
from tests.versions import Answers, finished_run, import_pictures
from workbench.core.settings import Settings
from workbench.services import build_services


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An app with three versions, the first of which is in production."""
    folder = tmp_path_factory.mktemp("models")
    services = build_services(Settings(data=folder / "workbench", insight=False))
    import_pictures(services, {"Full": 12, "Half": 12})
    for number, wrong in enumerate((5, 1, 1), 1):
        finished_run(services, folder / f"run-{number}", Answers("Half", "Full", wrong), seed=min(number, 2))
    services.stores.registry.promote("v1", "production", "the first one", "ann")
    running = Server(folder).start()
    yield running
    running.close()


def test_two_versions_are_compared_in_figures_and_in_a_sentence(client: Client) -> None:
    comparison = client.predict(first="production", second="v2", api_name="/compare_models")
    assert [comparison[side]["version"] for side in ("first", "second")] == ["v1", "v2"]
    assert (
        comparison["first"]["metrics"]["macro_f1"] < 0.9 < comparison["second"]["metrics"]["macro_f1"] < 1.0
    )
    assert comparison["sentence"].startswith("v2 is ahead in macro-F1")
    assert not comparison["same_pictures"]
    same = client.predict(first="v2", second="v3", api_name="/compare_models")
    assert same["same_pictures"]


@pytest.mark.parametrize("file", ["model.tflite", "model.keras", "manifest.json"])
def test_a_file_of_a_version_is_downloaded_as_it_is_kept(client: Client, served: Server, file: str) -> None:
    path = Path(client.predict(version="v2", file=file, api_name="/download_model"))
    assert path.name == f"v2-{file}"
    assert path.read_bytes() == (served.data / "workbench/models/v2" / file).read_bytes()


def test_no_other_file_is_downloaded(client: Client) -> None:
    with pytest.raises(AppError) as refused:
        client.predict(version="v2", file="../v1/model.keras", api_name="/download_model")
    assert "model.tflite, model.keras" in str(refused.value)


def test_a_version_is_deleted_unless_it_is_in_use(client: Client) -> None:
    with pytest.raises(AppError) as refused:
        client.predict(version="v1", api_name="/delete_model")
    assert "v1 is in use as production" in str(refused.value)
    deleted = client.predict(version="v3", api_name="/delete_model")
    assert deleted == {"deleted": "v3", "versions": ["v2", "v1"]}
    left = client.predict(api_name="/list_models")["models"]
    assert [model["version"] for model in left] == ["v2", "v1"]


def test_the_history_of_an_alias_is_given(client: Client) -> None:
    client.predict(version="v2", reason="better", by="Bea", api_name="/promote")
    history = client.predict(api_name="/alias_history")["history"]
    assert [(move["version"], move["reason"], move["actor"]) for move in history] == [
        ("v2", "better", "Bea"),
        ("v1", "the first one", "ann"),
    ]
    assert client.predict(alias="unheard-of", api_name="/alias_history") == {"history": []}
