"""The worker of the model's help as a process of its own: started, killed, started again, giving way to training."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace

import psutil
import pytest

from storage.learning.suggestions import WORKER
from tests.running import until
from workbench.active_learning import worker_state
from workbench.active_learning.embedders import BACKBONE
from workbench.active_learning.service import ActiveLearningStatus
from workbench.core.processes import alive, started_at
from workbench.services import Services, build_services
from workbench.training.spec import TrainingSpec

pytestmark = pytest.mark.slow


@pytest.fixture
def helping(labelled: Services) -> Iterator[Services]:
    """Services whose helper looks for work; a worker that is still there at the end is ended."""
    services = build_services(replace(labelled.settings, insight=True))
    services.stores.edits.label([1, 2, 3, 24], None, "Ada")
    yield services
    services.active_learning_supervisor.close()
    with suppress(psutil.Error):
        process = worker(services)
        if process:
            process.kill()
            process.wait(30)


def worker(services: Services) -> psutil.Process | None:
    recorded = services.stores.preferences.get(WORKER, None)
    if recorded is None or not alive(*recorded):
        return None
    process = psutil.Process(recorded[0])
    return process if process.environ().get("WORKBENCH_DATA") == str(services.stores.root) else None


def done(services: Services) -> ActiveLearningStatus:
    def there() -> ActiveLearningStatus | None:
        status = services.active_learning.status()
        stamp = services.stores.suggestions.stamp()
        return status if worker_state.read(services.stores.preferences).done.endswith(stamp) else None

    reached = until(there, "the model's help to be up to date", 120)
    assert reached is not None
    return reached


def kill(services: Services) -> None:
    process = until(lambda: worker(services), "a worker", 60)
    assert process is not None
    process.send_signal(signal.SIGKILL)
    process.wait(30)


@pytest.mark.usefixtures("cold_workers")
def test_a_worker_does_everything_and_learns_again_when_labels_come(helping: Services) -> None:
    helping.active_learning_supervisor.start()
    first = done(helping)
    assert (first.embedded, first.labels, first.suggestions, first.mapped) == (24, 20, 4, 24)
    left = helping.active_learning.next_images()
    assert len(left) == 4
    helping.stores.edits.label(left[:2], helping.stores.classes.get("Low"), "Ada")
    second = done(helping)
    assert (second.labels, second.suggestions, second.next_up) == (22, 2, 2)
    assert second.trained_at > first.trained_at


def test_a_killed_worker_is_followed_by_one_that_goes_on(helping: Services) -> None:
    helping.active_learning_supervisor.start()
    until(lambda: helping.active_learning.status().embedded, "some embeddings")
    kill(helping)
    assert not helping.active_learning.status().running
    assert helping.stores.database.value("PRAGMA integrity_check") == "ok"
    helping.active_learning.refresh()
    assert done(helping).embedded == 24


def test_a_worker_outlives_the_server_and_no_second_one_is_started(helping: Services) -> None:
    helping.active_learning_supervisor.start()
    first = until(lambda: worker(helping), "a worker")
    helping.active_learning_supervisor.close()
    with closing(build_services(helping.settings)) as later:
        later.active_learning_supervisor.start()
        done(later)
        assert first is not None
        assert later.stores.preferences.get(WORKER, None)[0] == first.pid


def test_only_one_process_can_be_the_worker(helping: Services) -> None:
    me, started = os.getpid(), started_at(os.getpid())
    assert helping.stores.suggestions.claim(me, started, alive)
    assert not helping.stores.suggestions.claim(me + 1, started, alive)
    assert helping.stores.suggestions.claim(me + 1, started, lambda pid, at: False)


def test_it_waits_while_a_run_trains_unless_somebody_asks(helping: Services) -> None:
    helping.training.start(helping.training.draft())  # queued: nobody looks after runs here
    helping.active_learning_supervisor.start()
    with pytest.raises(AssertionError):
        until(lambda: worker(helping), "a worker that must not come", 3)
    assert "when the training run has ended" in helping.active_learning.status().sentence
    helping.active_learning.refresh()
    assert done(helping).embedded == 24


def test_labelling_goes_on_while_it_works(helping: Services) -> None:
    """The other way round it would be the labelling that waits, which a timeout of zero turns into an error."""
    helping.active_learning_supervisor.start()
    until(lambda: worker(helping), "a worker")
    connection = sqlite3.connect(helping.stores.database.path, timeout=1)
    for _ in range(200):
        connection.execute("UPDATE images SET notes = notes || 'x' WHERE id = 1")
        connection.commit()
    connection.close()
    assert done(helping).embedded == 24


def test_weights_that_cannot_be_read_are_named_and_the_built_in_embedding_serves(helping: Services) -> None:
    folder = helping.stores.root / "weights"
    folder.mkdir()
    (folder / BACKBONE.weights_file).write_bytes(b"no weights")
    helping.active_learning_supervisor.start()
    status = done(helping)
    assert (status.kind, status.embedded) == ("built-in", 24)
    assert "mobilenet-v2" in status.sentence
    assert "cannot be used here" in status.sentence


@pytest.mark.usefixtures("tiny_net")
def test_the_production_model_makes_the_embeddings_where_that_is_asked_for(helping: Services) -> None:
    helping.start()
    try:
        run_id = helping.training.start(TrainingSpec(epochs=1))
        run = until(lambda: helping.stores.runs.get(run_id).version, "a model", 180)
        assert run is not None
        helping.stores.registry.promote(run, "production", "first", "Ada")
    finally:
        helping.close()
    with closing(build_services(replace(helping.settings, embeddings="version"))) as later:
        later.active_learning_supervisor.start()
        status = until(
            lambda: (
                (current := later.active_learning.status()).kind == "version"
                and current.mapped == 24
                and current
            ),
            "it",
            120,
        )
        assert status
        assert (status.embedded, status.embedder.split()[0]) == (24, run)
        assert len(later.active_learning.similar(1, 5)) == 5
        assert done(later).suggestions == 4
    names = [row[0] for row in later.stores.database.rows("SELECT kind FROM embedders")]
    assert names == ["version"]
