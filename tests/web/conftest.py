"""Servers with and without a login, one for all tests of a file since none changes what another sees."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.running import Server

PASSWORD = "Käse & Brot"


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
