"""One running app for all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from gradio_client import Client

from tests.running import Server


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("api")).start()
    yield running
    running.close()


@pytest.fixture(scope="module")
def client(served: Server) -> Client:
    return served.client()
