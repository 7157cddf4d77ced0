"""Two thousand calls that make no sense, of everything that can be called: each is refused in a sentence, and nothing breaks."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.api.forged_files import SECRET, Attacked, attacked, healthy
from tests.api.fuzzing import Fuzzer, fault
from tests.running import ROOT
from tests.versions import Answers, finished_run, import_pictures
from workbench.core.settings import Settings
from workbench.services import build_services

pytestmark = pytest.mark.slow
CALLS, SEED, TOGETHER = 2000, 8, 4


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Attacked]:
    """A server with pictures, classes and a version."""
    services = build_services(Settings(data=tmp_path / "workbench", insight=False))
    import_pictures(services, {"Full": 8, "Half": 6})
    finished_run(services, tmp_path / "model", Answers("Half", "Full", 1))
    with attacked(tmp_path) as attacked_server:
        yield attacked_server


def test_every_refusal_is_a_sentence_and_nothing_breaks(target: Attacked, tmp_path: Path) -> None:
    calls = Fuzzer(target, SEED).calls(CALLS)
    with ThreadPoolExecutor(TOGETHER) as pool:
        answers = list(pool.map(lambda call: call.send(), calls))
    faults = [
        f"{what} ({status}): {call.what}\n    {text[:300]}"
        for call, (status, text) in zip(calls, answers, strict=True)
        if (what := fault(status, text) or (SECRET in text and "a secret"))
    ]
    assert not faults, f"{len(faults)} of {CALLS}:\n" + "\n".join(faults[:40])
    refused = sum(status >= 400 for status, _ in answers)
    assert CALLS / 4 < refused < CALLS

    assert healthy(target.server)
    log = (target.server.data / "server.log").read_text(errors="replace")
    assert "Traceback" not in log
    target.server.end()
    sound(tmp_path / "workbench")


def sound(data: Path) -> None:
    """Assert that a data folder is as it should be."""
    with closing(sqlite3.connect(data / "waterline.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("PRAGMA foreign_key_check").fetchone() is None
    checked = subprocess.run(
        [sys.executable, "-m", "workbench.integrity"],
        cwd=ROOT, env={**os.environ, "WORKBENCH_DATA": str(data)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout + checked.stderr
