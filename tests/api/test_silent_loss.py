"""A server whose locks on the database were dropped says so, and refuses what it could not keep."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio_client.exceptions import AppError

from storage.core.errors import DATABASE_REPLACED
from tests.running import ROOT, ColdServer, until

pytestmark = pytest.mark.slow
SENTENCE = DATABASE_REPLACED.partition("{since}")[0]
LOOKS_IN = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); print(*c.execute('SELECT name FROM classes')); c.close()"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ColdServer]:
    running = ColdServer(tmp_path)
    running.program = "-m", "tests.app_that_drops_locks"
    yield running.start()
    running.close()


def health(server: ColdServer) -> tuple[int, dict[str, str]]:
    try:
        with urllib.request.urlopen(f"{server.url}/healthz", timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def checked_from_outside(server: ColdServer) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "workbench.integrity"],
        cwd=ROOT,
        env={**os.environ, "WORKBENCH_DATA": str(server.data / "workbench")},
        capture_output=True,
        text=True,
        check=False,
    )


def drop_locks(server: ColdServer) -> None:
    """The server opens and closes the file; then another process comes, and as it goes it removes the log."""
    data = server.data / "workbench"
    os.kill(server.pid, signal.SIGUSR1)
    until((data / "dropped").is_file, "the server to drop its locks")
    subprocess.run([sys.executable, "-c", LOOKS_IN, str(data / "waterline.db")], check=True)


def test_a_server_whose_locks_were_dropped_loses_nothing_silently(server: ColdServer) -> None:
    client = server.client()
    client.predict(name="Before", api_name="/add_class")
    assert health(server) == (200, {"status": "ok"})
    assert checked_from_outside(server).stdout.endswith("All is well.\n")
    drop_locks(server)

    code, report = health(server)
    assert (code, report["status"]) == (503, "failing")
    assert report["problem"].startswith(SENTENCE)
    assert str(server.data) not in report["problem"]
    with pytest.raises(AppError, match=re.escape(SENTENCE)):
        client.predict(name="Lost", api_name="/add_class")
    findings = client.predict(api_name="/check_integrity")
    assert not findings["ok"]
    assert [fault["examples"][0].startswith(SENTENCE) for fault in findings["faults"]] == [True]
    outside = checked_from_outside(server)
    assert outside.returncode == 1
    assert f"The server that is running says: {SENTENCE}" in outside.stderr

    server.end(signal.SIGKILL)
    server.start()
    assert health(server) == (200, {"status": "ok"})
    classes = server.client().predict(api_name="/dataset_summary")["classes"]
    assert [class_["name"] for class_ in classes] == ["Before"]
