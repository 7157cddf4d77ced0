"""What becomes of runs that are paused, resumed, moved or given up; no worker is started here."""

from __future__ import annotations

import json
import logging
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from storage.core.errors import Conflict, NotFound
from storage.records import Run
from storage.training.runs import NOT_RESUMABLE
from tests.running import until
from tests.sentences import raises_sentence
from tests.versions import Answers, finished_run, import_pictures
from workbench.catalogue.trash import RUN_UNDER_WAY
from workbench.core.processes import MemoryLimit, memory_bytes, started_at
from workbench.services import Services, build_services
from workbench.training import checkpoint_retention, webhook
from workbench.training.service import PICTURES_REMOVED
from workbench.training.spec import TrainingSpec
from workbench.training.supervisor import SILENT_SECONDS, UNDER_WAY, heartbeat_warning


def taken(services: Services) -> int:
    """A run that this process has taken, as a worker does."""
    run_id = services.training.start(TrainingSpec())
    assert services.stores.runs.claim(run_id, os.getpid(), started_at(os.getpid()))
    return run_id


def with_checkpoint(services: Services, status: str) -> Run:
    run_id = taken(services)
    attempt = services.stores.runs.attempt_at(services.stores.runs.get(run_id))
    folder = checkpoint_retention.adopt_checkpoints(services.stores, attempt)
    folder.mkdir(parents=True)
    (folder / "weights").write_bytes(b"weights")
    attempt.add_epoch(1, {"epoch": 1})
    services.stores.runs.end(run_id, status, "It ended.")
    return services.stores.runs.get(run_id)


@pytest.fixture
def posted() -> Iterator[list[dict[str, Any]]]:
    """What a server of this machine was posted; its address is the first thing in the list."""
    bodies: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            bodies.append({"type": self.headers["Content-Type"], **json.loads(body)})
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        bodies.append({"address": f"http://127.0.0.1:{server.server_port}/runs"})
        yield bodies
        server.shutdown()


@pytest.mark.parametrize("status", ["paused", "interrupted", "failed"])
def test_a_run_without_a_model_goes_on_under_its_number(labelled: Services, status: str) -> None:
    run = with_checkpoint(labelled, status)
    assert labelled.training.resumable(run)
    assert labelled.training.resume(run.id) == run.id
    again = labelled.stores.runs.get(run.id)
    assert (again.status, again.error, again.pid, again.heartbeat) == ("queued", None, None, None)
    assert labelled.stores.runs.history(run.id) == [{"epoch": 1}]
    assert checkpoint_retention.has_checkpoint(labelled.stores, again)


def test_a_failed_run_without_a_checkpoint_is_not_called_resumable(labelled: Services) -> None:
    run_id = taken(labelled)
    labelled.stores.runs.end(run_id, "failed", "It broke.")
    assert not labelled.training.resumable(labelled.stores.runs.get(run_id))


def test_a_finished_run_does_not_go_on(services: Services, tmp_path: Path) -> None:
    import_pictures(services, {"Full": 6, "Half": 6})
    version = finished_run(services, tmp_path / "v1", Answers("Half", "Full", 1))
    with raises_sentence(Conflict, NOT_RESUMABLE.format(id=version.run_id, status="finished")):
        services.training.resume(version.run_id)
    assert not services.training.resumable(services.stores.runs.get(version.run_id))


def test_a_run_whose_pictures_were_removed_for_good_says_so(labelled: Services) -> None:
    run = with_checkpoint(labelled, "paused")
    [first, *_] = labelled.stores.snapshots.items(run.snapshot_id)
    labelled.stores.edits.archive([first.image_id], "ann")
    with raises_sentence(Conflict, RUN_UNDER_WAY):
        taken(labelled)
        labelled.trash.empty("1", "ann")
    labelled.stores.runs.end(run.id + 1, "failed", "It broke.")
    assert labelled.trash.empty("1", "ann") == 1
    with raises_sentence(Conflict, PICTURES_REMOVED.format(missing=1, total=24, id=run.id)):
        labelled.training.resume(run.id)
    assert labelled.stores.runs.get(run.id).status == "paused"


def test_training_again_takes_the_same_pictures_and_settings(services: Services, tmp_path: Path) -> None:
    import_pictures(services, {"Full": 6, "Half": 6})
    version = finished_run(services, tmp_path / "v1", Answers("Half", "Full", 1))
    services.stores.registry.promote("v1", "production", "", "ann")
    import_pictures(services, {"Empty": 14})
    first = services.stores.runs.get(version.run_id)
    for name in ("v1", "production"):
        again = services.stores.runs.get(services.training.repeat(name))
        assert (again.status, again.snapshot_id, again.spec) == ("queued", first.snapshot_id, first.spec)
    with pytest.raises(NotFound, match="“v2”"):
        services.training.repeat("v2")
    shutil.rmtree(services.stores.root / "blobs" / "originals")
    with raises_sentence(Conflict, PICTURES_REMOVED.format(missing=12, total=12, id=first.id)):
        services.training.repeat("v1")


