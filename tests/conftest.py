"""Fixtures for all tests."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import forked_workers
from tests.data_folders import new_data_folder
from tests.running import Server
from workbench.core import processes
from workbench.core.settings import Settings
from workbench.services import Services, build_services

# Two tests run at once on two cores: TensorFlow gets one thread in each.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
PASSWORD = "Käse & Brot"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run files with slow tests first, so that no process is still at a long file when the other has nothing left."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def no_weights_of_the_machine(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights that Keras has downloaded on this machine must not change what a test sees."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))


@pytest.fixture(scope="session", autouse=True)
def workers_are_forked() -> Iterator[None]:
    """Workers come from a process that has imported TensorFlow."""
    with forked_workers.serving():
        yield


@pytest.fixture
def cold_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers of this process start as a user's do."""
    monkeypatch.setattr(processes, "subprocess", subprocess)


@contextmanager
def _tiny() -> Iterator[None]:
    from tests.workbench import tiny_net

    with tiny_net.installed(), pytest.MonkeyPatch.context() as patch:
        patch.setenv(forked_workers.NETS, "tiny")
        yield


@pytest.fixture
def tiny_net() -> Iterator[None]:
    """Runs from scratch train a net of a few numbers, in this process and in forked workers."""
    with _tiny():
        yield


@pytest.fixture(scope="module")
def tiny_nets() -> Iterator[None]:
    """The same for all of a module."""
    with _tiny():
        yield


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """Services on a fresh data folder; nothing runs in the background."""
    return build_services(Settings(data=new_data_folder(tmp_path / "workbench"), insight=False))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A running app on a fresh data folder."""
    new_data_folder(tmp_path / "workbench")
    running = Server(tmp_path).start()
    yield running
    running.close()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """On loopback, without a login."""
    server = Server(
        tmp_path_factory.mktemp("plain"), WORKBENCH_ALLOWED_HOSTS="Bottles.example, port.example:81"
    ).start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Open to the network, with a password."""
    folder = tmp_path_factory.mktemp("locked")
    server = Server(folder, GRADIO_SERVER_NAME="0.0.0.0", WORKBENCH_PASSWORD=PASSWORD).start()
    yield server
    server.close()
