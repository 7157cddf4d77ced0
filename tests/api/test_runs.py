"""The queue of runs over the public endpoints, what runs leave behind, and the nets that they can train."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from storage.training.runs import ALREADY_PAUSED, NOT_RESUMABLE, NOT_WAITING
from tests.running import Server, until
from tests.sentences import raises_sentence
from tests.versions import Answers, finished_run, import_pictures
from workbench.backbones.definitions import BACKBONES
from workbench.core.processes import started_at
from workbench.core.settings import Settings
from workbench.services import Services, build_services
from workbench.training.spec import TrainingSpec

pytestmark = pytest.mark.slow
LONG = {"epochs": 1000, "patience": 1000}
SEARCH = TrainingSpec.of("best", max_minutes=3)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, tiny_nets: None) -> Iterator[Server]:
    """An app with the finished run 1, whose version is v1, and the failed search 2."""
    folder = tmp_path_factory.mktemp("runs")
    services = build_services(Settings(data=folder / "workbench", insight=False))
    import_pictures(services, {"Full": 12, "Half": 12})
    finished_run(services, folder / "first", Answers("Half", "Full", 1), seed=7)
    failed_search(services)
    running = Server(folder).start()
    yield running
    running.close()


def failed_search(services: Services) -> None:
    stores = services.stores
    run_id = stores.runs.create(stores.runs.get(1).snapshot_id, SEARCH.to_dict())
    tried = {"name": "Instant", "spec": {"recipe": "instant"}, "metrics": {"macro_f1": 0.5}, "seconds": 2.5}
    attempt = stores.runs.claim(run_id, os.getpid(), started_at(os.getpid()))
    attempt.put_trial({**tried, "number": 1, "status": "finished"})
    attempt.put_trial({**tried, "number": 2, "status": "waiting", "name": "Fine-tuned", "metrics": {}})
    stores.log_file(run_id).parent.mkdir(parents=True, exist_ok=True)
    stores.log_file(run_id).write_text("begun\nthe net was lost\n")
    stores.runs.end(run_id, "failed", "The net was lost.")


def listed(client: Client) -> dict[int, dict[str, Any]]:
    # gradio_client ends a call as cancelled whose answer meets the end of the stream of the one before.
    with suppress(CancelledError):
        return {run["run_id"]: run for run in client.predict(api_name="/list_runs")["runs"]}
    return listed(client)


def waiting(client: Client) -> list[int]:
    return [run_id for run_id, run in listed(client).items() if run["place"]]


def started(client: Client, **spec: Any) -> int:
    return client.predict(spec={**LONG, **spec}, api_name="/start_training")["run_id"]


def test_runs_are_listed_with_how_they_ended(client: Client) -> None:
    runs = listed(client)
    assert (runs[1]["status"], runs[1]["version"], runs[1]["error"]) == ("finished", "v1", None)
    assert (runs[2]["status"], runs[2]["version"], runs[2]["error"]) == ("failed", None, "The net was lost.")
    assert runs[2]["spec"] == SEARCH.to_dict()
    assert not any(run["place"] or run["resumable"] for run in runs.values())
    newest = client.predict(limit=1, api_name="/list_runs")["runs"]
    assert [run["run_id"] for run in newest] == [max(runs)]


def test_a_run_gives_its_log_and_its_tries(client: Client) -> None:
    assert client.predict(run_id=2, api_name="/run_log")["log"].splitlines()[-1] == "the net was lost"
    tries = client.predict(run_id=2, api_name="/run_trials")["trials"]
    assert [(trial["number"], trial["status"]) for trial in tries] == [(1, "finished"), (2, "waiting")]
    assert (tries[0]["metrics"], tries[0]["seconds"]) == ({"macro_f1": 0.5}, 2.5)
    assert client.predict(run_id=1, api_name="/run_trials") == {"trials": []}


def test_nets_are_listed_with_what_they_lack(client: Client) -> None:
    nets = {
        backbone["name"]: backbone for backbone in client.predict(api_name="/list_backbones")["backbones"]
    }
    assert nets.keys() == BACKBONES.keys()
    assert (nets["compact"]["recipes"], nets["compact"]["weights"]) == (["scratch"], "It needs none.")
    strong = nets["mobilenet_v2"]
    assert strong["recipes"] == ["instant", "fine_tune", "best"]
    assert not strong["weights_here"]
    assert strong["weights_file"] in strong["weights"]


def test_runs_wait_change_places_pause_and_go_on(client: Client) -> None:
    first, second = started(client), started(client, seed=5)
    again = client.predict(version="v1", api_name="/train_again")
    assert again == {"run_id": second + 1, "status": "queued"}
    assert listed(client)[again["run_id"]]["spec"] == listed(client)[1]["spec"]
    until(lambda: listed(client)[first]["status"] == "running", "the first run to begin")
    assert waiting(client) == [second, again["run_id"]]
    moved = client.predict(run_id=again["run_id"], place=1, api_name="/move_training")["runs"]
    assert [(run["run_id"], run["place"]) for run in moved] == [(again["run_id"], 1), (second, 2)]
    assert waiting(client) == [again["run_id"], second]
    for run_id in (second, again["run_id"]):
        client.predict(run_id=run_id, api_name="/stop_training")
    with raises_sentence(AppError, NOT_WAITING.format(id=second)):
        client.predict(run_id=second, api_name="/move_training")

    assert client.predict(run_id=first, api_name="/pause_training")["run_id"] == first
    until(lambda: listed(client)[first]["status"] == "paused", "the pause", 120)
    assert listed(client)[first]["resumable"]
    with raises_sentence(AppError, ALREADY_PAUSED.format(id=first)):
        client.predict(run_id=first, api_name="/pause_training")
    queued = client.predict(run_id=first, api_name="/resume_training")
    assert queued == {"run_id": first, "status": "queued"}
    until(lambda: listed(client)[first]["status"] == "running", "the run to go on", 120)
    client.predict(run_id=first, api_name="/stop_training")
    until(lambda: listed(client)[first]["status"] == "stopped", "the run to end", 120)
    with raises_sentence(AppError, NOT_RESUMABLE.format(id=1, status="finished")):
        client.predict(run_id=1, api_name="/resume_training")


def test_stop_keeps_the_best_epoch(client: Client) -> None:
    run_id = started(client)
    until(lambda: listed(client)[run_id]["status"] == "running", "the run to begin")
    until(lambda: client.predict(run_id=run_id, api_name="/run_status")["metrics"], "a first epoch", 120)
    client.predict(run_id=run_id, api_name="/stop_training")
    stopped = until(lambda: listed(client)[run_id]["version"], "a version", 120)
    assert listed(client)[run_id]["status"] == "stopped"
    assert stopped in {model["version"] for model in client.predict(api_name="/list_models")["models"]}