def test_checkpoints_of_the_newest_ended_runs_are_kept(labelled: Services) -> None:
    paused = with_checkpoint(labelled, "paused")
    ended = [with_checkpoint(labelled, "interrupted") for _ in range(checkpoint_retention.KEPT_RUNS + 2)]
    finished = with_checkpoint(labelled, "finished")
    checkpoint_retention.prune_checkpoints(labelled.stores)
    kept = [
        run for run in (paused, *ended, finished) if checkpoint_retention.has_checkpoint(labelled.stores, run)
    ]
    assert kept == [paused, *ended[2:]]


def test_a_run_that_nothing_is_heard_of_is_named(labelled: Services) -> None:
    run = labelled.stores.runs.get(taken(labelled))
    assert run.heartbeat is not None
    assert heartbeat_warning(run) == ""
    late = replace(run, heartbeat=run.heartbeat - SILENT_SECONDS - 1)
    assert f"Nothing was heard of run {run.id} for 31 seconds" in heartbeat_warning(late)
    assert f"end process {os.getpid()}" in heartbeat_warning(late)
    labelled.stores.runs.end(run.id, "failed", "It broke.")
    assert heartbeat_warning(replace(late, status="failed")) == ""


def test_a_budget_is_a_share_of_the_machine_for_each_run_at_once() -> None:
    whole = MemoryLimit(0, 1)
    assert 0.5 * memory_bytes() < whole.megabytes * 2**20 < memory_bytes()
    assert abs(MemoryLimit(0, 2).megabytes * 2 - whole.megabytes) <= 2
    assert MemoryLimit(700, 2).megabytes == 700
    ballast = bytearray(64 * 2**20)
    usage = whole.usage()
    assert len(ballast) / 2**20 < usage.memory_mb < whole.megabytes


def test_an_address_is_told_of_every_run_that_ends(labelled: Services, posted: list[dict[str, Any]]) -> None:
    settings = replace(labelled.settings, webhook=posted.pop()["address"])
    with closing(build_services(settings)) as server:
        run_id = taken(server)
        server.start()
        until(lambda: run_id in server.stores.preferences.get(UNDER_WAY, []), "the run to be seen")
        server.stores.runs.end(run_id, "failed", "It broke.")
        [report] = until(lambda: list(posted), "the address to be told")
    run = server.stores.runs.get(run_id)
    assert report == {
        "type": "application/json",
        "run_id": run_id,
        "status": "failed",
        "version": None,
        "error": "It broke.",
        "recipe": "scratch",
        "architecture": "compact",
        "ended_at": run.ended_at,
    }


def test_a_run_that_ended_while_no_server_was_there_is_told_later(
    labelled: Services, posted: list[dict[str, Any]]
) -> None:
    settings = replace(labelled.settings, webhook=posted.pop()["address"])
    run_id, paused = taken(labelled), taken(labelled)
    with closing(build_services(settings)) as server:
        server.start()
        until(lambda: server.stores.preferences.get(UNDER_WAY, []) == [run_id, paused], "the runs to be seen")
    labelled.stores.runs.end(run_id, "finished")
    labelled.stores.runs.end(paused, "paused")
    with closing(build_services(settings)) as later:
        later.start()
        until(lambda: list(posted), "the address to be told")
        until(lambda: later.stores.preferences.get(UNDER_WAY, None) == [], "the runs to be done with")
    assert [(report["run_id"], report["status"]) for report in posted] == [(run_id, "finished")]


def failed_reports(caplog: pytest.LogCaptureFixture) -> list[int]:
    """The runs of which the webhook could not be told."""
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    return [int(str(record.args[0])) for record in errors if record.name == webhook.__name__ and record.args]


def test_an_address_that_does_not_answer_holds_nothing_up(
    labelled: Services, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(build_services(replace(labelled.settings, webhook="http://127.0.0.1:9/nobody"))) as server:
        first, second = taken(server), taken(server)
        server.start()
        until(lambda: server.stores.preferences.get(UNDER_WAY, []), "the runs to be seen")
        for run_id in (first, second):
            server.stores.runs.end(run_id, "failed", "It broke.")
        until(
            lambda: sorted(failed_reports(caplog)) == [first, second],
            "both failures to be logged",
        )
