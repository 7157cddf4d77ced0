"""Fixtures for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import Server
from workbench.services import Services, build_services
from workbench.settings import Settings


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
