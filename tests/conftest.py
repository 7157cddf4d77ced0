"""Fixtures for all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import Server
from workbench.core.settings import Settings
from workbench.services import Services, build_services

# Two tests run at once on two cores: TensorFlow gets one thread in each.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
PASSWORD = "Käse & Brot"


@pytest.fixture(autouse=True)
def no_weights_of_the_machine(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights that Keras has downloaded on this machine must not change what a test sees."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """Services on a fresh data folder; nothing runs in the background."""
    return build_services(Settings(data=tmp_path / "workbench", insight=False))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A running app on a fresh data folder."""
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
